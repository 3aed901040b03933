//! Read-only: for as long as it takes nobody writes to an instance's tables, and whoever reads does
//! not notice. Its user keeps the right to read alone, and every connection that has the old rights
//! ends. An application makes a new one by itself, and answers to a write that it failed.

use std::time::{Duration, Instant};

use crate::error::{Error, Result};
use crate::host::crash;
use crate::host::interrupt::Interrupt;
use crate::model::sql;
use crate::services::database::Server;
use crate::services::rights::{Grant, KEPT, Rights};

/// What it keeps of tables that are no content.
const OF_TABLES: &str = "SELECT, INSERT, UPDATE, DELETE";

/// How long a connection may go on with a statement before it is ended in the middle of it.
const PATIENCE: Duration = Duration::from_secs(2);

/// How long connections may take to end: what they had written is taken back meanwhile.
const ENDING: Duration = Duration::from_secs(60);

/// A pause before another look at the connections, in seconds: they take a moment to end.
const LOOK_SECONDS: f64 = 0.02;

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

/// Gives the rights back, be they taken or not. The accounts that are gone come back: they get none.
///
/// # Errors
/// Exit 1 with what the server says, or where a connection does not end.
pub fn give_back(server: &Server<'_>, rights: &Rights) -> Result<Vec<String>> {
    let Err(error) = give(server, rights) else {
        return Ok(Vec::new());
    };
    let hosts = server.query(&format!(
        "SELECT '{ASKED}';\nSELECT host FROM mysql.user WHERE user = {};\n",
        sql::literal(&rights.user)
    ))?;
    if !hosts.starts_with(ASKED) {
        return Err(error);
    }
    let is_there = |grant: &Grant| hosts.lines().skip(1).any(|host| host == grant.host);
    let (grants, gone): (Vec<_>, Vec<_>) = rights.grants.iter().cloned().partition(is_there);
    if gone.is_empty() {
        return Err(error);
    }
    let there = Rights {
        grants,
        ..rights.clone()
    };
    give(server, &there)?;
    Ok(gone.iter().map(|g| g.account(&rights.user)).collect())
}

fn give(server: &Server<'_>, rights: &Rights) -> Result<()> {
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
