//! Clusters, instances and contracts as they stand on disk.

use std::path::Path;

use crate::error::{Error, Kind, Result};
use crate::host::files;
use crate::model::cluster::Cluster;
use crate::model::contract::{Contract, Contracts};
use crate::model::database_file::DatabaseFile;
use crate::model::env_file::EnvFile;
use crate::model::instance::{self, Instance};
use crate::model::key_values::{KeyValues, ShellCode};
use crate::model::layout::{ClusterLayout, InstanceLayout};
use crate::model::name::Name;

/// The cluster in a directory.
///
/// # Errors
/// Exit 4 where there is none, 2 where it is an instance's, 1 where its `config.sh` cannot be used.
pub fn cluster(root: &Path) -> Result<Cluster> {
    let file = ClusterLayout::new(root).config();
    let config = KeyValues::parse(&files::read(&file)?, file.display())?;
    check_is_no_instance(root, &config)?;
    Cluster::from_config(root, config)
}

/// An instance's `config.sh` has a cluster's name and a password too.
fn check_is_no_instance(root: &Path, config: &KeyValues) -> Result<()> {
    let name = config.get(instance::key::NAME);
    let Some(name) = name.or_else(|| config.get(instance::key::DB_NAME)) else {
        return Ok(());
    };
    let of = match config.get(instance::key::CLUSTER_NAME) {
        Some(cluster) => format!("the cluster {cluster}"),
        None => "a cluster".to_owned(),
    };
    Err(Error::usage(format!(
        "{} is the directory of the instance {name} of {of}",
        root.display()
    ))
    .why("its config.sh has NAME or DB_NAME, as only an instance's has")
    .next(match root.parent().and_then(Path::parent) {
        Some(above) if ClusterLayout::new(above).config().is_file() => {
            format!("name the cluster's directory, {}", above.display())
        }
        _ => "name the cluster's directory".to_owned(),
    }))
}

/// Whether the tool made the cluster or took it over; else the original script made it. Where that
/// cannot be seen (nobody but root may look), it is ours.
pub fn is_ours(layout: &ClusterLayout) -> bool {
    let there = std::fs::symlink_metadata(layout.root_password());
    !there.is_err_and(|error| error.kind() == std::io::ErrorKind::NotFound)
}

/// The names of a cluster's instances, sorted.
///
/// # Errors
/// Exit 1 or 6 where the directory cannot be read.
pub fn instance_names(cluster: &Cluster) -> Result<Vec<Name>> {
    Ok(files::names_in(&cluster.layout.instances())?
        .iter()
        .filter_map(|text| Name::on_disk(text).ok())
        .filter(|name| cluster.layout.instance(name).config().is_file())
        .collect())
}

/// One instance of a cluster.
///
/// # Errors
/// Exit 4 where there is none (with the names there are), 1 where its files cannot be used.
pub fn instance(cluster: &Cluster, name: &Name) -> Result<Instance> {
    instance_by_files_in(cluster, name, &cluster.layout.instance(name))
}

/// An instance of a cluster as files elsewhere describe it: those that once were its own, or are
/// going to be.
///
/// # Errors
/// As [`instance()`].
pub fn instance_by_files_in(
    cluster: &Cluster,
    name: &Name,
    layout: &InstanceLayout,
) -> Result<Instance> {
    let text = files::read(&layout.config()).map_err(|error| match error.kind {
        Kind::NotFound => no_such_instance(cluster, name),
        _ => error,
    })?;
    let config = KeyValues::parse(&text, layout.config().display())?;
    check_is_itself(cluster, name, &layout.config(), &config)?;
    let env = EnvFile::parse(&files::read_if_there(&layout.env_file())?.unwrap_or_default());
    let database = match files::read_if_there(&layout.database_file())? {
        Some(text) => Some(DatabaseFile::parse(
            &text,
            layout.database_file().display(),
        )?),
        None => None,
    };
    let files = instance::Files {
        config,
        env,
        database,
    };
    Instance::from_files(name.clone(), cluster.layout.instance(name), files)
}

/// A copy of an instance's directory is no instance: it would work on the other one's schema.
fn check_is_itself(cluster: &Cluster, name: &Name, file: &Path, config: &KeyValues) -> Result<()> {
    for (key, own) in [
        (instance::key::NAME, name.as_str()),
        (instance::key::CLUSTER_NAME, cluster.name.as_str()),
    ] {
        if let Some(other) = config.get(key).filter(|other| other != own) {
            return Err(
                Error::failed(format!("{} is not that of {own}", file.display()))
                    .why(format!("it says {key}={other}: is the directory a copy?"))
                    .next("move copies out of instances/"),
            );
        }
    }
    Ok(())
}

/// The contracts that apply in a cluster: the operator's own beside it win.
///
/// # Errors
/// Exit 1 where one of them cannot be read.
pub fn contracts(layout: Option<&ClusterLayout>) -> Result<Contracts> {
    let mut own = Vec::new();
    if let Some(directory) = layout.map(ClusterLayout::contracts) {
        for name in files::names_in(&directory)? {
            if name.ends_with(".toml") {
                let file = directory.join(&name);
                let text = files::read(&file)?;
                own.push(Contract::parse(&text, &file.display().to_string())?);
            }
        }
    }
    Contracts::with(own)
}

/// What is said of values that a shell would have run: here they are text.
pub fn shell_code_warnings(file: &Path, found: &[ShellCode]) -> Vec<String> {
    found
        .iter()
        .map(|code| {
            format!(
                "{}, line {}: {} has shell code in it; it is taken as text and never run",
                file.display(),
                code.line,
                code.key
            )
        })
        .collect()
}

fn no_such_instance(cluster: &Cluster, name: &Name) -> Error {
    let names: Vec<String> = instance_names(cluster)
        .unwrap_or_default()
        .iter()
        .map(ToString::to_string)
        .collect();
    let error = Error::not_found(format!("cluster {} has no instance {name}", cluster.name));
    if names.is_empty() {
        error
            .why("it has no instances yet")
            .next(format!("{} new NAME", cluster.layout.link().display()))
    } else {
        error.why(format!("it has {}", names.join(", ")))
    }
}
