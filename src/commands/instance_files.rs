//! The files of an instance: those that `new` writes, and those that a start makes where an
//! instance of the original's lacks them.

use std::path::PathBuf;

use crate::error::Result;
use crate::host::{chance, files};
use crate::model::cluster::Cluster;
use crate::model::contract::{Contract, FileRule, TemplateValues};
use crate::model::database_file::DatabaseFile;
use crate::model::env_file::EnvFile;
use crate::model::instance::{Files, Instance, key};
use crate::model::key_values::KeyValues;
use crate::model::name::Name;
use crate::model::port::Port;
use crate::model::secret::Secret;
use crate::model::version::Version;
use crate::services::{app::App, root_url};
use crate::steps::{Entry, Step};

/// Everybody may read it.
const PUBLIC: u32 = 0o644;

/// What is said of an instance that is going to be made.
pub struct Wanted {
    /// Its name.
    pub name: Name,
    /// The version of ConedaKOR.
    pub version: Version,
    /// The port that it is published on.
    pub port: Port,
    /// The name that the reverse proxy answers to.
    pub server_name: Option<String>,
}

/// An instance as its files are going to say, and the texts of those that its contract names.
pub struct Described {
    /// The instance.
    pub instance: Instance,
    /// Path, mode and text.
    texts: Vec<(PathBuf, u32, Secret)>,
}

/// Schema, database user and index of a new instance, as the original named the first two.
pub fn schema_of(name: &Name) -> String {
    format!("kor_{name}")
}

/// Draws what is secret, and describes the instance.
///
/// # Errors
/// Exit 1 where a template of the contract cannot be filled in.
pub fn describe(cluster: &Cluster, contract: &Contract, wanted: Wanted) -> Result<Described> {
    let layout = cluster.layout.instance(&wanted.name);
    let schema = schema_of(&wanted.name);
    let password = chance::password();
    let signing_key = chance::signing_key();
    let address = root_url(
        cluster.bind_address,
        wanted.port.number(),
        cluster.port.number(),
        wanted.server_name.as_deref(),
    );
    let (protocol, host, port) = parts(&address);
    let values = TemplateValues {
        root_url: &address,
        schema: &schema,
        database_user: &schema,
        database_password: password.reveal(),
        index: &schema,
        secret_key_base: signing_key.reveal(),
        protocol,
        host,
        port,
    };
    let mut texts = Vec::new();
    let mut database = None;
    for rule in &contract.files {
        let path = layout.inside(&rule.path);
        let text = contract.file_text(rule, &values)?;
        if path == layout.database_file() {
            database = Some(DatabaseFile::parse(&text, path.display())?);
        }
        texts.push((path, mode(rule), Secret::new(text)));
    }
    let files = Files {
        config: config(cluster, &wanted, &schema, &password)?,
        env: environment(contract, &values, &cluster.mail())?,
        database,
    };
    Ok(Described {
        instance: Instance::from_files(wanted.name, layout, files)?,
        texts,
    })
}

fn config(
    cluster: &Cluster,
    wanted: &Wanted,
    schema: &str,
    password: &Secret,
) -> Result<KeyValues> {
    let mut config = KeyValues::default();
    for (key, value) in [
        (key::CLUSTER_NAME, cluster.name.as_str()),
        (key::VERSION, wanted.version.tag()),
        (key::NAME, wanted.name.as_str()),
        (key::PORT, &wanted.port.to_string()),
        (key::DB_USERNAME, schema),
        (key::DB_PASSWORD, password.reveal()),
        (key::DB_NAME, schema),
        (
            key::SERVER_NAME,
            wanted.server_name.as_deref().unwrap_or_default(),
        ),
        (key::SHOULD_RUN, "false"),
    ] {
        config.set(key, value)?;
    }
    Ok(config)
}

fn environment(
    contract: &Contract,
    values: &TemplateValues<'_>,
    mail: &[(String, String)],
) -> Result<EnvFile> {
    let mut env = EnvFile::default();
    if contract.env_file.is_some() {
        let values = contract.env_values(values)?;
        for (key, value) in values.iter().chain(mail) {
            env.set(key, value)?;
        }
    }
    Ok(env)
}

fn mode(rule: &FileRule) -> u32 {
    if rule.secret { files::PRIVATE } else { PUBLIC }
}

/// Protocol, host and port of an address.
fn parts(address: &str) -> (&str, &str, u16) {
    let (protocol, rest) = address.split_once("://").unwrap_or(("http", address));
    let default = if protocol == "https" { 443 } else { 80 };
    match rest.rsplit_once(':') {
        Some((host, port)) => (protocol, host, port.parse().unwrap_or(default)),
        None => (protocol, rest, default),
    }
}

