//! The tables of a snapshot: which are held, and which no transaction protects.

use crate::error::{Error, Result};
use crate::model::memory;
use crate::services::database::Server;
use crate::services::tables;
use crate::steps::snapshot::Order;

/// Tables without transactions are dumped while all are held: so much takes less than a second.
const IN_A_HOLD: u64 = 32 << 20;

/// The tables of a schema.
pub struct Tables {
    /// Those that a dump sees as they were in the moment, though it reads them later.
    pub held: Vec<String>,
    /// Those without transactions, and their bytes.
    pub apart: Vec<(String, u64)>,
    /// All, those too that are no content.
    pub known: Vec<String>,
}

impl Tables {
    /// As they are now.
    ///
    /// # Errors
    /// Exit 6 where there are none; exit 1 with what the server says.
    pub fn of(server: &Server<'_>, order: &Order) -> Result<Self> {
        let known = server.tables(&order.schema)?;
        let is_content = |table: &String| !order.tables_without_content.contains(table);
        let mut held: Vec<String> = known.iter().filter(|t| is_content(t)).cloned().collect();
        if held.is_empty() {
            let what = format!("the schema {} is empty", order.schema);
            return Err(Error::refused(what).why("there is nothing to take a snapshot of"));
        }
        let mut apart = tables::without_transactions(server, &order.schema)?;
        apart.retain(|(table, _)| is_content(table));
        held.retain(|table| apart.iter().all(|(name, _)| name != table));
        Ok(Tables { held, apart, known })
    }

    /// Refuses what would have to be held for too long.
    ///
    /// # Errors
    /// Exit 6 with the tables.
    pub fn check(&self, schema: &str) -> Result<()> {
        let bytes: u64 = self.apart.iter().map(|(_, bytes)| bytes).sum();
        if bytes <= IN_A_HOLD {
            return Ok(());
        }
        let what = format!("the tables of {schema} cannot be held for a snapshot");
        let names = self.names_apart().join(", ");
        Err(Error::refused(what)
            .why(format!(
                "{names} have no transactions and {}: to dump them takes too long",
                memory::human(bytes)
            ))
            .next("say --hold read-only"))
    }

    /// All that are content.
    pub fn all(&self) -> Vec<String> {
        let held = self.held.iter().cloned();
        held.chain(self.names_apart()).collect()
    }

    /// Those without transactions.
    pub fn names_apart(&self) -> Vec<String> {
        self.apart.iter().map(|(name, _)| name.clone()).collect()
    }
}
