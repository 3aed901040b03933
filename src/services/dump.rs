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

/// Which part of a schema is dumped.
#[derive(Debug, Clone, Copy)]
pub enum Part<'a> {
    /// All, and the head says which place of the binary log it is of.
    AllWithPosition,
    /// All but these tables.
    But(&'a [String]),
    /// These tables alone.
    Only(&'a [String]),
}

impl Part<'_> {
    /// How the program is told.
    fn words(self, schema: &str) -> Vec<String> {
        let whole = ["--routines", "--events"].map(str::to_owned);
        let schema_itself = schema.to_owned();
        let mut words = Vec::new();
        match self {
            Part::AllWithPosition => {
                words.extend(whole);
                words.extend(["--master-data=2".to_owned(), schema_itself]);
            }
            Part::But(tables) => {
                let ignored = |table| format!("--ignore-table={schema}.{table}");
                words.extend(whole);
                words.extend(tables.iter().map(ignored));
                words.push(schema_itself);
            }
            Part::Only(tables) => {
                words.push(schema_itself);
                words.extend(tables.iter().cloned());
            }
        }
        words
    }
}

/// Whether a dump ended because a table was changed by a statement that it had not come to yet.
pub fn was_overtaken(error: &Error) -> bool {
    let said = |text| error.why.as_ref().is_some_and(|why| why.contains(text));
    said("Error 1412:") || said("(1412)")
}

/// Dumps a schema into a pipe; comes back when it is over.
///
/// # Errors
/// Exit 1 with what the program says.
pub fn run(
    engine: &dyn Engine,
    container: &str,
    schema: &str,
    part: Part<'_>,
    pipe: &Path,
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
    let words = part.words(schema);
    command.extend(words.iter().map(String::as_str));
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
