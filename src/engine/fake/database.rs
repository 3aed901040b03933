//! The statements that the tool gives to a database, understood by their beginnings.

use std::path::{Path, PathBuf};

use super::world::{Database, World};
use crate::error::{Error, Result};

/// Does the statements and answers as the client in batch mode does.
pub fn answer(database: &mut Database, statements: &str) -> Result<String> {
    let mut out = String::new();
    let mut schema = String::new();
    for statement in statements.split(";\n").filter(|s| !s.trim().is_empty()) {
        let name = first_quoted(statement).unwrap_or_default();
        if statement.starts_with("USE ") {
            schema = name;
        } else if statement.starts_with("CREATE DATABASE") {
            database.schemas.entry(name).or_default();
        } else if statement.starts_with("DROP DATABASE") {
            database.schemas.remove(&name);
        } else if statement.starts_with("CREATE USER") {
            database.users.entry(name).or_default();
        } else if let Some(rows) = super::rights::answer(database, statement) {
            out.push_str(&rows);
        } else if statement.starts_with("GRANT ALL") {
            let user = granted_to(statement);
            database.users.insert(user, name);
        } else if statement.starts_with("DROP USER") {
            database.users.remove(&name);
            database.readers.remove(&name);
        } else if statement.starts_with("SELECT t.table_name") {
            // All have transactions.
        } else if statement.starts_with("SELECT table_schema, table_name, COALESCE(update_time") {
            for (schema, tables) in &database.schemas {
                let is_asked_for = statement.contains(&format!("'{schema}'"));
                for table in tables.iter().filter(|_| is_asked_for) {
                    out.push_str(&format!("{schema}\t{table}\t-\t1\n"));
                }
            }
        } else if statement.starts_with("SELECT '', 0") {
            for (schema, tables) in &database.schemas {
                let is_asked_for = statement.contains(&format!("'{schema}'"));
                for table in tables.iter().filter(|_| is_asked_for) {
                    out.push_str(&format!("{schema}/{table}\t1\n"));
                }
            }
        } else if statement.starts_with("SELECT table_name") {
            for table in database.schemas.get(&name).into_iter().flatten() {
                out.push_str(&format!("{table}\n"));
            }
        } else if statement.starts_with("SELECT CONCAT('schema ") {
            let name = last_quoted(statement);
            if database.schemas.contains_key(&name) {
                out.push_str(&format!("schema {name}\n"));
            }
        } else if statement.starts_with("SELECT CONCAT('database user ") {
            let name = last_quoted(statement);
            if database.users.contains_key(&name) {
                out.push_str(&format!("database user {name}\n"));
            }
        } else if statement.starts_with("SELECT ") && statement.contains("DATABASE()") {
            let number = statement.split([' ', ',']).nth(1).unwrap_or_default();
            let count = database.unfinished.get(&schema).copied().unwrap_or(0);
            out.push_str(&format!("{number}\t{schema}\t{count}\n"));
        } else if statement.starts_with("select uuid") {
            let tables = database.schemas.get(&schema);
            if tables.is_some_and(|t| t.contains("entities")) {
                out.push_str(&super::documents::rows(3));
            }
        } else if statement.starts_with("select count(*) from entities") {
            // As many as filling the index makes documents.
            let tables = database.schemas.get(&schema);
            let count = if tables.is_some_and(|t| t.contains("entities")) {
                3
            } else {
                0
            };
            out.push_str(&format!("{count}\n"));
        } else if statement.starts_with("SELECT @@log_bin,") {
            out.push_str("1\tROW\t1\n");
        } else if statement.starts_with("SELECT @@log_bin_basename") {
            out.push_str("/var/lib/mysql/binlog\n");
        } else if statement.starts_with("SHOW MASTER STATUS") {
            out.push_str("binlog.000001\t1000\t\t\n");
        } else if statement.starts_with("SHOW CREATE TABLE") {
            out.push_str(&format!("{name}\tCREATE TABLE\n"));
        } else if statement.starts_with("SELECT COUNT(*) FROM") {
            out.push_str("0\n");
        } else if statement.starts_with("CHECKSUM TABLE") {
            out.push_str("a table\t0\n");
        } else if statement.starts_with("select count(*)") {
            let count = database.unfinished.get(&schema).copied().unwrap_or(0);
            out.push_str(&format!("{count}\n"));
        } else if statement.starts_with("SELECT CAST(") {
            out.push_str("1024\n");
        } else if statement.starts_with("SELECT VERSION()") {
            out.push_str("10.11.6-MariaDB\n");
        } else if statement.starts_with("SELECT 1") {
            out.push_str("1\n");
        } else if statement.starts_with("SHOW BINARY LOGS") {
            out.push_str("binlog.000001\t1000\n");
        } else if !DOES_NOTHING.iter().any(|word| statement.starts_with(word)) {
            return Err(Error::failed("the fake database does not know a statement").why(statement));
        }
    }
    Ok(out)
}