impl Described {
    /// The text of a file that the contract names.
    pub fn text(&self, name: &str) -> Option<String> {
        let path = self.instance.layout.inside(name);
        let found = self.texts.iter().find(|(there, ..)| *there == path)?;
        Some(found.2.reveal().to_owned())
    }

    /// The directory with everything in it, in the order in which it is put there.
    pub fn entries(
        &self,
        contract: &Contract,
        admin: Option<&Secret>,
        tool: PathBuf,
    ) -> Vec<Entry> {
        let instance = &self.instance;
        let layout = &instance.layout;
        let mut entries = vec![directory(layout.root().to_owned())];
        for name in &contract.directories {
            entries.push(directory(layout.inside(name)));
        }
        for (path, mode, text) in &self.texts {
            entries.push(file(path.clone(), *mode, text.clone()));
        }
        if contract.env_file.is_some() {
            let text = Secret::new(instance.env.to_string());
            entries.push(file(layout.env_file(), files::PRIVATE, text));
        }
        let login = format!(
            "[client]\nhost=mysql\nuser={}\npassword={}\n",
            instance.database_user,
            instance.database_password.reveal()
        );
        entries.push(file(
            layout.client_config(),
            files::PRIVATE,
            Secret::new(login),
        ));
        if let Some(password) = admin {
            let text = Secret::new(format!("{}\n", password.reveal()));
            entries.push(file(layout.admin_password(), files::PRIVATE, text));
        }
        entries.push(Entry::Link {
            path: layout.link(),
            target: tool,
            before: None,
        });
        // Last: what makes the directory an instance.
        let text = Secret::new(instance.config.to_string());
        entries.push(file(layout.config(), files::PRIVATE, text));
        entries
    }
}

/// The step that makes the files that a start needs and that are not there; none where all are.
///
/// # Errors
/// Exit 1 where a template of the contract cannot be filled in.
pub fn missing_for_start(app: &App<'_>) -> Result<Option<Step>> {
    let mut entries = Vec::new();
    for (name, mode, text) in texts_for_start(app.contract, app.instance)? {
        let path = app.instance.layout.inside(&name);
        if !files::exists(&path) {
            entries.push(file(path, mode, text));
        }
    }
    Ok((!entries.is_empty()).then(|| Step::Place {
        what: format!("make what {} lacks for a start", app.instance.name),
        entries,
    }))
}

/// Name, mode and text of the files that a start needs, for an instance that never had them.
///
/// # Errors
/// Exit 1 where a template of the contract cannot be filled in.
pub fn texts_for_start(
    contract: &Contract,
    instance: &Instance,
) -> Result<Vec<(String, u32, Secret)>> {
    let signing_key = chance::signing_key();
    // Nothing of an instance that was there before is drawn anew but what it never had.
    let values = values_of(instance, &signing_key);
    let rules = contract.files.iter().filter(|rule| rule.for_start);
    rules
        .map(|rule| {
            let text = contract.file_text(rule, &values)?;
            Ok((rule.path.clone(), mode(rule), Secret::new(text)))
        })
        .collect()
}

/// The environment file of an instance that never had one.
///
/// # Errors
/// Exit 1 where a template of the contract cannot be filled in.
pub fn environment_of(
    cluster: &Cluster,
    contract: &Contract,
    instance: &Instance,
    mail: &[(String, String)],
) -> Result<EnvFile> {
    let signing_key = chance::signing_key();
    let address = root_url(
        cluster.bind_address,
        instance.port.number(),
        cluster.port.number(),
        instance.server_name.as_deref(),
    );
    let values = TemplateValues {
        root_url: &address,
        ..values_of(instance, &signing_key)
    };
    environment(contract, &values, mail)
}

fn values_of<'a>(instance: &'a Instance, signing_key: &'a Secret) -> TemplateValues<'a> {
    TemplateValues {
        root_url: "",
        schema: &instance.schema,
        database_user: &instance.database_user,
        database_password: instance.database_password.reveal(),
        index: instance.index.as_deref().unwrap_or_default(),
        secret_key_base: signing_key.reveal(),
        protocol: "",
        host: "",
        port: instance.port.number(),
    }
}

fn directory(path: PathBuf) -> Entry {
    Entry::Directory {
        path,
        mode: 0o755,
        owner: None,
        with_content: true,
    }
}

fn file(path: PathBuf, mode: u32, content: Secret) -> Entry {
    Entry::File {
        path,
        mode,
        before: None,
        content,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_has_three_parts() {
        assert_eq!(parts("http://localhost:8001"), ("http", "localhost", 8001));
        assert_eq!(
            parts("https://kor.example.org"),
            ("https", "kor.example.org", 443)
        );
    }
}
