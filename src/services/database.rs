//! The database server: how its container is made, and how it is asked. Statements go to the
//! client in its own container on standard input, so that no password is in an argument.

use std::path::PathBuf;
use std::time::Duration;

use crate::engine::{Endpoint, Engine, NoAnswer, Output};
use crate::error::{Error, Kind, Result};
use crate::host::database_files;
use crate::model::cluster::Cluster;
use crate::model::container::{Container, ContainerSpec, Mount, Role, names};
use crate::model::family::Family;
use crate::model::health::{Condition, Health};
use crate::model::secret::Secret;
use crate::model::sql;
use crate::services::dump::EXCHANGE;
use crate::services::{labels, running};

/// The port that it listens on, inside the cluster's network.
pub const PORT: u16 = 3306;

/// Where the client's configuration is in a container.
pub const CLIENT_CONFIG: &str = "/etc/kor-cluster/client.cnf";

/// The same as the client's flag.
pub const CLIENT_CONFIG_FLAG: &str = "--defaults-extra-file=/etc/kor-cluster/client.cnf";

/// Where the administrator's password is in the container.
const ROOT_PASSWORD: &str = "/etc/kor-cluster/root_password";

/// What failed, where the database was asked.
const REFUSED: &str = "the database did not do a statement";

/// How long a statement may take that only asks or makes an empty thing.
const STATEMENT: Duration = Duration::from_secs(60);

/// The image's client program, whatever it is called there.
pub const CLIENT: &str = "exec \"$(command -v mariadb || command -v mysql)\" \"$@\"";

/// glibc gives threads up to eight arenas for each processor, and each keeps what was once needed in it:
/// with one client after the other a server grows by that much more than it uses, up to its limit.
const ARENAS: (&str, &str) = ("MALLOC_ARENA_MAX", "2");

/// The container of a cluster's database server.
pub fn spec(cluster: &Cluster) -> ContainerSpec {
    spec_on(cluster, cluster.layout.database_data())
}

/// The same on other data.
pub fn spec_on(cluster: &Cluster, data: PathBuf) -> ContainerSpec {
    ContainerSpec {
        name: names::service(&cluster.name, Role::Database),
        image: cluster.database_image.to_string(),
        entrypoint: Vec::new(),
        command: arguments(cluster),
        environment: [
            (
                match is_mariadb(cluster) {
                    true => "MARIADB_ROOT_PASSWORD_FILE",
                    false => "MYSQL_ROOT_PASSWORD_FILE",
                },
                ROOT_PASSWORD,
            ),
            ARENAS,
        ]
        .map(|(key, value)| (key.to_owned(), value.to_owned()))
        .into(),
        labels: labels(cluster, Some(Role::Database)),
        mounts: vec![
            Mount {
                source: data,
                target: "/var/lib/mysql".to_owned(),
                read_only: false,
            },
            Mount {
                source: cluster.layout.client_config(),
                target: CLIENT_CONFIG.to_owned(),
                read_only: true,
            },
            Mount {
                source: cluster.layout.root_password(),
                target: ROOT_PASSWORD.to_owned(),
                read_only: true,
            },
            Mount {
                source: cluster.layout.exchange(),
                target: EXCHANGE.to_owned(),
                read_only: false,
            },
        ],
        network: names::network(&cluster.name),
        aliases: vec!["mysql".to_owned(), "db".to_owned()],
        links: Vec::new(),
        published: Vec::new(),
        work_dir: None,
        hostname: None,
        memory: Some(cluster.database_memory),
        cpu_shares: None,
        restarts: true,
        stop_seconds: 120,
    }
}

/// Whether the image is taken for MariaDB: by its name; where that says nothing, by who wrote the
/// data; where there is none, an image that is only known by its id was the original's `mysql`.
fn is_mariadb(cluster: &Cluster) -> bool {
    let image = &cluster.database_image;
    match Family::of_image(image) {
        Some(family) => family == Family::MariaDb,
        None => match database_files::writer(&cluster.layout.database_data()) {
            Ok(Some(writer)) => writer.family == Family::MariaDb,
            _ => !image.is_id(),
        },
    }
}

