//! Read-only: for as long as it takes nobody writes to an instance's tables, and whoever reads does
//! not notice. Its user keeps the right to read alone, and every connection that has the old rights
//! ends. An application makes a new one by itself, and answers to a write that it failed.

use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};
use crate::host::crash;
use crate::host::interrupt::Interrupt;
use crate::model::sql;
use crate::services::database::Server;

/// What the user keeps: what an application needs to read, and a dump.
const KEPT: [&str; 3] = ["SELECT", "SHOW VIEW", "LOCK TABLES"];

/// What it keeps of tables that are no content.
const OF_TABLES: &str = "SELECT, INSERT, UPDATE, DELETE";

/// How long a connection may go on with a statement before it is ended in the middle of it.
const PATIENCE: Duration = Duration::from_secs(2);

/// How long connections may take to end: what they had written is taken back meanwhile.
const ENDING: Duration = Duration::from_secs(60);

/// A pause before another look at the connections, in seconds: they take a moment to end.
const LOOK_SECONDS: f64 = 0.02;

/// The rights of an instance's user, as they are when nothing is taken away.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rights {
    /// The user.
    pub user: String,
    /// The schema.
    pub schema: String,
    /// Tables that are no content: they go on being written to.
    pub tables_without_content: Vec<String>,
    /// What the user may do there.
    pub grants: Vec<Grant>,
}

/// One grant to the user.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Grant {
    /// From where the user connects, as a pattern.
    pub host: String,
    /// Whether wildcards in the schema's name are escaped in it; the original script did not.
    pub escaped: bool,
    /// Whether these are all that there are: a newer server has more of them.
    #[serde(default)]
    pub all: bool,
    /// The rights.
    pub privileges: Vec<String>,
}

/// Asks for the rights that a user has; nothing where there is no such user.
///
/// # Errors
/// Exit 6 where it has some on the whole server, which would have to be taken too, or none that are found;
/// exit 1 with what the server says.
pub fn rights(
    server: &Server<'_>,
    user: &str,
    schema: &str,
    tables_without_content: &[String],
) -> Result<Option<Rights>> {
    let account = sql::literal(&format!("'{user}'"));
    let on_server = server.query(&format!(
        "SELECT COUNT(*) FROM information_schema.user_privileges \
         WHERE privilege_type <> 'USAGE' AND SUBSTRING_INDEX(grantee, '@', 1) = {account};\n"
    ))?;
    if on_server.trim() != "0" {
        return Err(refused(user, schema)
            .why("it has rights on the whole server")
            .next(format!(
                "give the instance a database user of its own, with rights on {schema} alone"
            )));
    }
    let escaped = sql::literal(&schema.replace('_', "\\_").replace('%', "\\%"));
    let answer = server.query(&format!(
        "SELECT grantee, table_schema = {escaped}, privilege_type \
         FROM information_schema.schema_privileges \
         WHERE table_schema IN ({escaped}, {}) \
         AND SUBSTRING_INDEX(grantee, '@', 1) = {account} ORDER BY 1, 2, 3;\n",
        sql::literal(schema)
    ))?;
    let mut grants: Vec<Grant> = Vec::new();
    for line in answer.lines() {
        let columns: Vec<&str> = line.split('\t').collect();
        let [grantee, escaped, privilege] = columns.as_slice() else {
            continue;
        };
        let host = grantee.rsplit_once("@'").map_or("%", |(_, host)| host);
        let (host, escaped) = (host.trim_end_matches('\'').to_owned(), *escaped == "1");
        match grants.last_mut() {
            Some(last) if last.host == host && last.escaped == escaped => {
                last.privileges.push((*privilege).to_owned());
            }
            _ => grants.push(Grant {
                host,
                escaped,
                all: false,
                privileges: vec![(*privilege).to_owned()],
            }),
        }
    }
    if grants.is_empty() {
        let user_is_there = format!(
            "SELECT COUNT(*) FROM mysql.user WHERE user = {};\n",
            sql::literal(user)
        );
        return match server.query(&user_is_there)?.trim() {
            "0" => Ok(None),
            _ => Err(no_rights(user, schema)),
        };
    }
    for grant in &mut grants {
        grant.all = is_all(server, grant, user, schema)?;
    }
    let there = server.tables(schema)?;
    let tables = tables_without_content.iter();
    Ok(Some(Rights {
        user: user.to_owned(),
        schema: schema.to_owned(),
        tables_without_content: tables.filter(|t| there.contains(t)).cloned().collect(),
        grants,
    }))
}

