//! `config get|set|unset`: one key of a cluster or an instance, validated, with what has to be
//! restarted.

use std::io::Read;
use std::path::PathBuf;

use serde_json::json;

use crate::commands::context::Context;
use crate::commands::ports::Ports;
use crate::commands::report::Report;
use crate::commands::session::{Extent, Session, Touch};
use crate::commands::start::check_env_file;
use crate::commands::words::Words;
use crate::error::{Error, Result};
use crate::host::{files, store};
use crate::journal::lock::Permit;
use crate::model::cluster::{self, Cluster};
use crate::model::container::{Role, names};
use crate::model::instance::{self, Instance};
use crate::model::key_values::is_key;
use crate::model::name::Name;
use crate::model::port::Port;
use crate::model::secret::Secret;
use crate::services::root_url;
use crate::steps::{Entry, Step};

/// The setting with the address that people type.
const ROOT_URL: &str = "ROOT_URL";

/// Reads and changes the settings of a cluster, or of an instance (its own and those that its
/// application reads from its environment file).
#[derive(Debug, Clone, clap::Args)]
pub struct Args {
    /// What is done
    #[command(subcommand)]
    pub what: What,
}

/// What is done.
#[derive(Debug, Clone, clap::Subcommand)]
pub enum What {
    /// Print the value of a key; without a key all of them, secrets starred
    Get {
        /// The key
        key: Option<String>,
    },
    /// Set a key
    Set {
        /// The key
        key: String,
        /// The value; - takes it from standard input, where a secret belongs
        value: String,
    },
    /// Take a key out
    Unset {
        /// The key
        key: String,
    },
}

impl Args {
    /// See [`Words`]. A value may be a secret, and is not among them.
    pub fn words(&self) -> Words {
        match &self.what {
            What::Get { .. } => Words::of("config get"),
            What::Set { key, .. } => Words::of("config set").word(key),
            What::Unset { key } => Words::of("config unset").word(key),
        }
    }
}

/// Runs the verb.
///
/// # Errors
/// Exit 2 where a value does not fit its key, 4 where a key is not set, 6 where it is not to be
/// changed.
pub fn run(args: &Args, context: &Context<'_>) -> Result<Report> {
    let cluster = context.cluster()?;
    let name = if context.means_instance(&[]) {
        Some(context.one_instance(&cluster, &[])?)
    } else {
        None
    };
    match &args.what {
        What::Get { key } => {
            let file = load(&cluster, name.as_ref())?;
            get(&file, key.as_deref())
        }
        What::Set { key, value } => change(context, cluster, name, key, Some(value)),
        What::Unset { key } => change(context, cluster, name, key, None),
    }
}

/// The settings of a cluster, or of an instance.
enum Settings {
    Cluster(Box<Cluster>),
    Instance(Box<Instance>),
}

fn load(cluster: &Cluster, name: Option<&Name>) -> Result<Settings> {
    Ok(match name {
        Some(name) => Settings::Instance(Box::new(store::instance(cluster, name)?)),
        None => Settings::Cluster(Box::new(cluster.clone())),
    })
}

impl Settings {
    fn keys(&self) -> Vec<String> {
        let owned = |keys: Vec<&str>| keys.into_iter().map(str::to_owned).collect::<Vec<_>>();
        match self {
            Settings::Cluster(cluster) => owned(cluster.config.keys()),
            Settings::Instance(instance) => {
                let mut keys = owned(instance.config.keys());
                keys.extend(owned(instance.env.keys()));
                keys
            }
        }
    }

    fn get(&self, key: &str) -> Option<String> {
        match self {
            Settings::Cluster(cluster) => cluster.config.get(key),
            Settings::Instance(instance) => {
                instance.config.get(key).or_else(|| instance.env.get(key))
            }
        }
    }
}

fn get(settings: &Settings, key: Option<&str>) -> Result<Report> {
    match key {
        Some(key) => {
            let value = settings.get(key).ok_or_else(|| not_set(key))?;
            Ok(Report::new(
                vec![value.clone()],
                json!({"key": key, "value": value}),
            ))
        }
        None => {
            let shown: Vec<(String, String)> = settings
                .keys()
                .into_iter()
                .filter_map(|key| Some((key.clone(), starred(&key, settings.get(&key)?))))
                .collect();
            let lines = shown.iter().map(|(k, v)| format!("{k}={v}")).collect();
            let object: serde_json::Map<String, serde_json::Value> =
                shown.into_iter().map(|(k, v)| (k, v.into())).collect();
            Ok(Report::new(lines, json!({"settings": object})))
        }
    }
}

