//! A hold: for a moment nobody writes to an instance's tables, and whoever reads does not notice.
//! `docs/architecture.md` has why it is done like this.

use std::time::{Duration, Instant};

use crate::engine::{Conversation, Engine};
use crate::error::{Error, Result};
use crate::host::interrupt::Interrupt;
use crate::model::sql;
use crate::services::database;

/// How long one try waits for the tables, in seconds; longer ones would make readers wait behind
/// what waits itself.
const TRY_SECONDS: u64 = 1;

/// How many tries there are.
const TRIES: u32 = 12;

/// How long an answer may take that waits for nobody.
const ANSWER: Duration = Duration::from_secs(10);

/// A pause between two looks at the list of transactions: the server makes it anew only when nobody
/// looked at it for a tenth of a second.
pub const LOOK: Duration = Duration::from_millis(110);

/// Statements that wait for a held table and make readers wait behind them.
const DDL: &str = "'^[[:space:]]*(ALTER|CREATE|DROP|TRUNCATE|RENAME|OPTIMIZE|REPAIR|ANALYZE|LOCK)'";

/// The tables of a schema, held until this is dropped, or this process ends.
pub struct Hold {
    conversation: Box<dyn Conversation>,
    since: Instant,
}

/// A second conversation that sees what the tables were when it began.
pub struct Snapshot {
    conversation: Box<dyn Conversation>,
}

/// Holds the tables of a schema against writes, as soon as no transaction that touched them is
/// open.
///
/// # Errors
/// Exit 1 where it cannot be had because others write without a pause, or at an interruption.
pub fn hold(
    engine: &dyn Engine,
    container: &str,
    schema: &str,
    tables: &[String],
    interrupt: &Interrupt,
) -> Result<Hold> {
    let mut last = None;
    for attempt in 0..TRIES {
        interrupt.check("waiting for a moment without writes was stopped")?;
        match attempt_one(engine, container, schema, tables, attempt) {
            Ok(hold) => return Ok(hold),
            Err(error) if error.interrupted => return Err(error),
            Err(error) => last = Some(error),
        }
        interrupt.sleep(Duration::from_millis(200));
    }
    let why = last.map_or_else(String::new, |error| error.to_string());
    Err(Error::failed(format!("no moment was found without writes to {schema}")).why(why))
}

fn attempt_one(
    engine: &dyn Engine,
    container: &str,
    schema: &str,
    tables: &[String],
    attempt: u32,
) -> Result<Hold> {
    let mut conversation = engine.converse(container, &database::client_words())?;
    let names: Vec<String> = tables.iter().map(|table| sql::identifier(table)).collect();
    // The first way lets all others read on while it waits, but starves where writes overlap; the
    // second gets in there.
    let lock = if attempt % 3 == 2 {
        format!("FLUSH TABLES {} WITH READ LOCK", names.join(", "))
    } else {
        format!("LOCK TABLES {} READ", names.join(" READ, "))
    };
    conversation.say(&format!(
        "USE {};\nSET SESSION lock_wait_timeout = {TRY_SECONDS};\n\
         SET SESSION innodb_lock_wait_timeout = {TRY_SECONDS};\n{lock};\nSELECT 'held';\n",
        sql::identifier(schema)
    ))?;
    let limit = Duration::from_secs(TRY_SECONDS * (tables.len() as u64 + 2));
    match conversation.hear(limit)? {
        Some(line) if line == "held" => Ok(Hold {
            conversation,
            since: Instant::now(),
        }),
        _ => Err(Error::failed("the tables could not be held in time")),
    }
}

impl Hold {
    /// Whether somebody waits with a statement behind which readers wait too.
    ///
    /// # Errors
    /// Exit 1 where the hold is over.
    pub fn is_in_the_way(&mut self, schema: &str) -> Result<bool> {
        let query = format!(
            "SELECT COUNT(*) FROM information_schema.processlist \
             WHERE (db = {0} OR INSTR(info, {0})) \
             AND state LIKE 'Waiting for table%' AND info REGEXP {DDL};\n",
            sql::literal(schema)
        );
        self.conversation.say(&query)?;
        Ok(number(self.conversation.as_mut())? > 0)
    }