/// Whether a grant is of all rights, which the single ones do not tell.
fn is_all(server: &Server<'_>, grant: &Grant, user: &str, schema: &str) -> Result<bool> {
    let answer = server.query(&format!("SHOW GRANTS FOR {};\n", grant.account(user)))?;
    let all = format!("GRANT ALL PRIVILEGES ON {}.* TO ", grant.on(schema));
    // The client doubles them.
    let answer = answer.replace("\\\\", "\\");
    Ok(answer.lines().any(|line| line.starts_with(&all)))
}

/// The error of whoever has to keep a user out that has no rights on a schema.
pub fn no_rights(user: &str, schema: &str) -> Error {
    refused(user, schema)
        .why("no rights of that user there were found")
        .next(format!(
            "look whether it has them by way of another user or a role: SHOW GRANTS FOR '{user}'"
        ))
}

fn refused(user: &str, schema: &str) -> Error {
    Error::refused(format!("{user} cannot be kept from writing to {schema}"))
}

/// Takes the rights to write away, and comes back when nobody has them any more.
///
/// # Errors
/// Exit 1 with what the server says, where a connection does not end, or at an interruption.
pub fn take(server: &Server<'_>, rights: &Rights, interrupt: &Interrupt) -> Result<()> {
    let mut statements = String::from("SET SESSION sql_log_bin = 0;\n");
    for grant in &rights.grants {
        let (schema, account) = (grant.on(&rights.schema), grant.account(&rights.user));
        for table in &rights.tables_without_content {
            let table = rights.table(table);
            statements.push_str(&format!("GRANT {OF_TABLES} ON {table} TO {account};\n"));
        }
        // In this order there is no moment without any.
        let kept = KEPT.join(", ");
        statements.push_str(&format!("GRANT {kept} ON {schema}.* TO {account};\n"));
        let taken = grant.taken();
        if !taken.is_empty() {
            let taken = taken.join(", ");
            statements.push_str(&format!("REVOKE {taken} ON {schema}.* FROM {account};\n"));
        }
    }
    statements.push_str(&connections(&rights.user));
    let there = server.query(&statements)?;
    crash::point("before connections end");
    end_connections(server, &rights.user, &there, Some(interrupt))
}

/// Gives the rights back, be they taken or not.
///
/// # Errors
/// Exit 1 with what the server says, or where a connection does not end.
pub fn give_back(server: &Server<'_>, rights: &Rights) -> Result<()> {
    let mut statements = String::from("SET SESSION sql_log_bin = 0;\n");
    for grant in &rights.grants {
        let (schema, account) = (grant.on(&rights.schema), grant.account(&rights.user));
        let rights = match grant.all {
            true => "ALL PRIVILEGES".to_owned(),
            false => grant.privileges.join(", "),
        };
        statements.push_str(&format!("GRANT {rights} ON {schema}.* TO {account};\n"));
        let lent = grant.lent();
        if !lent.is_empty() {
            let lent = lent.join(", ");
            statements.push_str(&format!("REVOKE {lent} ON {schema}.* FROM {account};\n"));
        }
    }
    server.query(&statements)?;
    take_back_tables(server, rights)?;
    let there = server.query(&connections(&rights.user))?;
    crash::point("before connections end");
    // One that was made meanwhile has only the right to read.
    end_connections(server, &rights.user, &there, None)
}

