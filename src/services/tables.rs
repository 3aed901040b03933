//! What is in the tables of a schema, to tell one state of them from another.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::error::{Error, Result};
use crate::model::sql;
use crate::model::undo::Table;
use crate::services::database::Server;

/// How long reading all tables may take.
const READING: Duration = Duration::from_secs(3600);

/// How many rows each of these tables has.
///
/// # Errors
/// Exit 1 with what the server says.
pub fn rows(server: &Server<'_>, schema: &str, tables: &[String]) -> Result<BTreeMap<String, u64>> {
    let queries = tables.iter().map(|table| {
        let (schema, name) = (sql::identifier(schema), sql::identifier(table));
        format!("SELECT COUNT(*) FROM {schema}.{name};\n")
    });
    let answer = server.query_within(&queries.collect::<String>(), READING)?;
    let counts: Vec<u64> = answer
        .lines()
        .filter_map(|line| line.parse().ok())
        .collect();
    match counts.len() == tables.len() {
        true => Ok(tables.iter().cloned().zip(counts).collect()),
        false => Err(Error::failed(
            "the database answered with something else than numbers",
        )),
    }
}

/// What each of these tables is known by.
///
/// # Errors
/// Exit 1 with what the server says.
pub fn states(
    server: &Server<'_>,
    schema: &str,
    tables: &[String],
) -> Result<BTreeMap<String, Table>> {
    let rows = rows(server, schema, tables)?;
    let queries = tables.iter().map(|table| {
        let (schema, name) = (sql::identifier(schema), sql::identifier(table));
        format!("CHECKSUM TABLE {schema}.{name};\n")
    });
    let answer = server.query_within(&queries.collect::<String>(), READING)?;
    let mut sums = answer.lines().map(|line| {
        let sum = line.rsplit('\t').next().unwrap_or_default();
        // A view has none: NULL.
        sum.parse().ok()
    });
    let state = |(name, rows)| {
        let checksum = sums.next().flatten();
        (name, Table { rows, checksum })
    };
    // Both answers are in the order of the questions, which is not that of the map.
    let mut by_name = rows;
    Ok(tables
        .iter()
        .filter_map(|name| Some((name.clone(), by_name.remove(name)?)))
        .map(state)
        .collect())
}
