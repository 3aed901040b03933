//! An instance as its `config.sh` and its environment file describe it.

use crate::error::{Error, Result};
use crate::model::cluster::parse_switch;
use crate::model::database_file::DatabaseFile;
use crate::model::env_file::EnvFile;
use crate::model::key_values::KeyValues;
use crate::model::layout::InstanceLayout;
use crate::model::name::Name;
use crate::model::port::Port;
use crate::model::secret::Secret;
use crate::model::version::Version;

/// The keys of an instance's `config.sh`.
pub mod key {
    /// The cluster that it belongs to.
    pub const CLUSTER_NAME: &str = "CLUSTER_NAME";
    /// The instance's name.
    pub const NAME: &str = "NAME";
    /// The version of ConedaKOR.
    pub const VERSION: &str = "VERSION";
    /// The port that it is published on.
    pub const PORT: &str = "PORT";
    /// The name that the reverse proxy answers to.
    pub const SERVER_NAME: &str = "SERVER_NAME";
    /// Its schema.
    pub const DB_NAME: &str = "DB_NAME";
    /// Its database user.
    pub const DB_USERNAME: &str = "DB_USERNAME";
    /// That user's password.
    pub const DB_PASSWORD: &str = "DB_PASSWORD";
    /// Whether it should run: `start` and `stop` write it, `shutdown` leaves it.
    pub const SHOULD_RUN: &str = "SHOULD_RUN";
    /// Its search index, in the environment file.
    pub const ELASTIC_INDEX: &str = "ELASTIC_INDEX";
}

/// An instance.
#[derive(Debug, Clone)]
pub struct Instance {
    /// Its name: that of its directory.
    pub name: Name,
    /// Its paths.
    pub layout: InstanceLayout,
    /// The version of ConedaKOR.
    pub version: Version,
    /// The port that it is published on.
    pub port: Port,
    /// The name that the reverse proxy answers to.
    pub server_name: Option<String>,
    /// Its schema.
    pub schema: String,
    /// Its database user.
    pub database_user: String,
    /// That user's password.
    pub database_password: Secret,
    /// Its search index, where it has one.
    pub index: Option<String>,
    /// Whether it should run.
    pub should_run: bool,
    /// The whole `config.sh`, with keys that nobody here knows.
    pub config: KeyValues,
    /// The whole environment file.
    pub env: EnvFile,
    /// What `database.yml` says, where there is one.
    pub database_file: Option<DatabaseFile>,
}

/// The files that describe an instance.
#[derive(Debug, Clone, Default)]
pub struct Files {
    /// `config.sh`
    pub config: KeyValues,
    /// The environment file; empty where the era has none.
    pub env: EnvFile,
    /// `database.yml`, where the era has one.
    pub database: Option<DatabaseFile>,
}

impl Instance {
    /// The instance that these files describe.
    ///
    /// # Errors
    /// Exit 1 where a value is missing or wrong, with the file and the key.
    pub fn from_files(name: Name, layout: InstanceLayout, files: Files) -> Result<Self> {
        let Files {
            config,
            env,
            database,
        } = files;
        let file = layout.config();
        let needed = |key: &str| {
            config.get(key).filter(|v| !v.is_empty()).ok_or_else(|| {
                Error::failed(format!("{} has no {key}", file.display()))
                    .next(format!("add a line {key}=… to that file"))
            })
        };
        let in_file = |key: &str, error: Error| {
            Error::failed(format!("{key} in {} cannot be used", file.display()))
                .why(error)
                .next(format!("mend {key} in that file"))
        };
        Ok(Instance {
            version: Version::parse(&needed(key::VERSION)?)
                .map_err(|e| in_file(key::VERSION, e))?,
            port: Port::parse(&needed(key::PORT)?).map_err(|e| in_file(key::PORT, e))?,
            server_name: config.get(key::SERVER_NAME).filter(|s| !s.is_empty()),
            schema: needed(key::DB_NAME)?,
            database_user: needed(key::DB_USERNAME)?,
            database_password: Secret::new(needed(key::DB_PASSWORD)?),
            index: index(&layout, &env, database.as_ref())?,
            should_run: match config.get(key::SHOULD_RUN) {
                Some(text) => parse_switch(&text).map_err(|e| in_file(key::SHOULD_RUN, e))?,
                None => false,
            },
            name,
            layout,
            config,
            env,
            database_file: database,
        })
    }
}

/// The index that the application uses: by its environment file, else by `database.yml`.
fn index(
    layout: &InstanceLayout,
    env: &EnvFile,
    database: Option<&DatabaseFile>,
) -> Result<Option<String>> {
    let (found, file) = match env.get(key::ELASTIC_INDEX) {
        Some(index) => (Some(index), layout.env_file()),
        None => (
            database.and_then(|d| d.index.clone()),
            layout.database_file(),
        ),
    };
    match found.filter(|index| !index.is_empty()) {
        Some(index) if !is_index(&index) => Err(Error::failed(format!(
            "the search index in {} cannot be used",
            file.display()
        ))
        .why(format!("{index:?} is no name of one index"))),
        index => Ok(index),
    }
}

/// Whether a text names one search index, and not several by a pattern.
fn is_index(text: &str) -> bool {
    text.starts_with(|c: char| c.is_ascii_lowercase() || c.is_ascii_digit())
        && text
            .chars()
            .all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || "_.-".contains(c))
}

/// A name that the reverse proxy can answer to.
///
/// # Errors
/// Exit 2 where it is no host name.
pub fn check_server_name(text: &str) -> Result<()> {
    let fits = !text.is_empty()
        && text.len() <= 253
        && text.split('.').all(|label| {
            !label.is_empty()
                && !label.starts_with('-')
                && label.chars().all(|c| c.is_ascii_alphanumeric() || c == '-')
        });
    if fits {
        Ok(())
    } else {
        Err(Error::usage(format!("{text:?} is no server name"))
            .why("it is a host name such as kor.example.org"))
    }
}

/// Checks one value before it is written to an instance's files, or before its key is taken out;
/// whether the key belongs to `config.sh` (else it is a setting of the environment file).
///
/// # Errors
/// Exit 2 where the value does not fit its key, exit 6 where the key is not to be changed.
pub fn check_setting(key: &str, value: Option<&str>) -> Result<bool> {
    match key {
        key::CLUSTER_NAME
        | key::NAME
        | key::DB_NAME
        | key::DB_USERNAME
        | key::DB_PASSWORD
        | key::ELASTIC_INDEX
        | "DATABASE_URL"
        | "ELASTIC_URL"
        | "DATA_DIR" => Err(Error::refused(format!("{key} cannot be changed"))
            .why("the database, the search server or files carry it")),
        key::VERSION => Err(Error::refused("VERSION cannot be changed by hand")
            .why("the content has to be migrated with it")),
        key::SHOULD_RUN => Err(Error::refused("SHOULD_RUN cannot be changed by hand")
            .next("`start` and `stop` write it")),
        key::PORT => match value {
            Some(value) => Port::parse(value).map(|_| true),
            None => Err(Error::refused("PORT cannot be taken out")
                .why("the instance is published on it")
                .next("set another")),
        },
        key::SERVER_NAME => match value {
            Some(value) if !value.is_empty() => check_server_name(value).map(|()| true),
            _ => Ok(true),
        },
        _ => Ok(false),
    }
}
