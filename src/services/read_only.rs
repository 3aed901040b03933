//! An instance's database user that may read and not write, for as long as it takes. Readers do not
//! notice; who writes gets a refusal. `docs/architecture.md` has why it is done like this.

use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};
use crate::host::interrupt::Interrupt;
use crate::model::sql;
use crate::services::database::Server;

/// How long connections may take to end that were there before.
const ENDING: Duration = Duration::from_secs(30);

/// The database user of an instance.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Account {
    /// The user.
    pub user: String,
    /// The schema that the user reaches.
    pub schema: String,
    /// Tables that are no content, where whoever reads writes too: they stay open.
    pub open: Vec<String>,
}

/// A grant on the schema: the host that the user comes from, and the schema's name as a pattern.
struct Grant {
    host: String,
    pattern: String,
}

/// Leaves the user nothing but reading; comes back when nobody is left who was connected before.
///
/// # Errors
/// Exit 1 with what the server says, where connections do not end, or at an interruption.
pub fn begin(server: &Server<'_>, account: &Account, interrupt: &Interrupt) -> Result<()> {
    let grants = grants(server, account)?;
    if grants.is_empty() {
        return Err(Error::failed(format!(
            "the database user {} has no right on {}",
            account.user, account.schema
        )));
    }
    let mut statements = "SET SESSION sql_log_bin = 0;\n".to_owned();
    for grant in &grants {
        let (on, who) = (sql::identifier(&grant.pattern), who(account, grant));
        statements.push_str(&format!(
            "REVOKE ALL PRIVILEGES ON {on}.* FROM {who};\n\
             GRANT SELECT, SHOW VIEW, LOCK TABLES ON {on}.* TO {who};\n"
        ));
        for table in &account.open {
            statements.push_str(&format!(
                "GRANT INSERT, UPDATE, DELETE ON {}.{} TO {who};\n",
                sql::identifier(&account.schema),
                sql::identifier(table)
            ));
        }
    }
    server.query(&statements)?;
    // A connection keeps the rights that it began with.
    let newest = number(server, "SELECT CONNECTION_ID();\n")?;
    let user = sql::literal(&account.user);
    let until = Instant::now() + ENDING;
    loop {
        interrupt.check("keeping writers out was stopped")?;
        server.query(&format!("KILL CONNECTION USER {user};\n"))?;
        let older = format!(
            "SELECT COUNT(*) FROM information_schema.processlist WHERE user = {user} AND id < {newest};\n"
        );
        if number(server, &older)? == 0 {
            return Ok(());
        }
        if Instant::now() > until {
            return Err(Error::failed(format!(
                "connections of the database user {} do not end",
                account.user
            )));
        }
        interrupt.sleep(Duration::from_millis(20));
    }
}

/// Gives the user all rights back.
///
/// # Errors
/// Exit 1 with what the server says.
pub fn end(server: &Server<'_>, account: &Account) -> Result<()> {
    let mut statements = "SET SESSION sql_log_bin = 0;\n".to_owned();
    let grants = grants(server, account)?;
    for grant in &grants {
        let (on, who) = (sql::identifier(&grant.pattern), who(account, grant));
        statements.push_str(&format!("GRANT ALL PRIVILEGES ON {on}.* TO {who};\n"));
    }
    if grants.is_empty() {
        return Ok(());
    }
    // What was left open needs no right of its own any more.
    let opened = server.query(&format!(
        "SELECT host, table_name FROM mysql.tables_priv WHERE user = {} AND db = {};\n",
        sql::literal(&account.user),
        sql::literal(&account.schema)
    ))?;
    for (host, table) in opened.lines().filter_map(|line| line.split_once('\t')) {
        statements.push_str(&format!(
            "REVOKE ALL PRIVILEGES ON {}.{} FROM {}@{};\n",
            sql::identifier(&account.schema),
            sql::identifier(table),
            sql::literal(&account.user),
            sql::literal(host)
        ));
    }
    server.query(&statements)?;
    // Who connected meanwhile could not write before the connection is made anew.
    let user = sql::literal(&account.user);
    server
        .query(&format!("KILL CONNECTION USER {user};\n"))
        .map(drop)
}

fn who(account: &Account, grant: &Grant) -> String {
    format!(
        "{}@{}",
        sql::literal(&account.user),
        sql::literal(&grant.host)
    )
}

/// What the user has on exactly this schema, whether its name was escaped then or not.
fn grants(server: &Server<'_>, account: &Account) -> Result<Vec<Grant>> {
    let answer = server.query(&format!(
        "SELECT host, REPLACE(db, '\\\\', '/') FROM mysql.db WHERE user = {};\n",
        sql::literal(&account.user)
    ))?;
    Ok(answer
        .lines()
        .filter_map(|line| line.split_once('\t'))
        .filter(|(_, pattern)| pattern.replace('/', "") == account.schema)
        .map(|(host, pattern)| Grant {
            host: host.to_owned(),
            pattern: pattern.replace('/', "\\"),
        })
        .collect())
}

fn number(server: &Server<'_>, query: &str) -> Result<u64> {
    let answer = server.query(query)?;
    answer
        .trim()
        .parse()
        .map_err(|_| Error::failed("the database answered with something else than a number"))
}