/// The rights on single tables, which one who has all of them does not need.
fn take_back_tables(server: &Server<'_>, rights: &Rights) -> Result<()> {
    if rights.tables_without_content.is_empty() {
        return Ok(());
    }
    let (user, schema) = (sql::literal(&rights.user), sql::literal(&rights.schema));
    let answer = server.query(&format!(
        "SELECT host, table_name FROM mysql.tables_priv WHERE user = {user} AND db = {schema};\n"
    ))?;
    let mut statements = String::from("SET SESSION sql_log_bin = 0;\n");
    for line in answer.lines() {
        let Some((host, table)) = line.split_once('\t') else {
            continue;
        };
        let grant = rights.grants.iter().find(|grant| grant.host == host);
        if let Some(grant) = grant
            && rights.tables_without_content.iter().any(|t| t == table)
        {
            let (table, account) = (rights.table(table), grant.account(&rights.user));
            statements.push_str(&format!("REVOKE {OF_TABLES} ON {table} FROM {account};\n"));
        }
    }
    server.query(&statements).map(drop)
}

/// Asks for the connections that a user has; the answer has one line more, so that nobody is not the same
/// as no answer.
fn connections(user: &str) -> String {
    format!(
        "SELECT 0, '{ASKED}' UNION ALL \
         SELECT id, command FROM information_schema.processlist WHERE user = {};\n",
        sql::literal(user)
    )
}

/// What stands in that line.
const ASKED: &str = "asked";

/// The connections of an answer, each with what it is at.
fn connected(answer: &str) -> Result<Vec<(String, String)>> {
    let lines = answer.lines().filter_map(|line| line.split_once('\t'));
    let lines = lines.map(|(id, at)| (id.to_owned(), at.to_owned()));
    let (asked, connections): (Vec<_>, Vec<_>) = lines.partition(|(_, at)| at == ASKED);
    match asked.is_empty() {
        false => Ok(connections),
        true => Err(
            Error::failed("the database does not say who is connected to it")
                .why(answer.trim())
                .next("look at the database's log, and try again"),
        ),
    }
}

/// Ends the connections that a user has by now, which are `there`: one that is made later has the new
/// rights. Those in the middle of a statement get a moment to answer.
fn end_connections(
    server: &Server<'_>,
    user: &str,
    there: &str,
    interrupt: Option<&Interrupt>,
) -> Result<()> {
    let since = Instant::now();
    let mut left = connected(there)?;
    while !left.is_empty() {
        if since.elapsed() > ENDING {
            return Err(Error::failed(format!(
                "a connection of {user} to the database does not end"
            )));
        }
        let is_late = since.elapsed() > PATIENCE;
        let at_rest = left
            .iter()
            .filter(|(_, command)| command == "Sleep" || is_late);
        let ended: Vec<String> = at_rest.map(|(id, _)| id.clone()).collect();
        if let Some(interrupt) = interrupt {
            interrupt.check("waiting for the database's connections to end was stopped")?;
        }
        let question = format!("DO SLEEP({LOOK_SECONDS});\n{}", connections(user));
        let answer = server.end_connections(&ended, &question)?;
        let mut now = connected(&answer)?;
        now.retain(|(id, _)| left.iter().any(|(old, _)| old == id));
        left = now;
    }
    Ok(())
}

impl Rights {
    fn table(&self, table: &str) -> String {
        let (schema, table) = (sql::identifier(&self.schema), sql::identifier(table));
        format!("{schema}.{table}")
    }
}

impl Grant {
    /// The schema as it stands in this grant.
    fn on(&self, schema: &str) -> String {
        match self.escaped {
            true => sql::grant_pattern(schema),
            false => sql::identifier(schema),
        }
    }

    fn account(&self, user: &str) -> String {
        format!("{}@{}", sql::literal(user), sql::literal(&self.host))
    }

    /// What it has meanwhile and did not have.
    fn lent(&self) -> Vec<&str> {
        let has = |right: &&str| self.all || self.privileges.iter().any(|p| p == right);
        KEPT.into_iter().filter(|right| !has(right)).collect()
    }

    /// What is taken of it.
    fn taken(&self) -> Vec<&str> {
        let privileges = self.privileges.iter().map(String::as_str);
        privileges.filter(|p| !KEPT.contains(p)).collect()
    }
}
