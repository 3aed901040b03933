//! `database.yml`: what the eras that are configured by files know of the database and the search
//! server. The application reads it, so it says which search index is in use.

use yaml_rust2::{Yaml, YamlLoader};

use crate::error::{Error, Result};
use crate::model::secret::Secret;

/// The block of the environment that is in use.
const PRODUCTION: &str = "production";

/// The settings that are in use.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct DatabaseFile {
    /// The schema.
    pub schema: Option<String>,
    /// The database user.
    pub user: Option<String>,
    /// The search index.
    pub index: Option<String>,
    /// Whether the application's connections come back after the server was away.
    pub reconnects: bool,
}

impl DatabaseFile {
    /// Reads the settings; `file` is for the message alone.
    ///
    /// # Errors
    /// Exit 1 where it is no YAML, with the place.
    pub fn parse(text: &str, file: impl std::fmt::Display) -> Result<Self> {
        let documents = YamlLoader::load_from_str(text).map_err(|error| {
            Error::failed(format!("{file} cannot be read"))
                .why(error)
                .next("mend that line; the application could not read it either")
        })?;
        let Some(settings) = documents.first().map(|document| &document[PRODUCTION]) else {
            return Ok(DatabaseFile::default());
        };
        Ok(DatabaseFile {
            schema: text_of(&settings["database"]),
            user: text_of(&settings["username"]),
            index: text_of(&settings["elastic"]["index"]),
            reconnects: settings["reconnect"].as_bool().unwrap_or(false),
        })
    }
}

/// The same text with another schema, login and index in its production block; all else stays.
///
/// # Errors
/// Exit 6 where these four do not stand plainly there.
pub fn rewritten(
    text: &str,
    file: impl std::fmt::Display,
    (schema, user, password): (&str, &str, &Secret),
    index: Option<&str>,
) -> Result<Secret> {
    let mut in_production = false;
    let mut lines = Vec::new();
    for line in text.lines() {
        if line.starts_with(|c: char| !c.is_whitespace() && c != '#') {
            in_production = line.trim_end() == format!("{PRODUCTION}:");
        }
        let key = line.trim_start().split_once(':').map(|(key, _)| key);
        let value = match key.filter(|_| in_production) {
            Some("database") => Some(schema),
            Some("username") => Some(user),
            Some("password") => Some(password.reveal()),
            Some("index") => index,
            _ => None,
        };
        lines.push(match (key, value) {
            (Some(key), Some(value)) => {
                let indent = line.len() - line.trim_start().len();
                format!("{}{key}: {value}", &line[..indent])
            }
            _ => line.to_owned(),
        });
    }
    let changed = format!("{}\n", lines.join("\n"));
    let read = DatabaseFile::parse(&changed, &file)?;
    let fits = read.schema.as_deref() == Some(schema)
        && read.user.as_deref() == Some(user)
        && read.index.as_deref() == index;
    if fits
        && lines
            .iter()
            .any(|l| l.trim() == format!("password: {}", password.reveal()))
    {
        return Ok(Secret::new(changed));
    }
    Err(Error::refused(format!("{file} cannot be changed"))
        .why("database, username, password and index do not stand plainly in its production block")
        .next("write them there, each on a line of its own"))
}

fn text_of(value: &Yaml) -> Option<String> {
    match value {
        Yaml::String(text) => Some(text.clone()),
        Yaml::Integer(number) => Some(number.to_string()),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const FIELD: &str = "production:\n  adapter: mysql2\n  host: mysql\n  database: kor_main\n  \
                         username: kor_main\n  password: geheim\n  encoding: utf8\n  \
                         elastic:\n    host: elastic\n    port: 9200\n    index: kor_main\n";

    #[test]
    fn the_production_block_counts() {
        let file = DatabaseFile::parse(FIELD, "database.yml").unwrap();
        assert_eq!(file.schema.as_deref(), Some("kor_main"));
        assert_eq!(file.user.as_deref(), Some("kor_main"));
        assert_eq!(file.index.as_deref(), Some("kor_main"));
        assert!(!file.reconnects);
        let more = FIELD.replace("  adapter", "  reconnect: true\n  adapter");
        assert!(
            DatabaseFile::parse(&more, "database.yml")
                .unwrap()
                .reconnects
        );
    }

    #[test]
    fn what_is_no_yaml_is_an_error_and_what_lacks_is_none() {
        assert_eq!(
            DatabaseFile::parse("production: [", "f")
                .unwrap_err()
                .exit_code(),
            1
        );
        assert_eq!(
            DatabaseFile::parse("", "f").unwrap(),
            DatabaseFile::default()
        );
        assert_eq!(
            DatabaseFile::parse("test: 1", "f").unwrap(),
            DatabaseFile::default()
        );
    }

    #[test]
    fn schema_login_and_index_are_exchanged_where_they_stand_plainly() {
        let password = Secret::new("p");
        let text = format!("test:\n  database: other\n{FIELD}");
        let changed = rewritten(&text, "f", ("s", "u", &password), Some("i")).unwrap();
        let file = DatabaseFile::parse(changed.reveal(), "f").unwrap();
        assert_eq!(file.schema.as_deref(), Some("s"));
        assert_eq!(file.user.as_deref(), Some("u"));
        assert_eq!(file.index.as_deref(), Some("i"));
        assert!(changed.reveal().contains("database: other"));
        let inherited = "default: &d\n  database: a\nproduction:\n  <<: *d\n";
        let error = rewritten(inherited, "f", ("s", "u", &password), None).unwrap_err();
        assert_eq!(error.exit_code(), 6);
    }

    proptest! {
        #[test]
        fn any_text_is_read_or_refused(text in ".{0,200}") {
            let _ = DatabaseFile::parse(&text, "f");
        }
    }
}
