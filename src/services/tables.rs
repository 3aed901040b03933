//! What is in the tables of a schema, to tell one state of them from another.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};
use crate::model::sql;
use crate::model::undo::Table;
use crate::services::database::{Server, at_once};

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

/// The tables of a schema that have no transactions, with their bytes: a dump sees them as they are
/// when it comes to them.
///
/// # Errors
/// Exit 1 with what the server says.
pub fn without_transactions(server: &Server<'_>, schema: &str) -> Result<Vec<(String, u64)>> {
    let answer = server.query(&format!(
        "SELECT t.table_name, COALESCE(t.data_length, 0) FROM information_schema.tables t \
         LEFT JOIN information_schema.engines e ON e.engine = t.engine \
         WHERE t.table_schema = {} AND t.table_type = 'BASE TABLE' \
         AND COALESCE(e.transactions, 'NO') <> 'YES';\n",
        sql::literal(schema)
    ))?;
    let table = |line: &str| {
        let (name, bytes) = line.split_once('\t')?;
        Some((name.to_owned(), bytes.parse().ok()?))
    };
    Ok(answer.lines().filter_map(table).collect())
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
    // Both read all of it: at once, while nobody may write for that time.
    let (sums, rows) = at_once(
        || checksums(server, schema, tables),
        || rows(server, schema, tables),
    );
    let (rows, mut sums) = (rows?, sums?.into_iter());
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

/// The checksum of each of these tables; a view has none.
fn checksums(server: &Server<'_>, schema: &str, tables: &[String]) -> Result<Vec<Option<u64>>> {
    let queries = tables.iter().map(|table| {
        let (schema, name) = (sql::identifier(schema), sql::identifier(table));
        format!("CHECKSUM TABLE {schema}.{name};\n")
    });
    let answer = server.query_within(&queries.collect::<String>(), READING)?;
    let sum = |line: &str| line.rsplit('\t').next().unwrap_or_default().parse().ok();
    Ok(answer.lines().map(sum).collect())
}

/// What a table is known by to which nothing was done, also by what no log has.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Mark {
    /// When it was last written to, for comparing.
    pub time: String,
    /// The numbers of what it is stored in, one for each part. To empty it, or a part of it, is not to
    /// write to it, but gives others.
    pub stored: Vec<u64>,
}

impl Mark {
    /// Whether only counting its rows says that it is as full as it was: of a table that is not stored so
    /// that it would have numbers, and of one of which the server does not know when it was written to. It
    /// forgets that, and has then nothing to say of what was written before.
    pub fn wants_counting(&self) -> bool {
        self.stored.is_empty() || self.time == UNKNOWN
    }
}

/// In the place of a time.
const UNKNOWN: &str = "-";

/// Whether the server knows of nothing that was done to a table since it was known by a mark.
pub fn is_untouched(table: &str, then: Option<&Mark>, now: &Listed) -> bool {
    then.is_some() && then == now.get(table).and_then(Option::as_ref)
}

/// What each table and view of a schema is known by, without reading it; nothing where it was written to
/// within the last two seconds, for the server only says the second, and of a view.
pub type Listed = BTreeMap<String, Option<Mark>>;

