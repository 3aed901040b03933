//! The database's binary log: where it stands, what a range of it holds, and how a range is done
//! again on a copy of a schema. `docs/architecture.md` has the guards, and why all are needed.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::sync::atomic::Ordering;
use std::time::Duration;

use crate::engine::Engine;
use crate::error::{Error, Result};
use crate::host::fifo::Fifo;
use crate::model::binary_log::{Held, Position, Scan};
use crate::services::database::Server;
use crate::services::dump::in_container;

/// No range takes as long to read: whoever waits ends it by its pipe.
const LIMIT: Duration = Duration::from_secs(7 * 86_400);

/// The image's program that reads binary logs, with its output in a pipe.
const READ: &str = "pipe=$1; shift; \
                    exec \"$(command -v mariadb-binlog || command -v mysqlbinlog)\" \"$@\" >\"$pipe\"";

/// The same, given to a client that logs in by `config`. Any that fails, fails. What is done again
/// gets numbers of its own: with the original's the log would have each of them twice, and the next
/// range could not be read.
const REPLAY: &str = "set -o pipefail; config=$1; shift
\"$(command -v mariadb-binlog || command -v mysqlbinlog)\" \"$@\" |
  LC_ALL=C sed '/^[/][*]M\\{0,1\\}![0-9]* SET @@session[.]gtid_seq_no=/d' |
  \"$(command -v mariadb || command -v mysql)\" --defaults-file=\"$config\" --binary-mode \
  --max-allowed-packet=1G";

/// A range of the binary log.
#[derive(Debug, Clone)]
pub struct Range {
    /// The paths of its files in the database's container, the oldest first.
    files: Vec<String>,
    from: Position,
    to: Position,
}

/// Asks whether the server writes rows, and is one of MariaDB's.
const FORMAT: &str = "SELECT @@log_bin, @@binlog_format, INSTR(@@version, 'MariaDB') > 0;\n";

/// The answer of one whose log can be followed.
const FOLLOWED: [&str; 3] = ["1", "ROW", "1"];

/// Whether the server has a log that can be followed: not where it writes none of its rows, or is none
/// of MariaDB's: nobody there may be allowed to replay it and nothing else.
///
/// # Errors
/// Exit 1 with what the server says.
pub fn can_be_followed(server: &Server<'_>) -> Result<bool> {
    let format = server.query(FORMAT)?;
    Ok(format.split_whitespace().eq(FOLLOWED))
}

/// The range from a position to where the log stands now.
///
/// # Errors
/// Exit 1 where the log cannot be followed or its beginning is gone, or with what the server says.
pub fn range(server: &Server<'_>, from: &Position) -> Result<Range> {
    // In one call: in the last round nobody may write.
    let answer = server.query(&format!(
        "{FORMAT}SELECT @@log_bin_basename;\nSHOW MASTER STATUS;\nSHOW BINARY LOGS;\n"
    ))?;
    let mut lines = answer.lines();
    let format = lines.next().unwrap_or_default();
    if !format.split_whitespace().eq(FOLLOWED) {
        return Err(Error::failed(
            "the database has no binary log of rows any more",
        ));
    }
    let base = lines.next().unwrap_or_default();
    let mut status = lines.next().unwrap_or_default().split('\t');
    let to = status.next().zip(status.next()).and_then(|(file, at)| {
        Some(Position {
            file: file.to_owned(),
            offset: at.parse().ok()?,
        })
    });
    let to =
        to.ok_or_else(|| Error::failed("the database does not say where its binary log stands"))?;
    let logs = lines.filter_map(|line| line.split('\t').next());
    let files = files_between(logs, from, &to);
    if files.is_empty() {
        return Err(Error::failed(format!(
            "the binary log {} is gone",
            from.file
        )));
    }
    let directory = Path::new(base).parent().unwrap_or(Path::new("/"));
    let inside = |file: &str| directory.join(file).display().to_string();
    Ok(Range {
        files: files.into_iter().map(inside).collect(),
        from: from.clone(),
        to,
    })
}