/// The server's settings. `docs/architecture.md` has the reason for each.
fn arguments(cluster: &Cluster) -> Vec<String> {
    let buffer_pool = (cluster.database_memory.mebibytes() / 4).max(16);
    if !is_mariadb(cluster) {
        // What MySQL 5.5 to 9 and MariaDB all know: a server that does not know one does not start.
        return [
            "--max-allowed-packet=1G".to_owned(),
            // A probe is no login; else it would count as a failed one and block the host.
            "--max-connect-errors=4294967295".to_owned(),
            format!("--innodb-buffer-pool-size={buffer_pool}M"),
        ]
        .into();
    }
    [
        "--log-bin=binlog".to_owned(),
        "--binlog-format=ROW".to_owned(),
        "--skip-binlog-annotate-row-events".to_owned(),
        "--server-id=1".to_owned(),
        "--expire-logs-days=7".to_owned(),
        "--log-bin-trust-function-creators=1".to_owned(),
        "--max-allowed-packet=1G".to_owned(),
        "--skip-symbolic-links".to_owned(),
        "--local-infile=0".to_owned(),
        "--skip-name-resolve".to_owned(),
        "--host-cache-size=0".to_owned(),
        format!("--innodb-buffer-pool-size={buffer_pool}M"),
    ]
    .into()
}

/// Ends what it runs after so many seconds, where the image has a program for that.
const LIMITED: &str = "limit=$1; shift; command -v timeout >/dev/null || exec \"$@\"; \
                       exec timeout \"$limit\" \"$@\"";

/// The client as the administrator, for statements on its standard input.
pub fn client_words() -> Vec<&'static str> {
    vec![
        "sh",
        "-c",
        CLIENT,
        "client",
        CLIENT_CONFIG_FLAG,
        "--host=localhost",
        "--protocol=socket",
        "--batch",
        "--skip-column-names",
        "--unbuffered",
        // The client of MySQL 5.5 does not know it.
        "--loose-binary-mode",
        "--default-character-set=utf8mb4",
    ]
}

/// The image's program that brings the server's own tables to its version. MySQL does that at its
/// start since 8.0.16, and has none since 8.4.
const UPGRADE: &str = "program=$(command -v mariadb-upgrade || command -v mysql_upgrade) || exit 0; \
                       exec \"$program\" \"$@\"";

/// How long that may take: it looks at every table of every instance.
const UPGRADING: Duration = Duration::from_secs(3600);

/// A database server that runs.
pub struct Server<'a> {
    engine: &'a dyn Engine,
    container: String,
}

impl<'a> Server<'a> {
    /// The server of a cluster.
    pub fn of(engine: &'a dyn Engine, cluster: &Cluster) -> Self {
        Self::in_container(engine, names::service(&cluster.name, Role::Database))
    }

    /// The server in a container.
    pub fn in_container(engine: &'a dyn Engine, container: String) -> Self {
        Server { engine, container }
    }

    /// Runs statements as the administrator; the answer has a line per row and tabs between
    /// columns.
    ///
    /// # Errors
    /// Exit 1 with what the server says.
    pub fn query(&self, statements: &str) -> Result<String> {
        self.query_within(statements, STATEMENT)
    }

    /// The same, with a limit of time of one's own.
    ///
    /// # Errors
    /// Exit 1 with what the server says, or after the limit.
    pub fn query_within(&self, statements: &str, limit: Duration) -> Result<String> {
        if statements.is_empty() {
            return Ok(String::new());
        }
        let output = self.ask(statements, &[], limit)?;
        if output.code == 0 {
            Ok(output.text())
        } else {
            Err(Error::failed(REFUSED).why(output.last_lines(3).join(" ")))
        }
    }