    /// Whether there is a table that is none of these: one that was made meanwhile is not held.
    ///
    /// # Errors
    /// Exit 1 where the hold is over.
    pub fn is_missing_some(&mut self, schema: &str, known: &[String]) -> Result<bool> {
        let known: Vec<String> = known.iter().map(|table| sql::literal(table)).collect();
        let query = format!(
            "SELECT COUNT(*) FROM information_schema.tables WHERE table_schema = {} \
             AND table_name NOT IN ({});\n",
            sql::literal(schema),
            known.join(", ")
        );
        self.conversation.say(&query)?;
        Ok(number(self.conversation.as_mut())? > 0)
    }

    /// The highest number of a connection so far: one that is made now gets a higher one.
    ///
    /// # Errors
    /// Exit 1 where the hold is over.
    pub fn newest_connection(&mut self) -> Result<u64> {
        self.conversation
            .say("SELECT COALESCE(MAX(id), 0) FROM information_schema.processlist;\n")?;
        number(self.conversation.as_mut())
    }

    /// Whether the dump that was started after that connection sees the moment already: its
    /// transaction is open. What this tool counts meanwhile is no dump.
    ///
    /// # Errors
    /// Exit 1 where the hold is over.
    pub fn dump_is_open(&mut self, after: u64, schema: &str) -> Result<bool> {
        self.conversation.say(&format!(
            "SELECT COUNT(*) FROM information_schema.innodb_trx t \
             JOIN information_schema.processlist p ON p.id = t.trx_mysql_thread_id \
             WHERE p.id > {after} AND p.host = 'localhost' AND COALESCE(p.db, {0}) = {0} \
             AND COALESCE(p.info, '') NOT LIKE '%count(%' AND COALESCE(p.info, '') NOT LIKE '%sum(%';\n",
            sql::literal(schema)
        ))?;
        Ok(number(self.conversation.as_mut())? > 0)
    }

    /// Lets go. How long it was held.
    ///
    /// # Errors
    /// Exit 1 where the hold had ended before: then what was done in it is not of one moment.
    pub fn release(mut self) -> Result<Duration> {
        self.conversation
            .say("UNLOCK TABLES;\nSELECT 'released';\n")?;
        let lasted = self.since.elapsed();
        match self.conversation.hear(ANSWER)? {
            Some(line) if line == "released" => Ok(lasted),
            _ => Err(Error::failed("the hold on the tables was lost")),
        }
    }
}

impl Snapshot {
    /// Begins while the tables are held.
    ///
    /// # Errors
    /// Exit 1 where the server does not answer.
    pub fn begin(engine: &dyn Engine, container: &str, schema: &str) -> Result<Self> {
        let mut conversation = engine.converse(container, &database::client_words())?;
        conversation.say(&format!(
            "USE {};\nSET SESSION TRANSACTION ISOLATION LEVEL REPEATABLE READ;\n\
             START TRANSACTION WITH CONSISTENT SNAPSHOT;\nSELECT 'open';\n",
            sql::identifier(schema)
        ))?;
        match conversation.hear(ANSWER)? {
            Some(line) if line == "open" => Ok(Snapshot { conversation }),
            _ => Err(Error::failed("the database does not answer")),
        }
    }

    /// How many rows a table had.
    ///
    /// # Errors
    /// Exit 1 where the server does not answer.
    pub fn rows(&mut self, table: &str) -> Result<u64> {
        let query = format!("SELECT COUNT(*) FROM {};\n", sql::identifier(table));
        self.conversation.say(&query)?;
        number(self.conversation.as_mut())
    }
}

fn number(conversation: &mut dyn Conversation) -> Result<u64> {
    let line = conversation
        .hear(Duration::from_secs(600))?
        .unwrap_or_default();
    line.parse()
        .map_err(|_| Error::failed("the database answered with something else than a number"))
}