/// The logs of a range. The last position counts for the last one that is read, so that one that was
/// begun since must not be among them.
fn files_between<'a>(
    logs: impl Iterator<Item = &'a str>,
    from: &Position,
    to: &Position,
) -> Vec<&'a str> {
    let mut files: Vec<&str> = logs.skip_while(|file| *file != from.file).collect();
    match files.iter().position(|file| *file == to.file) {
        Some(last) => files.truncate(last + 1),
        None => files.clear(),
    }
    files
}

impl Range {
    /// Where it ends.
    pub fn end(&self) -> &Position {
        &self.to
    }

    /// Whether nothing is in it.
    pub fn is_empty(&self) -> bool {
        self.from == self.to
    }

    /// The words of the program that reads it.
    fn words(&self) -> Vec<String> {
        let mut words = vec![
            // Numbers are a matter of replicas; others may have replayed something as well.
            "--loose-skip-gtid-strict-mode".to_owned(),
            format!("--start-position={}", self.from.offset),
            format!("--stop-position={}", self.to.offset),
        ];
        words.extend(self.files.iter().cloned());
        words
    }
}

/// Reads a range and says what it holds of a schema, and why it cannot be done again on a copy, if
/// so. Statements that begin like one of `safe` are known to do no harm.
///
/// # Errors
/// Exit 1 where it cannot be read.
pub fn held(
    engine: &dyn Engine,
    container: &str,
    range: &Range,
    (schema, safe): (&str, &[String]),
    pipe: &Path,
) -> Result<Held> {
    let mut from = Fifo::make(pipe)?;
    let over = from.over();
    let inside = in_container(pipe).display().to_string();
    std::thread::scope(|scope| {
        let reading = scope.spawn(move || {
            let words = range.words();
            let mut command = vec!["sh", "-c", READ, "binlog", &inside];
            command.push("--base64-output=decode-rows");
            command.extend(words.iter().map(String::as_str));
            let ended = engine.exec(container, &command, &[], LIMIT);
            over.store(true, Ordering::SeqCst);
            ended
        });
        let mut scan = Scan::new(schema, safe);
        let scanned = scan_all(&mut scan, BufReader::new(&mut from));
        drop(from);
        let ended = reading
            .join()
            .map_err(|_| Error::failed("reading the binary log broke off"))??;
        if ended.code != 0 {
            return Err(
                Error::failed("the binary log cannot be read").why(ended.last_lines(3).join(" "))
            );
        }
        scanned.map_err(|e| Error::io("read", pipe, &e))?;
        Ok(scan.finish())
    })
}

fn scan_all(scan: &mut Scan<'_>, mut from: impl BufRead) -> std::io::Result<()> {
    let mut line = Vec::new();
    while from.read_until(b'\n', &mut line)? > 0 {
        let text = String::from_utf8_lossy(&line);
        scan.line(text.trim_end_matches('\n'));
        line.clear();
    }
    Ok(())
}

/// Does again on `copy` what a range holds of `schema`, as whom the file `login` names.
///
/// # Errors
/// Exit 1 with what the programs say; part of it may be done then.
pub fn replay(
    engine: &dyn Engine,
    container: &str,
    range: &Range,
    (schema, copy): (&str, &str),
    login: &Path,
) -> Result<()> {
    let login = in_container(login).display().to_string();
    let database = format!("--database={schema}");
    let rewrite = format!("--rewrite-db={schema}->{copy}");
    let words = range.words();
    let mut command = vec!["bash", "-c", REPLAY, "replay", &login, &database, &rewrite];
    command.extend(words.iter().map(String::as_str));
    let ended = engine.exec(container, &command, &[], LIMIT)?;
    match ended.code {
        0 => Ok(()),
        _ => Err(
            Error::failed(format!("the binary log cannot be replayed on {copy}"))
                .why(ended.last_lines(3).join(" ")),
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_range_has_the_logs_from_its_first_to_its_last() {
        let position = |file: &str| Position {
            file: file.to_owned(),
            offset: 4,
        };
        let files = |from, to| {
            files_between(
                ["1", "2", "3", "4"].into_iter(),
                &position(from),
                &position(to),
            )
        };
        assert_eq!(files("2", "3"), ["2", "3"], "4 was begun since");
        assert_eq!(files("4", "4"), ["4"]);
        assert!(files("0", "3").is_empty(), "the first is gone");
        assert!(files("3", "2").is_empty());
    }
}
