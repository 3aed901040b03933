//! `config get|set|unset`: one key of a cluster or an instance, validated, with what has to be
//! restarted.

use std::io::Read;

use serde_json::json;

use crate::commands::context::Context;
use crate::commands::ports::Ports;
use crate::commands::report::Report;
use crate::commands::session::{Extent, Session, Touch};
use crate::commands::start::check_env_file;
use crate::error::{Error, Result};
use crate::host::{files, store};
use crate::model::cluster::{self, Cluster};
use crate::model::instance::{self, Instance};
use crate::model::key_values::is_key;
use crate::model::name::Name;
use crate::model::port::Port;
use crate::model::scope::Scope;
use crate::model::secret::Secret;
use crate::steps::{Entry, Step};

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

/// Runs the verb.
///
/// # Errors
/// Exit 2 where a value does not fit its key, 4 where a key is not set, 6 where it is not to be
/// changed.
pub fn run(args: &Args, context: &Context<'_>) -> Result<Report> {
    let cluster = context.cluster()?;
    let for_instance = matches!(
        context.scope,
        Scope::Instance { .. }
            | Scope::Cluster {
                only_instance: true,
                ..
            }
    ) || !context.flags.instances.is_empty();
    let name = if for_instance {
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
            let value = settings
                .get(key)
                .ok_or_else(|| Error::not_found(format!("{key} is not set")))?;
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
    let secret = ["PASSWORD", "SECRET", "TOKEN", "DATABASE_URL"];
    if !value.is_empty() && secret.iter().any(|word| key.contains(word)) {
        "****".to_owned()
    } else {
        value
    }
}

/// A file with one key changed, and what has to be done for it to count.
struct Change {
    entry: Entry,
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
    let change = match load(&session.cluster, name.as_ref())? {
        Settings::Cluster(cluster) => in_cluster(&cluster, key, value.as_deref())?,
        Settings::Instance(instance) => {
            if let (instance::key::PORT, Some(text)) = (key, &value) {
                check_port(&session, &instance, text)?;
            }
            in_instance(&instance, key, value.as_deref())?
        }
    };
    let mut plan = session.plan();
    plan.instances = names;
    plan.push(Step::Place {
        what: match value {
            Some(_) => format!("set {key}"),
            None => format!("take {key} out"),
        },
        entries: vec![change.entry],
    });
    if let Some(report) = session.carry_out(&plan)? {
        return Ok(report);
    }
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

fn check_port(session: &Session<'_>, instance: &Instance, text: &str) -> Result<()> {
    let port = Port::parse(text)?;
    if port == instance.port {
        return Ok(());
    }
    let ports = Ports::of(session.context, &session.cluster)?;
    match ports.holder(&session.cluster, port) {
        None => Ok(()),
        Some(holder) => Err(Error::refused(format!("port {port} is taken"))
            .why(format!("{holder} has it"))
            .next("give another")),
    }
}

fn in_cluster(cluster: &Cluster, key: &str, value: Option<&str>) -> Result<Change> {
    cluster::check_setting(key, value.unwrap_or("1"))?;
    let mut config = cluster.config.clone();
    match value {
        Some(value) => config.set(key, value)?,
        None if config.unset(key) => {}
        None => return Err(Error::not_found(format!("{key} is not set"))),
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
            "nothing; instances that are made from now on have it".to_owned()
        }
        _ => "nothing; it counts from now on".to_owned(),
    };
    Ok(Change {
        entry: Entry::File {
            path: cluster.layout.config(),
            mode: files::PRIVATE,
            before: Some(Secret::new(cluster.config.to_string())),
            content: Secret::new(config.to_string()),
        },
        then,
    })
}

fn in_instance(instance: &Instance, key: &str, value: Option<&str>) -> Result<Change> {
    let own = match (key, value) {
        // Without a value only the key's right to be changed is asked for.
        (instance::key::SERVER_NAME, None) => true,
        (instance::key::PORT, None) => {
            return Err(Error::refused("PORT cannot be taken out")
                .why("the instance is published on it")
                .next("set another"));
        }
        (key, value) => instance::check_setting(key, value.unwrap_or("1"))?,
    } || (instance.config.get(key).is_some() && instance.env.get(key).is_none());
    let not_set = || Error::not_found(format!("{key} is not set"));
    let (path, before, content) = if own {
        let mut config = instance.config.clone();
        match value {
            Some(value) => config.set(key, value)?,
            None if config.unset(key) => {}
            None => return Err(not_set()),
        }
        (
            instance.layout.config(),
            instance.config.to_string(),
            config.to_string(),
        )
    } else {
        let mut env = instance.env.clone();
        match value {
            Some(value) => env.set(key, value)?,
            None if env.unset(key) => {}
            None => return Err(not_set()),
        }
        check_env_file(&instance.layout.env_file(), &env)?;
        (
            instance.layout.env_file(),
            instance.env.to_string(),
            env.to_string(),
        )
    };
    Ok(Change {
        entry: Entry::File {
            path,
            mode: files::PRIVATE,
            before: Some(Secret::new(before)),
            content: Secret::new(content),
        },
        then: format!("{} restart", instance.layout.link().display()),
    })
}

fn from_standard_input() -> Result<String> {
    let mut text = String::new();
    std::io::stdin()
        .read_to_string(&mut text)
        .map_err(|e| Error::failed("cannot read the value from standard input").why(e))?;
    Ok(text.trim_end_matches(['\r', '\n']).to_owned())
}