/// A value as a list of all shows it.
fn starred(key: &str, value: String) -> String {
    let secret = ["PASS", "_PW", "SECRET", "TOKEN", "KEY", "DATABASE_URL"];
    if !value.is_empty() && secret.iter().any(|word| key.contains(word)) {
        "****".to_owned()
    } else {
        value
    }
}

/// Files with one key changed, and what has to be done for it to count.
struct Change {
    entries: Vec<Entry>,
    then: String,
}

fn change(
    context: &Context<'_>,
    cluster: Cluster,
    name: Option<Name>,
    key: &str,
    value: Option<&str>,
) -> Result<Report> {
    if !is_key(key) {
        return Err(Error::usage(format!("{key:?} is no key"))
            .why("a key has letters, digits and underscores"));
    }
    let value = match value {
        Some("-") => Some(from_standard_input()?),
        other => other.map(str::to_owned),
    };
    let names: Vec<Name> = name.iter().cloned().collect();
    let extent = match name {
        Some(_) => Extent::Instances,
        None => Extent::Cluster,
    };
    let session = Session::begin(context, "config", cluster, &names, extent, Touch::Service)?;
    let mut reservation = None;
    let change = match load(&session.cluster, name.as_ref())? {
        Settings::Cluster(cluster) => in_cluster(&cluster, key, value.as_deref())?,
        Settings::Instance(instance) => {
            if let (instance::key::PORT, Some(text)) = (key, &value) {
                reservation = check_port(&session, &instance, text)?;
            }
            in_instance(&session, &instance, key, value.as_deref())?
        }
    };
    let mut plan = session.plan();
    plan.instances = names;
    if !change.entries.is_empty() {
        plan.push(Step::Place {
            what: match value {
                Some(_) => format!("set {key}"),
                None => format!("take {key} out"),
            },
            entries: change.entries,
        });
    }
    if let Some(report) = session.carry_out(&plan)? {
        return Ok(report);
    }
    drop(reservation);
    let done = match value {
        Some(_) => format!("{key} is set"),
        None => format!("{key} is taken out"),
    };
    Ok(session.report(
        &plan,
        vec![done, format!("next: {}", change.then)],
        json!({"key": key, "next": change.then}),
    ))
}

/// The port's reservation, until the file says that it is taken.
fn check_port(session: &Session<'_>, instance: &Instance, text: &str) -> Result<Option<Permit>> {
    let port = Port::parse(text)?;
    if port == instance.port {
        return Ok(None);
    }
    let ports = Ports::of(session.context, &session.cluster)?;
    let own = names::of_instance(&session.cluster.name, &instance.name, Role::Web, "");
    if ports.only_held_by(&own, port) {
        // It was started with it, and gets it back.
        return Ok(None);
    }
    ports
        .reserve(session.context, &session.cluster, port)
        .map_err(|error| error.next("give another"))
}

fn in_cluster(cluster: &Cluster, key: &str, value: Option<&str>) -> Result<Change> {
    cluster::check_setting(key, value)?;
    let mut config = cluster.config.clone();
    match value {
        Some(value) => config.set(key, value)?,
        None if config.unset(key) => {}
        None => return Err(not_set(key)),
    }
    // What the file says must still make a cluster.
    Cluster::from_config(cluster.layout.root(), config.clone())?;
    let link = cluster.layout.link().display().to_string();
    let then = match key {
        cluster::key::DATABASE_IMAGE
        | cluster::key::DATABASE_MEMORY
        | cluster::key::SEARCH_IMAGE
        | cluster::key::SEARCH_MEMORY => format!("{link} shutdown, then {link} boot"),
        cluster::key::APP_MEMORY | cluster::key::APP_REPOSITORY | cluster::key::BIND_ADDRESS => {
            format!("{link} restart --all")
        }
        _ if key.starts_with(cluster::key::MAIL_PREFIX) => {
            "nothing; instances of v4 on that are made from now on have it (up to v3: ssmtp/ssmtp.conf)"
                .to_owned()
        }
        _ => "nothing; it counts from now on".to_owned(),
    };
    let path = cluster.layout.config();
    Ok(Change {
        entries: vec![rewritten(path, &cluster.config, &config)],
        then,
    })
}