    /// Gives statements to the client with these further flags.
    fn ask(&self, statements: &str, flags: &[&str], limit: Duration) -> Result<Output> {
        // A client that is given up is not left at work in the container either.
        let seconds = (limit.as_secs() + 1).to_string();
        let mut command = vec!["sh", "-c", LIMITED, "limited", &seconds];
        command.extend(client_words());
        command.extend(flags);
        self.engine
            .exec(&self.container, &command, statements.as_bytes(), limit)
            .map_err(|error| Error {
                what: format!("{REFUSED} ({})", error.what),
                // That its container does not run is nothing that was refused.
                kind: match error.kind {
                    Kind::Refused => Kind::Failed,
                    kind => kind,
                },
                next: error.next.or_else(|| {
                    Some(format!(
                        "look at it: docker logs {}; `boot` starts it",
                        self.container
                    ))
                }),
                ..error
            })
    }

    /// Brings the tables that are the server's own to its version, after another one wrote them.
    ///
    /// # Errors
    /// Exit 1 with what the program says.
    pub fn upgrade(&self) -> Result<()> {
        let mut command = vec!["sh", "-c", UPGRADE, "upgrade", CLIENT_CONFIG_FLAG];
        command.extend(["--host=localhost", "--protocol=socket"]);
        let output = self
            .engine
            .exec(&self.container, &command, b"", UPGRADING)?;
        if output.code == 0 {
            return Ok(());
        }
        Err(
            Error::failed("the database server's own tables cannot be brought to its version")
                .why(output.last_lines(3).join(" ")),
        )
    }

    /// Makes an empty schema; one that is there stays as it is.
    ///
    /// # Errors
    /// Exit 1 with what the server says.
    pub fn make_schema(&self, schema: &str) -> Result<()> {
        self.query(&format!(
            "CREATE DATABASE IF NOT EXISTS {} CHARACTER SET utf8 COLLATE utf8_general_ci;\n",
            sql::identifier(schema)
        ))
        .map(drop)
    }

    /// Drops a schema with all that is in it.
    ///
    /// # Errors
    /// Exit 1 with what the server says.
    pub fn drop_schema(&self, schema: &str) -> Result<()> {
        self.query(&format!(
            "DROP DATABASE IF EXISTS {};\n",
            sql::identifier(schema)
        ))
        .map(drop)
    }

    /// Makes an account that can do everything in one schema and nothing elsewhere. The binary
    /// log would keep the password as it is, so nothing of this is written to it.
    ///
    /// # Errors
    /// Exit 1 with what the server says.
    pub fn make_account(&self, user: &str, password: &Secret, schema: &str) -> Result<()> {
        self.query(&statements_for_account(user, password, schema))
            .map(drop)
    }

    /// Makes an account that can do again what the binary log has, in one schema and nowhere
    /// else.
    ///
    /// # Errors
    /// Exit 1 with what the server says.
    pub fn make_replay_account(&self, user: &str, password: &Secret, schema: &str) -> Result<()> {
        let mut statements = statements_for_account(user, password, schema);
        let account = sql::account(user);
        statements.push_str(&format!("GRANT BINLOG REPLAY ON *.* TO {account};\n"));
        self.query(&statements).map(drop)
    }

    /// Ends connections, and runs a query afterwards, in one call; a connection that ended by itself
    /// since is fine. Whether the query was answered has to be seen by what comes back.
    ///
    /// # Errors
    /// Exit 1 where the server cannot be asked.
    pub fn end_connections(&self, ids: &[String], query: &str) -> Result<String> {
        let ends = ids.iter().map(|id| format!("KILL {id};\n"));
        let statements: String = ends.chain([query.to_owned()]).collect();
        let output = self.ask(&statements, &["--force"], STATEMENT)?;
        match output.text() {
            // Then what it complains of is all there is.
            nothing if nothing.is_empty() => Ok(output.last_lines(3).join(" ")),
            answer => Ok(answer),
        }
    }

    /// Drops an account.
    ///
    /// # Errors
    /// Exit 1 with what the server says.
    pub fn drop_account(&self, user: &str) -> Result<()> {
        self.query(&format!("DROP USER IF EXISTS {};\n", sql::account(user)))
            .map(drop)
    }

