//! The rights of users, as far as they are taken and given back.

use super::world::Database;

/// What a user has on its schema, as far as it is told apart.
const ALL: [&str; 5] = ["INSERT", "LOCK TABLES", "SELECT", "SHOW VIEW", "UPDATE"];

/// What it keeps.
const KEPT: [&str; 3] = ["LOCK TABLES", "SELECT", "SHOW VIEW"];

/// The beginnings of the statements that look for rights in other ways than on a schema.
const OTHER_WAYS: [&str; 5] = [
    "SELECT 'rights on",
    "SET @role",
    "PREPARE role",
    "EXECUTE role",
    "DEALLOCATE PREPARE role",
];

/// What a statement about rights and connections is answered with; nothing where it is another one.
pub fn answer(database: &mut Database, statement: &str) -> Option<String> {
    let nothing = Some(String::new());
    // Nobody has any in other ways.
    if OTHER_WAYS.iter().any(|begin| statement.starts_with(begin)) {
        return nothing;
    }
    if statement.contains("FROM information_schema.schema_privileges") {
        let asked = |user: &&String| statement.contains(&format!("''{user}''"));
        let user = database.users.keys().find(asked)?;
        let has: &[&str] = match database.readers.contains(user) {
            true => &KEPT,
            false => &ALL,
        };
        let rows = has.iter().map(|p| format!("'{user}'@'%'\t1\t{p}\n"));
        return Some(rows.collect());
    }
    if let Some(of) = statement.strip_prefix("SELECT COUNT(*) FROM mysql.user WHERE user = '") {
        let user = of.split('\'').next()?;
        let there = database.users.contains_key(user);
        return Some(format!("{}\n", u8::from(there)));
    }
    // Nobody is connected, and no table has rights of its own.
    if statement.starts_with("SELECT host, table") {
        return nothing;
    }
    if statement.starts_with("SELECT 0, 'asked'") {
        return Some("0\tasked\n".to_owned());
    }
    if let Some(taken) = statement.strip_prefix("REVOKE ") {
        let user = taken.split(" FROM '").nth(1)?.split('\'').next()?;
        database.readers.insert(user.to_owned());
        return nothing;
    }
    if let Some(account) = statement.strip_prefix("SHOW GRANTS FOR '") {
        let user = account.split('\'').next()?;
        let schema = database.users.get(user)?;
        return Some(match database.readers.contains(user) {
            true => format!("GRANT SELECT ON `{schema}`.* TO `{user}`@`%`\n"),
            false => format!("GRANT ALL PRIVILEGES ON `{schema}`.* TO `{user}`@`%`\n"),
        });
    }
    let given = statement.strip_prefix("GRANT ")?;
    if given.starts_with("ALL") || given.contains("INSERT") {
        let user = given.split(" TO '").nth(1)?.split('\'').next()?;
        database.readers.remove(user);
    }
    match given.starts_with("ALL") {
        true => None,
        false => nothing,
    }
}
