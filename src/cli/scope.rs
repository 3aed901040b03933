//! What a command acts on. The strongest first: the link that was called, `-C DIR`, `KOR_CLUSTER`,
//! the working directory and its parents.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use crate::error::{Error, Result};
use crate::model::name::Name;
use crate::model::scope::Scope;

/// A chain of links is no longer than this, else it is a circle.
const LONGEST_CHAIN: usize = 40;

/// The scope of a call.
///
/// # Errors
/// Exit 2 where a link and `-C` mean different places, 4 where `-C` or `KOR_CLUSTER` is no
/// cluster.
pub fn of(called: &OsStr, directory: Option<&Path>) -> Result<Scope> {
    let by_link = by_link(called, std::env::var_os("PATH").as_deref())?;
    let by_flag = directory.map(|d| by_directory(d, "-C")).transpose()?;
    match (by_link, by_flag) {
        (Some(link), Some(flag)) if !same_place(&link, &flag) => Err(Error::usage(
            "the link and -C mean different places",
        )
        .why(format!(
            "the link is of {link}, -C names {flag}; nothing was done"
        ))),
        (Some(link), _) => Ok(link),
        (None, Some(flag)) => Ok(flag),
        (None, None) => match std::env::var_os("KOR_CLUSTER").filter(|v| !v.is_empty()) {
            Some(variable) => by_directory(Path::new(&variable), "KOR_CLUSTER"),
            None => Ok(by_working_directory()),
        },
    }
}

/// How the tool was called, for texts that say what to type next.
pub fn as_typed(called: &OsStr) -> String {
    called.to_string_lossy().into_owned()
}

/// `instances/instance.sh` and `cluster.sh` mean the same cluster.
fn same_place(a: &Scope, b: &Scope) -> bool {
    match (a, b) {
        (Scope::Cluster { root: a, .. }, Scope::Cluster { root: b, .. }) => a == b,
        _ => a == b,
    }
}

/// Follows links one at a time until one lies in a cluster's or an instance's directory.
fn by_link(called: &OsStr, path: Option<&OsStr>) -> Result<Option<Scope>> {
    let Some(mut link) = locate(called, path) else {
        return Ok(None);
    };
    for _ in 0..LONGEST_CHAIN {
        let directory = link.parent().unwrap_or(Path::new("."));
        if let Ok(directory) = directory.canonicalize()
            && let Some(scope) = exactly(&directory)?
        {
            return Ok(Some(scope));
        }
        match std::fs::read_link(&link) {
            Ok(target) => link = directory.join(target),
            Err(_) => return Ok(None),
        }
    }
    Err(Error::usage(format!(
        "{} is a circle of links",
        called.to_string_lossy()
    )))
}

/// The file that was called: a bare name is looked up as the shell did.
fn locate(called: &OsStr, path: Option<&OsStr>) -> Option<PathBuf> {
    if called.as_bytes().contains(&b'/') {
        return Some(PathBuf::from(called));
    }
    std::env::split_paths(path?)
        .map(|directory| directory.join(called))
        .find(|candidate| candidate.is_file())
}

/// The scope of a directory that was named; it can be one below, as with `git -C`.
fn by_directory(directory: &Path, named_by: &str) -> Result<Scope> {
    let found = directory
        .canonicalize()
        .map_err(|e| Error::io("find", directory, &e))?;
    upwards(&found)?.ok_or_else(|| {
        Error::not_found(format!(
            "{} ({named_by}) is no cluster and no instance",
            directory.display()
        ))
        .why("there is no config.sh in it or above it")
    })
}

fn by_working_directory() -> Scope {
    std::env::current_dir()
        .ok()
        .and_then(|directory| upwards(&directory).ok().flatten())
        .unwrap_or(Scope::Host)
}

fn upwards(directory: &Path) -> Result<Option<Scope>> {
    for ancestor in directory.ancestors() {
        if let Some(scope) = exactly(ancestor)? {
            return Ok(Some(scope));
        }
    }
    Ok(None)
}

/// The scope of just this directory: an instance's, a cluster's, or a cluster's `instances/`. A
/// cluster that a `create` left half done has no configuration yet, but its journal.
fn exactly(directory: &Path) -> Result<Option<Scope>> {
    let has_config = |d: &Path| d.join("config.sh").is_file();
    let is_cluster = |d: &Path| has_config(d) || d.join(".kor-cluster/journal").is_dir();
    let parent = directory.parent();
    let is_instances = |d: &Path| d.file_name().is_some_and(|name| name == "instances");
    if let Some(instances) = parent.filter(|p| is_instances(p))
        && let Some(root) = instances.parent().filter(|r| is_cluster(r))
    {
        if !has_config(directory) {
            return Ok(None);
        }
        let text = directory.file_name().unwrap_or_default().to_string_lossy();
        return Ok(Some(Scope::Instance {
            root: root.to_owned(),
            name: Name::on_disk(&text)?,
        }));
    }
    if is_instances(directory)
        && let Some(root) = parent.filter(|r| is_cluster(r))
    {
        return Ok(Some(Scope::Cluster {
            root: root.to_owned(),
            only_instance: true,
        }));
    }
    Ok(is_cluster(directory).then(|| Scope::Cluster {
        root: directory.to_owned(),
        only_instance: false,
    }))
}