    /// The tables of a schema; none where there is no such schema.
    ///
    /// # Errors
    /// Exit 1 with what the server says.
    pub fn tables(&self, schema: &str) -> Result<Vec<String>> {
        self.lines(&format!(
            "SELECT table_name FROM information_schema.tables WHERE table_schema = {};\n",
            sql::literal(schema)
        ))
    }

    /// The schemas and accounts that have one of these names.
    ///
    /// # Errors
    /// Exit 1 with what the server says.
    pub fn holders_of(&self, schema: &str, user: &str) -> Result<Vec<String>> {
        self.lines(&format!(
            "SELECT CONCAT('schema ', schema_name) FROM information_schema.schemata \
             WHERE schema_name = {};\n\
             SELECT CONCAT('database user ', user) FROM mysql.user WHERE user = {};\n",
            sql::literal(schema),
            sql::literal(user)
        ))
    }

    /// The size of a schema in bytes, as the server estimates it.
    ///
    /// # Errors
    /// Exit 1 with what the server says.
    pub fn schema_bytes(&self, schema: &str) -> Result<u64> {
        let answer = self.query(&format!(
            "SELECT CAST(COALESCE(SUM(data_length + index_length), 0) AS UNSIGNED) \
             FROM information_schema.tables WHERE table_schema = {};\n",
            sql::literal(schema)
        ))?;
        number(&answer)
    }

    /// What the server says of its version.
    ///
    /// # Errors
    /// Exit 1 with what the server says.
    pub fn version(&self) -> Result<String> {
        Ok(self.query("SELECT VERSION();\n")?.trim().to_owned())
    }

    /// Does one statement in a schema.
    ///
    /// # Errors
    /// Exit 1 with what the server says.
    pub fn execute(&self, schema: &str, statement: &str) -> Result<()> {
        let statements = format!("USE {};\n{statement};\n", sql::identifier(schema));
        self.query(&statements).map(drop)
    }

    /// The one number that a query on a schema answers with.
    ///
    /// # Errors
    /// Exit 1 with what the server says, or where it is no number.
    pub fn count(&self, schema: &str, query: &str, limit: Duration) -> Result<u64> {
        let statements = format!("USE {};\n{query};\n", sql::identifier(schema));
        number(&self.query_within(&statements, limit)?)
    }

    /// The one number that each of several queries answers with, each on a schema of its own, in
    /// one call; nothing for one that fails.
    ///
    /// # Errors
    /// Exit 1 where the server cannot be asked.
    pub fn count_each(
        &self,
        queries: &[(&str, &str)],
        limit: Duration,
    ) -> Result<Vec<Option<u64>>> {
        let mut statements = String::new();
        for (index, (schema, query)) in queries.iter().enumerate() {
            statements.push_str(&format!(
                "USE {};\nSELECT {index}, DATABASE(), ({query});\n",
                sql::identifier(schema)
            ));
        }
        // One schema that is gone must not hide the others.
        let output = self.ask(&statements, &["--force"], limit)?;
        let mut counts = vec![None; queries.len()];
        for line in output.text().lines() {
            let columns: Vec<&str> = line.split('\t').collect();
            let [index, schema, count] = columns.as_slice() else {
                continue;
            };
            // After a USE that failed, the schema before it would have been asked.
            if let Ok(index) = index.parse::<usize>()
                && queries.get(index).is_some_and(|(asked, _)| asked == schema)
            {
                counts[index] = count.parse().ok();
            }
        }
        Ok(counts)
    }

