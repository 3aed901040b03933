//! Rows of the data set: a large table, and entities in the sample application with their search index.

use std::fmt::Write;

use crate::common::data::{self, Chance};
use crate::common::place::{Instance, Place};
use crate::common::{Result, run};

/// Rows of the large table: 307 MB as a dump.
const ROWS: u64 = 290_000;

/// Entities of the sample application.
const ENTITIES: u64 = 20_000;

/// Rows that one statement makes.
const AT_ONCE: u64 = 10_000;

/// The instance with all of the data set, and how many entities it has; it runs.
///
/// # Errors
/// Where it cannot be made.
pub fn make_instance(place: &Place) -> Result<(Instance, u64)> {
    let instance = place.make_instance("main")?;
    run::say("making files and rows …");
    data::make(&instance.root.join("data/media"), place.smaller)?;
    let entities = ENTITIES / place.smaller;
    sql(&instance, &statements(ROWS / place.smaller, entities))?;
    run::output(place.call("main", &["--quiet", "start"]))?;
    run::say("filling the search index …");
    let words = ["--quiet", "run_headless", "bundle exec bin/kor index-all"];
    run::output(place.call("main", &words))?;
    run::shell("sync", &[])?;
    Ok((instance, entities))
}

/// What statements answer, asked as the administrator.
///
/// # Errors
/// Where the server refuses one.
pub fn sql(instance: &Instance, statements: &str) -> Result<String> {
    let (_, answer) = run::feed(
        "client -BN --default-character-set=utf8mb4 \"$SCHEMA\"",
        &instance.variables(),
        statements,
    )?;
    Ok(answer)
}

fn statements(rows: u64, entities: u64) -> String {
    let words = Chance::new().text(20_000);
    let mut text = format!(
        "SET @words = '{words}';\n\
         CREATE TABLE bench_rows (id INT PRIMARY KEY, uuid CHAR(36) NOT NULL, made DATETIME NOT NULL, \
         body TEXT NOT NULL) ENGINE=InnoDB DEFAULT CHARSET=utf8;\n"
    );
    // A third of it digits, which compress to half, the rest words.
    let digits: Vec<String> = (0..10).map(|n| format!("MD5(seq * 10 + {n})")).collect();
    let digits = digits.join(", ");
    let mut from = 1;
    while from <= rows {
        let to = rows.min(from + AT_ONCE - 1);
        let _ = writeln!(
            text,
            "INSERT INTO bench_rows SELECT seq, UUID(), NOW() - INTERVAL seq SECOND, CONCAT_WS(' ', \
             {digits}, SUBSTRING(@words, 1 + seq * 7919 % 19000, 640)) FROM seq_{from}_to_{to};"
        );
        from = to + 1;
    }
    let _ = writeln!(
        text,
        "INSERT INTO entities (uuid, kind_id, collection_id, name, no_name_statement, comment, \
         created_at, updated_at) SELECT UUID(), (SELECT id FROM kinds WHERE name = 'person'), \
         (SELECT id FROM collections WHERE name = 'Default'), CONCAT('Bench entity ', seq), \
         'enter_name', SUBSTRING(@words, 1 + seq * 131 % 19000, 400), NOW(), NOW() \
         FROM seq_1_to_{entities};"
    );
    text
}
