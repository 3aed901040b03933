//! The address of a database as the application's `DATABASE_URL` has it.

use crate::error::{Error, Result};
use crate::model::secret::Secret;

/// The same address with another schema and login; host, port and options stay. Login and schema
/// are written as they are, so they have to be of letters, digits, `_` and `-` alone.
///
/// # Errors
/// Exit 6 where the text is no such address, 2 where a part would have to be escaped.
pub fn with_login(url: &str, user: &str, password: &Secret, schema: &str) -> Result<Secret> {
    for part in [user, password.reveal(), schema] {
        let plain = |c: char| c.is_ascii_alphanumeric() || "_-.".contains(c);
        if part.is_empty() || !part.chars().all(plain) {
            return Err(Error::usage("a part of DATABASE_URL cannot be written")
                .why("schema, user and password have letters, digits, _, - and . alone"));
        }
    }
    let no_url = || {
        Error::refused("DATABASE_URL in the environment file is no address of a database")
            .why("it looks like mysql2://USER:PASSWORD@HOST/SCHEMA")
    };
    let (scheme, rest) = url.split_once("://").ok_or_else(no_url)?;
    let (address, options) = match rest.find('?') {
        Some(at) => rest.split_at(at),
        None => (rest, ""),
    };
    let (authority, _) = address.split_once('/').ok_or_else(no_url)?;
    let host = authority.rsplit('@').next().unwrap_or(authority);
    let password = password.reveal();
    Ok(Secret::new(format!(
        "{scheme}://{user}:{password}@{host}/{schema}{options}"
    )))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn host_port_and_options_stay() {
        let changed = |url| {
            with_login(url, "u", &Secret::new("p"), "s").map(|secret| secret.reveal().to_owned())
        };
        assert_eq!(
            changed("mysql2://a:b@mysql:3306/c?encoding=utf8&reconnect=true").unwrap(),
            "mysql2://u:p@mysql:3306/s?encoding=utf8&reconnect=true"
        );
        assert_eq!(
            changed("mysql2://a:b%40@mysql/c").unwrap(),
            "mysql2://u:p@mysql/s"
        );
        assert_eq!(changed("nonsense").unwrap_err().exit_code(), 6);
        assert_eq!(changed("mysql2://host-alone").unwrap_err().exit_code(), 6);
    }
}
