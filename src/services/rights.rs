//! What an instance's database user may do: as a grant on its schema, and in ways that cannot be taken away
//! for a while.

use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};
use crate::model::sql;
use crate::services::database::Server;

/// What a user keeps that is kept from writing: what an application needs to read, and a dump.
pub const KEPT: [&str; 3] = ["SELECT", "SHOW VIEW", "LOCK TABLES"];

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
/// Exit 6 where it has some in other ways, which would have to be taken too, or none that are found; exit 1
/// with what the server says.
pub fn of(
    server: &Server<'_>,
    user: &str,
    schema: &str,
    tables_without_content: &[String],
) -> Result<Option<Rights>> {
    let account = sql::literal(&format!("'{user}'"));
    let others = server.query(&in_other_ways(user, &account, schema))?;
    if let Some(other) = others.lines().next() {
        return Err(refused(user, schema)
            .why(format!("it has {other}"))
            .next(format!(
                "give the instance a database user whose rights are on {schema} as a whole, and on nothing else"
            )));
    }
    let mut grants = on_schema(server, &account, schema)?;
    if grants.is_empty() {
        let user_is_there = format!(
            "SELECT COUNT(*) FROM mysql.user WHERE user = {};\n",
            sql::literal(user)
        );
        return match server.query(&user_is_there)?.trim() {
            "0" => Ok(None),
            _ => Err(none(user, schema)),
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

/// Asks for the grants on the schema as a whole; whether one is of all rights is not in the answer.
fn on_schema(server: &Server<'_>, account: &str, schema: &str) -> Result<Vec<Grant>> {
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
    Ok(grants)
}

/// Asks for what lets a user write that is no grant on the schema as a whole.
fn in_other_ways(user: &str, account: &str, schema: &str) -> String {
    let schema = sql::literal(schema);
    let of_it = format!("SUBSTRING_INDEX(grantee, '@', 1) = {account} LIMIT 1;\n");
    let inside = format!(
        "WHERE table_schema = {schema} \
         AND privilege_type NOT IN ('SELECT', 'SHOW VIEW', 'REFERENCES') AND {of_it}"
    );
    // A server without roles has no such table.
    let role = sql::literal(&format!(
        "SELECT CONCAT('the role ', role) FROM mysql.roles_mapping WHERE user = {} LIMIT 1",
        sql::literal(user)
    ));
    format!(
        "SELECT 'rights on the whole server' FROM information_schema.user_privileges \
         WHERE privilege_type <> 'USAGE' AND {of_it}\
         SELECT 'rights on single tables' FROM information_schema.table_privileges {inside}\
         SELECT 'rights on single columns' FROM information_schema.column_privileges {inside}\
         SET @role = IF((SELECT COUNT(*) FROM information_schema.tables \
         WHERE table_schema = 'mysql' AND table_name = 'roles_mapping') > 0, {role}, 'DO 0');\n\
         PREPARE role FROM @role;\nEXECUTE role;\nDEALLOCATE PREPARE role;\n"
    )
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
pub fn none(user: &str, schema: &str) -> Error {
    refused(user, schema)
        .why("no rights of that user there were found")
        .next(format!(
            "look whether it has them by way of another user or a role: SHOW GRANTS FOR '{user}'"
        ))
}

fn refused(user: &str, schema: &str) -> Error {
    Error::refused(format!("{user} cannot be kept from writing to {schema}"))
}

impl Rights {
    /// A table of the schema, as it stands in a grant.
    pub fn table(&self, table: &str) -> String {
        let (schema, table) = (sql::identifier(&self.schema), sql::identifier(table));
        format!("{schema}.{table}")
    }
}

impl Grant {
    /// The schema as it stands in this grant.
    pub fn on(&self, schema: &str) -> String {
        match self.escaped {
            true => sql::grant_pattern(schema),
            false => sql::identifier(schema),
        }
    }

    /// The account, as it stands in a grant.
    pub fn account(&self, user: &str) -> String {
        format!("{}@{}", sql::literal(user), sql::literal(&self.host))
    }

    /// What it has meanwhile and did not have.
    pub fn lent(&self) -> Vec<&str> {
        let has = |right: &&str| self.all || self.privileges.iter().any(|p| p == right);
        KEPT.into_iter().filter(|right| !has(right)).collect()
    }

    /// What is taken of it.
    pub fn taken(&self) -> Vec<&str> {
        let privileges = self.privileges.iter().map(String::as_str);
        privileges.filter(|p| !KEPT.contains(p)).collect()
    }
}
