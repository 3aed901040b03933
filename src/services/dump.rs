//! A dump of one schema, made by the server's own program in its container and written into a
//! named pipe.

use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::engine::Engine;
use crate::error::{Error, Result};
use crate::services::database::CLIENT_CONFIG_FLAG;

/// Where the directory of pipes is in the database's container.
pub const EXCHANGE: &str = "/run/kor-cluster";

/// No dump takes as long: whoever waits ends it by its pipe.
const LIMIT: Duration = Duration::from_secs(7 * 86_400);

/// The program, whatever it is called in this image, with its output in the pipe.
const SCRIPT: &str = "pipe=$1; shift; \
                      exec \"$(command -v mariadb-dump || command -v mysqldump)\" \"$@\" >\"$pipe\"";

/// Where the container sees a pipe of the exchange directory.
pub fn in_container(pipe: &Path) -> PathBuf {
    Path::new(EXCHANGE).join(pipe.file_name().unwrap_or_default())
}

/// Which tables of a schema are dumped.
#[derive(Debug, Clone, Copy)]
pub enum Part<'a> {
    /// All but these, with everything else that the schema has.
    But(&'a [String]),
    /// These alone.
    Only(&'a [String]),
}

/// Whether a dump ended because a table was changed by a statement that it had not come to yet.
pub fn was_overtaken(error: &Error) -> bool {
    error.why.as_ref().is_some_and(|why| why.contains("1412"))
}

/// Dumps a schema into a pipe; comes back when it is over. With `position` its head says which
/// place of the binary log it is of.
///
/// # Errors
/// Exit 1 with what the program says.
pub fn run(
    engine: &dyn Engine,
    container: &str,
    schema: &str,
    part: Part<'_>,
    pipe: &Path,
    position: bool,
) -> Result<()> {
    let pipe = in_container(pipe).display().to_string();
    let mut command = vec![
        "sh",
        "-c",
        SCRIPT,
        "dump",
        &pipe,
        CLIENT_CONFIG_FLAG,
        "--host=localhost",
        "--protocol=socket",
        "--single-transaction",
        "--quick",
        "--triggers",
        "--hex-blob",
        "--no-tablespaces",
        "--default-character-set=utf8mb4",
        "--max-allowed-packet=1G",
    ];
    if position {
        command.push("--master-data=2");
    }
    let ignored: Vec<String> = match part {
        Part::But(tables) => {
            command.extend(["--routines", "--events"]);
            let ignored = tables
                .iter()
                .map(|t| format!("--ignore-table={schema}.{t}"));
            ignored.collect()
        }
        Part::Only(_) => Vec::new(),
    };
    command.extend(ignored.iter().map(String::as_str));
    command.push(schema);
    if let Part::Only(tables) = part {
        command.extend(tables.iter().map(String::as_str));
    }
    let ended = engine.exec(container, &command, &[], LIMIT)?;
    if ended.code == 0 {
        return Ok(());
    }
    Err(Error::failed(format!(
        "the dump of {schema} ended with exit code {}",
        ended.code
    ))
    .why(ended.last_lines(3).join(" ")))
}