/// What the server knows of each table and view of these schemas.
///
/// # Errors
/// Exit 1 with what the server says.
pub fn listed<const N: usize>(server: &Server<'_>, schemas: [&str; N]) -> Result<[Listed; N]> {
    let wanted = schemas.map(sql::literal).join(", ");
    // Only MariaDB reads on there.
    let answer = server.query(&format!(
        "SELECT table_schema, table_name, COALESCE(update_time, '{UNKNOWN}'), \
         table_type = 'BASE TABLE' AND COALESCE(update_time < NOW() - INTERVAL 2 SECOND, TRUE) \
         FROM information_schema.tables WHERE table_schema IN ({wanted});\n\
         SELECT '', 0 /*M! UNION ALL SELECT name, table_id FROM information_schema.innodb_sys_tables \
         WHERE SUBSTRING_INDEX(name, '/', 1) IN ({wanted}) */;\n"
    ))?;
    let lines = || {
        let columns = |line| str::split(line, '\t').collect::<Vec<&str>>();
        answer.lines().map(columns)
    };
    let stored = lines().filter_map(|columns| match columns.as_slice() {
        [name, number] => stored(name, number),
        _ => None,
    });
    let mut numbers: BTreeMap<(&str, &str), Vec<u64>> = BTreeMap::new();
    for (table, number) in stored {
        numbers.entry(table).or_default().push(number);
    }
    let mut all: BTreeMap<&str, Listed> = BTreeMap::new();
    for columns in lines() {
        match columns.as_slice() {
            [schema, name, time, settled] => {
                let mut stored = numbers.remove(&(*schema, *name)).unwrap_or_default();
                stored.sort_unstable();
                let mark = Mark {
                    time: (*time).to_owned(),
                    stored,
                };
                let known = (*settled == "1").then_some(mark);
                all.entry(schema)
                    .or_default()
                    .insert((*name).to_owned(), known);
            }
            [_, _] => {}
            _ => {
                return Err(Error::failed(
                    "the database says of its tables what cannot be read",
                ));
            }
        }
    }
    Ok(schemas.map(|schema| all.remove(schema).unwrap_or_default()))
}

/// Schema and table that something is stored of, as the server's storage names it: `schema/table`, and
/// `schema/table#P#part` of a part. A name in other letters is written otherwise there, and not found.
fn stored<'a>(name: &'a str, number: &str) -> Option<((&'a str, &'a str), u64)> {
    let (schema, table) = name.split_once('/')?;
    let table = table.split('#').next().unwrap_or(table);
    Some(((schema, table), number.parse().ok()?))
}

/// How each of these tables and views of a schema is made, in their order; without what rows leave
/// behind (the next number) and without whom a view belongs to.
///
/// # Errors
/// Exit 1 with what the server says.
pub fn shapes<'a>(
    server: &Server<'_>,
    tables: impl IntoIterator<Item = (&'a str, &'a str)>,
) -> Result<Vec<String>> {
    let tables: Vec<(&str, &str)> = tables.into_iter().collect();
    // A view's own schema is left out of its text where it is the one that is used.
    let queries = tables.iter().map(|(schema, name)| {
        let (schema, name) = (sql::identifier(schema), sql::identifier(name));
        format!("USE {schema};\nSHOW CREATE TABLE {name};\n")
    });
    let answer = server.query_within(&queries.collect::<String>(), READING)?;
    // Line ends within are escaped: a line for each. The name stands first in it.
    let lines: Vec<&str> = answer.lines().collect();
    if lines.len() != tables.len() {
        return Err(Error::failed(
            "the database does not say how its tables are made",
        ));
    }
    let both = lines.into_iter().zip(tables);
    Ok(both
        .map(|(line, (schema, _))| shape(line, schema))
        .collect())
}

fn shape(line: &str, schema: &str) -> String {
    let own = format!("{}.", sql::identifier(schema));
    line.split(' ')
        .filter(|word| !word.starts_with("AUTO_INCREMENT=") && !word.starts_with("DEFINER="))
        .collect::<Vec<_>>()
        .join(" ")
        .replace(&own, "")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_table_is_stored_in_is_found_by_its_name() {
        assert_eq!(stored("kor_a/media", "12"), Some((("kor_a", "media"), 12)));
        assert_eq!(stored("kor_a/t#P#p0", "3"), Some((("kor_a", "t"), 3)));
        assert_eq!(stored("", "0"), None);
    }

    #[test]
    fn the_shape_of_a_table_is_not_what_rows_leave_behind() {
        let one = "t\tCREATE TABLE `t` (\\n  `id` int\\n) ENGINE=InnoDB AUTO_INCREMENT=7 DEFAULT CHARSET=utf8";
        assert_eq!(shape(one, "a"), shape(&one.replace("=7 ", "=9 "), "b"));
        assert_ne!(shape(one, "a"), shape(&one.replace("int", "text"), "a"));
        let view = "v\tCREATE DEFINER=`kor_a`@`%` SQL SECURITY DEFINER VIEW `v` AS select `kor_a`.`x`.`id` from `kor_a`.`x`\tutf8";
        assert_eq!(
            shape(view, "kor_a"),
            shape(&view.replace("kor_a`", "kor_b`"), "kor_b")
        );
    }
}