    /// Lets the oldest binary logs go until the rest is within `limit` bytes; the newest stays.
    /// How many bytes went.
    ///
    /// # Errors
    /// Exit 1 with what the server says.
    pub fn purge_logs(&self, limit: u64) -> Result<u64> {
        let answer = match self.query("SHOW BINARY LOGS;\n") {
            // Error 1381: a server of MySQL's is started without one.
            Err(error) if error.why.as_ref().is_some_and(|w| w.contains("1381")) => return Ok(0),
            other => other?,
        };
        let logs: Vec<(&str, u64)> = answer
            .lines()
            .filter_map(|line| {
                let mut columns = line.split('\t');
                Some((columns.next()?, columns.next()?.parse().ok()?))
            })
            .collect();
        let mut kept: u64 = logs.iter().map(|(_, size)| size).sum();
        let mut purged = 0;
        let mut first_kept = 0;
        while kept > limit && first_kept + 1 < logs.len() {
            kept -= logs[first_kept].1;
            purged += logs[first_kept].1;
            first_kept += 1;
        }
        if purged > 0 {
            let name = sql::literal(logs[first_kept].0);
            self.query(&format!("PURGE BINARY LOGS TO {name};\n"))?;
        }
        Ok(purged)
    }

    fn lines(&self, query: &str) -> Result<Vec<String>> {
        Ok(self.query(query)?.lines().map(str::to_owned).collect())
    }
}

/// Asks for something beside other things: somebody waits for all of it.
pub fn at_once<A: Send, B>(
    one: impl FnOnce() -> Result<A> + Send,
    other: impl FnOnce() -> B,
) -> (Result<A>, B) {
    std::thread::scope(|scope| {
        let one = scope.spawn(one);
        let other = other();
        let broke_off = |_| Err(Error::failed("a question to the database broke off"));
        (one.join().unwrap_or_else(broke_off), other)
    })
}

/// None of it goes into the binary log.
fn statements_for_account(user: &str, password: &Secret, schema: &str) -> String {
    format!(
        "SET SESSION sql_log_bin = 0;\n\
         CREATE USER IF NOT EXISTS {account} IDENTIFIED BY {password};\n\
         ALTER USER {account} IDENTIFIED BY {password};\n\
         GRANT ALL PRIVILEGES ON {schema}.* TO {account};\n",
        account = sql::account(user),
        password = sql::literal(password.reveal()),
        schema = sql::grant_pattern(schema),
    )
}

fn number(answer: &str) -> Result<u64> {
    answer.trim().parse().map_err(|_| {
        Error::failed("the database answered with something else than a number")
            .why(format!("{:?}", answer.trim()))
    })
}

/// How the server is: up means that it greets over TCP. (While the image prepares a new data
/// directory, a temporary server listens on its socket alone.)
pub fn probe(engine: &dyn Engine, container: Option<&Container>, limit: Duration) -> Health {
    let container = match running(container) {
        Ok(container) => container,
        Err(health) => return health,
    };
    let answered = Endpoint::inside(container, PORT)
        .map_err(|e| NoAnswer::Refused(e.to_string()))
        .and_then(|to| engine.greeting(&to, limit));
    match answered {
        Ok(bytes) => Health {
            version: version_of(&bytes),
            ..Health::just(Condition::Up)
        },
        Err(NoAnswer::TimedOut) => Health::because(Condition::Unhealthy, "it does not answer"),
        Err(NoAnswer::Refused(_)) => Health::because(Condition::Starting, "it does not listen yet"),
    }
}

/// The version in the server's first packet: after four bytes of header and the protocol's
/// number, up to the next zero. (MariaDB puts `5.5.5-` before it, for old clients.)
fn version_of(greeting: &[u8]) -> Option<String> {
    let text = greeting.get(5..)?.split(|b| *b == 0).next()?;
    let text = std::str::from_utf8(text).ok()?;
    let bare = text.trim_start_matches("5.5.5-");
    bare.starts_with(|c: char| c.is_ascii_digit())
        .then(|| bare.split('-').next().unwrap_or(bare).to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_version_is_read_from_the_greeting() {
        let greeting = b"Y\0\0\0\x0a5.5.5-10.11.6-MariaDB-log\0abc";
        assert_eq!(version_of(greeting).as_deref(), Some("10.11.6"));
        assert_eq!(version_of(b"Y\0\0\0\xffHost is not allowed"), None);
    }
}