/// Statements whose effect nobody looks at here.
const DOES_NOTHING: [&str; 4] = [
    "ALTER USER",
    "SET SESSION",
    "GRANT BINLOG",
    "update delayed_jobs",
];

fn granted_to(statement: &str) -> String {
    let user = statement.split(" TO ").nth(1).and_then(first_quoted);
    user.unwrap_or_default()
}

fn first_quoted(text: &str) -> Option<String> {
    let quote = text.chars().find(|c| matches!(c, '`' | '\''))?;
    text.split(quote).nth(1).map(str::to_owned)
}

fn last_quoted(text: &str) -> String {
    text.rsplit('\'').nth(1).unwrap_or_default().to_owned()
}

/// A program in the database's container that has a pipe.
pub enum Piped {
    /// It writes this into the pipe.
    Dump(PathBuf, String),
    /// What it reads from the pipe becomes this schema.
    Load(PathBuf, String),
}

/// What a command does with a pipe; nothing where it has none.
pub fn piped(world: &World, container: &str, command: &[&str]) -> Option<Piped> {
    let pipe = command.get(4)?;
    let mounts = &world.containers.get(container)?.spec.mounts;
    let on_host = mounts.iter().find_map(|mount| {
        let inside = Path::new(pipe).strip_prefix(&mount.target).ok()?;
        Some(mount.source.join(inside))
    })?;
    let schema = (*command.last()?).to_owned();
    match command.get(3) {
        Some(&"dump") => {
            let tables = world.databases.get(container)?.schemas.get(&schema)?;
            let made: String = tables
                .iter()
                .map(|table| format!("CREATE TABLE `{table}`\n"))
                .collect();
            let position = match command.contains(&"--master-data=2") {
                true => {
                    "-- CHANGE MASTER TO MASTER_LOG_FILE='binlog.000001', MASTER_LOG_POS=1000;\n"
                }
                false => "",
            };
            let dump = format!("-- a dump\n{position}{made}-- Dump completed\n");
            Some(Piped::Dump(on_host, dump))
        }
        Some(&"load") => Some(Piped::Load(on_host, schema)),
        _ => None,
    }
}

/// Puts the tables of a dump into a schema.
pub fn load(world: &mut World, container: &str, schema: &str, dump: &str) {
    let database = world.databases.entry(container.to_owned()).or_default();
    let tables = database.schemas.entry(schema.to_owned()).or_default();
    let made = dump
        .lines()
        .filter_map(|line| line.strip_prefix("CREATE TABLE `"));
    tables.extend(made.map(|name| name.trim_end_matches('`').to_owned()));
}

/// A client that is talked with: it does what it is told and echoes what it shall.
#[derive(Default)]
pub struct Talk {
    lines: std::collections::VecDeque<String>,
}

impl crate::engine::Conversation for Talk {
    fn say(&mut self, text: &str) -> Result<()> {
        for statement in text.split(";\n") {
            match statement.strip_prefix("SELECT '") {
                Some(word) => self.lines.push_back(word.trim_end_matches('\'').to_owned()),
                None if statement.contains("innodb_trx") || statement.contains("MAX(id)") => {
                    self.lines.push_back("1".to_owned());
                }
                None if statement.starts_with("SELECT COUNT") => {
                    self.lines.push_back("0".to_owned());
                }
                None => {}
            }
        }
        Ok(())
    }

    fn hear(&mut self, _limit: std::time::Duration) -> Result<Option<String>> {
        Ok(self.lines.pop_front())
    }
}
