//! What becomes of an instance's own files where the new version is of another era.

use serde_json::Value;

use crate::commands::instance_files;
use crate::error::{Error, Result};
use crate::host::files;
use crate::model::cluster::Cluster;
use crate::model::contract::Contract;
use crate::model::env_file::EnvFile;
use crate::model::former::{self, Carried, Fate, FormerFiles, Remark};
use crate::model::instance::Instance;
use crate::model::secret::Secret;

/// The file that settings stand in of eras that have one.
const ENV_FILE: &str = ".env";

/// What is different on the other side.
#[derive(Debug, Clone, Default)]
pub struct Crossing {
    /// The environment file.
    pub env: EnvFile,
    /// Settings that the application keeps itself, as JSON.
    pub settings: Option<Secret>,
    /// What was carried over, by its name there.
    pub carried: Vec<String>,
    /// What is not simply carried over.
    pub remarks: Vec<Remark>,
    /// Files that nothing reads there.
    pub taken_out: Vec<String>,
}

/// Finds out what is different: `then` is the instance as it is going to be, but for its environment
/// file.
///
/// # Errors
/// Exit 6 where a file cannot be read, or a value cannot be carried over.
pub fn of(
    cluster: &Cluster,
    now: &Instance,
    then: &Instance,
    (contract, next): (&Contract, &Contract),
) -> Result<Crossing> {
    let mut crossing = match (&contract.env_file, &next.env_file) {
        (None, Some(_)) => from_files(cluster, now, then, next)?,
        (Some(_), Some(_)) if contract.name != next.name => {
            from_environment(cluster, then, (contract, next))?
        }
        _ => Crossing {
            env: then.env.clone(),
            ..Crossing::default()
        },
    };
    let stays = |path: &str| next.files.iter().any(|rule| rule.path == path);
    let there = |path: &String| files::exists(&now.layout.inside(path));
    let paths = contract.files.iter().map(|rule| rule.path.clone());
    crossing.taken_out = paths.filter(|path| !stays(path)).filter(there).collect();
    Ok(crossing)
}

fn from_files(
    cluster: &Cluster,
    now: &Instance,
    then: &Instance,
    next: &Contract,
) -> Result<Crossing> {
    let carried = Carried::of(&read(cluster, now)?)?;
    if !carried.settings.is_empty() && next.commands.settings.is_none() {
        return Err(Error::refused(format!(
            "the settings of {} cannot be carried over",
            now.name
        ))
        .why(format!(
            "the contract {} does not say how the application takes them over",
            next.name
        ))
        .next("write `settings` into [commands] of that contract: `contract show`"));
    }
    let mail = match carried.says_mail {
        true => Vec::new(),
        false => cluster.mail(),
    };
    let mut env = instance_files::environment_of(cluster, next, then, &mail)?;
    if then.index.is_none() {
        env.set("ELASTIC_URL", "")?;
    }
    for (key, value) in &carried.env {
        env.set(key, value.reveal()).map_err(|error| {
            Error::refused(format!("{key} cannot be carried over"))
                .why(error)
                .next("change what it comes from in the instance's files")
        })?;
    }
    let names = carried.env.iter().map(|(key, _)| key);
    Ok(Crossing {
        env,
        carried: names.chain(carried.settings.keys()).cloned().collect(),
        settings: (!carried.settings.is_empty())
            .then(|| Secret::new(Value::from(carried.settings).to_string())),
        remarks: carried.remarks,
        taken_out: Vec::new(),
    })
}

fn read(cluster: &Cluster, instance: &Instance) -> Result<FormerFiles> {
    let own = |name: &str| files::read_if_there(&instance.layout.inside(name));
    let mut settings = Vec::new();
    for name in former::SETTINGS {
        settings.extend(own(name)?.map(|text| (name.to_owned(), text)));
    }
    let of_mail = |name: &str| files::read_if_there(&cluster.layout.ssmtp().join(name));
    Ok(FormerFiles {
        settings,
        legal: own(former::LEGAL)?,
        about: own(former::ABOUT)?,
        help: own(former::HELP)?,
        signing_key: own(former::SIGNING_KEY)?.map(Secret::new),
        ssmtp: of_mail("ssmtp.conf")?,
        revaliases: of_mail("revaliases")?,
        has_custom_css: files::exists(&instance.layout.inside(former::CUSTOM_CSS)),
    })
}

/// What the contracts say differently; what an operator changed stays, but for what only the new
/// containers' own paths are right for.
fn from_environment(
    cluster: &Cluster,
    then: &Instance,
    (contract, next): (&Contract, &Contract),
) -> Result<Crossing> {
    let values = |contract: &Contract| instance_files::environment_of(cluster, contract, then, &[]);
    let (before, after) = (values(contract)?, values(next)?);
    let mut crossing = Crossing {
        env: then.env.clone(),
        ..Crossing::default()
    };
    let template = |contract: &Contract, key: &str| {
        let rules = contract.env_file.as_ref();
        rules.and_then(|rules| rules.values.get(key).cloned())
    };
    for key in after.keys() {
        let wanted = template(next, key);
        let Some(value) = after.get(key).filter(|_| template(contract, key) != wanted) else {
            continue;
        };
        let said = then.env.get(key);
        let own = said.is_some() && said != before.get(key);
        let is_fixed = wanted.is_some_and(|text| !text.contains("{{"));
        if own {
            let (fate, why) = match is_fixed {
                true => (
                    Fate::LeftBehind,
                    format!("it has to be {value} in the new containers"),
                ),
                false => (Fate::LeftInPlace, "it was changed by hand".to_owned()),
            };
            crossing.remarks.push(Remark {
                fate,
                file: ENV_FILE.to_owned(),
                setting: key.to_owned(),
                why,
            });
        }
        if !own || is_fixed {
            crossing.env.set(key, &value)?;
            crossing.carried.push(key.to_owned());
        }
    }
    Ok(crossing)
}
