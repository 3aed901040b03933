//! Loads a dump that nobody vouches for: by the server's own client in its container, as a user who
//! reaches nothing but the one schema. `docs/architecture.md` has why it is done like this.

use std::path::Path;
use std::time::Duration;

use crate::engine::Engine;
use crate::error::{Error, Result};
use crate::model::secret::Secret;
use crate::services::dump::in_container;

/// No load takes as long: whoever waits ends it by its pipe.
const LIMIT: Duration = Duration::from_secs(7 * 86_400);

/// What the script ends with where the client has no sandbox.
const NO_SANDBOX: i64 = 64;

/// What it ends with where the system kills it for its memory.
const KILLED: i64 = 128 + 9;

/// The client, which runs no command of its own that stands in a dump. It holds a whole statement in
/// memory, and shares that with the server: of the two, it is to be killed.
const SCRIPT: &str = "pipe=$1; config=$2; schema=$3
echo 1000 >/proc/self/oom_score_adj
client=$(command -v mariadb || command -v mysql)
\"$client\" --help 2>/dev/null | grep -q -e '--sandbox' || { cat \"$pipe\" >/dev/null; exit 64; }
exec \"$client\" --defaults-file=\"$config\" --sandbox --binary-mode --local-infile=0 \
  --max-allowed-packet=1G --default-character-set=utf8mb4 \"$schema\" <\"$pipe\"";

/// The text of the client's configuration, which is put into the exchange directory.
pub fn login(user: &str, password: &Secret) -> Secret {
    // Over TCP: on the socket an anonymous user of the server could stand before this one.
    Secret::new(format!(
        "[client]\nprotocol=tcp\nhost=127.0.0.1\nuser={user}\npassword={}\n",
        password.reveal()
    ))
}

/// Loads what comes through a pipe into a schema; comes back when it is over.
///
/// # Errors
/// Exit 8 with what the server says where it refuses a statement of the dump, or where one is larger
/// than the database's memory, 6 where its client
/// cannot load what nobody vouches for, 1 where there is no room, or the client broke off.
pub fn run(
    engine: &dyn Engine,
    container: &str,
    schema: &str,
    pipe: &Path,
    config: &Path,
) -> Result<()> {
    let pipe = in_container(pipe).display().to_string();
    let config = in_container(config).display().to_string();
    let command = ["sh", "-c", SCRIPT, "load", &pipe, &config, schema];
    let ended = engine.exec(container, &command, &[], LIMIT)?;
    let said = ended.last_lines(3).join(" ");
    match ended.code {
        0 => Ok(()),
        NO_SANDBOX => Err(Error::refused("no dump can be loaded here")
            .why("the database server's client has no --sandbox, so a dump could run commands")
            .next("take a newer image of MariaDB: 10.11.8, 10.6.18 or 10.5.25 at least")),
        KILLED => Err(Error::damaged("the dump in the snapshot cannot be loaded")
            .why("a statement in it is larger than the database's memory")
            .next("where it is a row of your own, give the database more: DATABASE_MEMORY")),
        _ if said.contains("ERROR ") && !is_no_room(&said) => {
            Err(Error::damaged("the dump in the snapshot cannot be loaded").why(said))
        }
        code => {
            Err(Error::failed(format!("loading the dump ended with exit code {code}")).why(said))
        }
    }
}

/// Whether the server lacks room: the dump has no part in that.
fn is_no_room(said: &str) -> bool {
    ["ERROR 1021 ", "ERROR 1114 ", "ERROR 3 ", "No space left"]
        .iter()
        .any(|sign| said.contains(sign))
}
