//! Loads a dump that nobody vouches for: by the server's own client in its container, as a user who
//! reaches nothing but the one schema. `docs/architecture.md` has why it is done like this.

use std::path::Path;
use std::sync::mpsc::{self, Receiver, RecvTimeoutError};
use std::time::Duration;

use crate::engine::{Engine, Output};
use crate::error::{Error, Result};
use crate::model::secret::Secret;
use crate::model::sql;
use crate::services::database::Server;
use crate::services::dump::in_container;
use crate::services::room::{self, Guard};

/// How long between two looks at that disk.
const LOOK: Duration = Duration::from_millis(50);

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
exec \"$client\" --defaults-file=\"$config\" --sandbox --binary-mode --local-infile=0 --skip-reconnect \
  --max-allowed-packet=1G --default-character-set=utf8mb4 \"$schema\" <\"$pipe\"";

/// The text of the client's configuration, which is put into the exchange directory.
pub fn login(user: &str, password: &Secret) -> Secret {
    // Over TCP: on the socket an anonymous user of the server could stand before this one.
    Secret::new(format!(
        "[client]\nprotocol=tcp\nhost=127.0.0.1\nuser={user}\npassword={}\n",
        password.reveal()
    ))
}

/// A load, and where it goes.
#[derive(Debug, Clone, Copy)]
pub struct Load<'a> {
    /// The database's container.
    pub container: &'a str,
    /// The schema.
    pub schema: &'a str,
    /// Who loads it, and does nothing else meanwhile.
    pub user: &'a str,
    /// The pipe that it comes through.
    pub pipe: &'a Path,
    /// The file with the user's login, beside the pipe.
    pub login: &'a Path,
    /// The directory of the database's data.
    pub data: &'a Path,
}

/// Loads what comes through a pipe into a schema; comes back when it is over.
///
/// # Errors
/// Exit 8 with what the server says where it refuses a statement of the dump, or where one is larger
/// than the database's memory, 6 where its client
/// cannot load what nobody vouches for, 1 where there is no room, or the client broke off.
pub fn run(engine: &dyn Engine, load: Load<'_>) -> Result<()> {
    let (going_on, over) = mpsc::channel::<()>();
    let (ended, short) = std::thread::scope(|scope| {
        let watching = scope.spawn(move || end_where_short(engine, load, &over));
        let ended = client(engine, load);
        drop(going_on);
        (ended, watching.join().unwrap_or(Ok(())))
    });
    short?;
    let ended = ended?;
    let said = ended.last_lines(3).join(" ");
    match ended.code {
        0 => Ok(()),
        NO_SANDBOX => Err(Error::refused("no dump can be loaded here")
            .why("the database server's client has no --sandbox, so a dump could run commands")
            .next("take a newer image of MariaDB: 10.11.8, 10.6.18 or 10.5.25 at least")),
        KILLED => Err(Error::damaged("the dump in the snapshot cannot be loaded")
            .why("a statement in it is larger than the database's memory")
            .next("where it is a row of your own, give the database more: DATABASE_MEMORY")),
        _ if is_no_room(&said) => Err(room::none(load.data).why(said)),
        _ if said.contains("ERROR ") => {
            Err(Error::damaged("the dump in the snapshot cannot be loaded").why(said))
        }
        code => {
            Err(Error::failed(format!("loading the dump ended with exit code {code}")).why(said))
        }
    }
}

fn client(engine: &dyn Engine, load: Load<'_>) -> Result<Output> {
    let pipe = in_container(load.pipe).display().to_string();
    let login = in_container(load.login).display().to_string();
    let command = ["sh", "-c", SCRIPT, "load", &pipe, &login, load.schema];
    engine.exec(load.container, &command, &[], LIMIT)
}

/// Ends a load where room gets short, and says so. Without that the client would wait for its server,
/// and whoever feeds it for the client.
fn end_where_short(engine: &dyn Engine, load: Load<'_>, over: &Receiver<()>) -> Result<()> {
    let mut room = Guard::of(load.data, load.schema);
    loop {
        if room.ends_it()? {
            let server = Server::in_container(engine, load.container.to_owned());
            // Again and again, for it may only be logging in.
            let _ = server.query(&format!("KILL USER {};\n", sql::literal(load.user)));
        }
        if over.recv_timeout(LOOK) != Err(RecvTimeoutError::Timeout) {
            return room.end();
        }
    }
}

/// Whether the server lacks room: the dump has no part in that.
fn is_no_room(said: &str) -> bool {
    [
        "ERROR 1021 ",
        "ERROR 1114 ",
        "ERROR 3 ",
        "No space left",
        "No more room",
    ]
    .iter()
    .any(|sign| said.contains(sign))
}