fn in_instance(
    session: &Session<'_>,
    instance: &Instance,
    key: &str,
    value: Option<&str>,
) -> Result<Change> {
    let named = instance::check_setting(key, value)?;
    let (mut config, mut env) = (instance.config.clone(), instance.env.clone());
    let own = named || (config.get(key).is_some() && env.get(key).is_none());
    match value {
        None | Some("") if is_required(session, instance, key) => {
            return Err(Error::refused(format!("{key} cannot be taken out"))
                .why("the application does not start without it")
                .next("set another value"));
        }
        Some(value) if own => config.set(key, value)?,
        Some(value) => env.set(key, value)?,
        None if own && config.unset(key) => {}
        None if !own && env.unset(key)? => {}
        None => return Err(not_set(key)),
    }
    if env != instance.env && is_by_files(session, instance) {
        return Err(Error::refused(format!("{key} is no setting of {}", instance.version))
            .why("this version is configured by files: kor.yml, kor.app.yml; mail by the cluster's ssmtp/ssmtp.conf")
            .next(format!(
                "edit {}, then {} restart",
                instance.layout.inside("kor.yml").display(),
                instance.layout.link().display()
            )));
    }
    check_env_file(&instance.layout.env_file(), &env)?;
    let changed = Instance::from_files(
        instance.name.clone(),
        instance.layout.clone(),
        instance::Files {
            config,
            env: env.clone(),
            database: instance.database_file.clone(),
        },
    )?;
    // An address that the tool wrote follows its parts; one of the operator's own stays.
    if env.get(ROOT_URL).as_deref() == Some(&generated_url(session, instance)) {
        env.set(ROOT_URL, &generated_url(session, &changed))?;
    }
    let mut entries = Vec::new();
    if changed.config != instance.config {
        let path = instance.layout.config();
        entries.push(rewritten(path, &instance.config, &changed.config));
    }
    if env != instance.env {
        entries.push(rewritten(instance.layout.env_file(), &instance.env, &env));
    }
    if generated_url(session, &changed) != generated_url(session, instance)
        && is_by_files(session, instance)
    {
        session.context.observer.warn(&format!(
            "{} has the address for links in mails; it stays as it is",
            instance.layout.inside("kor.yml").display()
        ));
    }
    Ok(Change {
        entries,
        then: format!("{} restart", instance.layout.link().display()),
    })
}

fn generated_url(session: &Session<'_>, instance: &Instance) -> String {
    root_url(
        session.cluster.bind_address,
        instance.port.number(),
        session.cluster.port.number(),
        instance.server_name.as_deref(),
    )
}

fn is_required(session: &Session<'_>, instance: &Instance, key: &str) -> bool {
    session
        .contracts
        .covering(&instance.version)
        .is_ok_and(|contract| {
            let rules = contract.env_file.as_ref();
            rules.is_some_and(|rules| rules.required.iter().any(|r| r == key))
        })
}

/// Whether the instance's version reads no environment file.
fn is_by_files(session: &Session<'_>, instance: &Instance) -> bool {
    let contract = session.contracts.covering(&instance.version);
    contract.is_ok_and(|contract| contract.env_file.is_none())
}

fn rewritten(path: PathBuf, before: &impl ToString, after: &impl ToString) -> Entry {
    Entry::File {
        path,
        mode: files::PRIVATE,
        before: Some(Secret::new(before.to_string())),
        content: Secret::new(after.to_string()),
    }
}

fn not_set(key: &str) -> Error {
    Error::not_found(format!("{key} is not set"))
}

fn from_standard_input() -> Result<String> {
    let mut text = String::new();
    std::io::stdin()
        .read_to_string(&mut text)
        .map_err(|e| Error::failed("cannot read the value from standard input").why(e))?;
    Ok(text.trim_end_matches(['\r', '\n']).to_owned())
}
