//! Whether a cluster is whole: everything in it belongs to somebody, and what it says of itself is so.

use std::collections::BTreeSet;
use std::path::PathBuf;

use crate::cluster::Cluster;
use crate::docker::{containers, docker, networks};
use crate::harness::{ROOT_LABEL, entries, setting};
use crate::picture;

/// What is wrong, a line each.
pub fn complaints(cluster: &Cluster) -> Vec<String> {
    let mut found = Vec::new();
    found.extend(directories(cluster));
    found.extend(running(cluster));
    if cluster.is_up() {
        found.extend(owned(cluster));
        found.extend(said(cluster));
    }
    found
}

/// The directories that say what content there is: the instances', and those of what is kept.
fn contents(cluster: &Cluster) -> Vec<PathBuf> {
    let root = &cluster.root;
    let kept = entries(&root.join(".kor-cluster/undo"));
    let kept = kept.iter().flat_map(|instance| entries(instance));
    let kept = kept.map(|path| path.join("content"));
    instances(cluster).into_iter().chain(kept).collect()
}

/// The directories of the instances that there are.
fn instances(cluster: &Cluster) -> Vec<PathBuf> {
    let all = entries(&cluster.root.join("instances")).into_iter();
    all.filter(|path| path.join("config.sh").exists()).collect()
}

/// Each schema, user and index is one of a content's, and the other way round.
fn owned(cluster: &Cluster) -> Vec<String> {
    let lines = |text: String| -> BTreeSet<String> { text.lines().map(str::to_owned).collect() };
    let of = |file: &str, key: &str| -> BTreeSet<String> {
        let files = contents(cluster).into_iter().map(|path| path.join(file));
        files.map(|file| setting(&file, key)).collect()
    };
    let url = format!(
        "http://{}:9200/_cat/indices?h=index",
        crate::docker::address(&cluster.search())
    );
    let indices = ureq::get(&url).call().unwrap().body_mut().read_to_string();
    let indices = indices.unwrap().replace(' ', "");
    [
        (
            "schemas",
            lines(cluster.sql("show databases like 'kor%'")),
            of("config.sh", "DB_NAME"),
        ),
        (
            "users",
            lines(cluster.sql("select user from mysql.global_priv where user like 'kor%'")),
            of("config.sh", "DB_USERNAME"),
        ),
        ("indices", lines(indices), of(".env", "ELASTIC_INDEX")),
    ]
    .into_iter()
    .filter(|(_, there, of)| there != of)
    .map(|(what, there, of)| format!("{what}: there are {there:?}, of somebody {of:?}"))
    .collect()
}

/// Nothing lies about in the tool's own directories, nor half a snapshot.
fn directories(cluster: &Cluster) -> Vec<String> {
    let root = &cluster.root;
    let own = ["next", "work", "exchange", "journal"];
    let own = own.map(|name| entries(&root.join(".kor-cluster").join(name)));
    let is_whole = |path: &PathBuf| path.to_string_lossy().ends_with(".tar.zst");
    let snapshots = entries(&root.join("snapshots"));
    let parts = snapshots.into_iter().filter(|path| !is_whole(path));
    own.into_iter()
        .flatten()
        .chain(parts)
        .map(|path| format!("{} lies about", path.display()))
        .collect()
}

/// Only what stays runs, and only the cluster's network is there. A command that a crash of the
/// engine ended leaves its container until the next `shutdown`.
fn running(cluster: &Cluster) -> Vec<String> {
    let instances = instances(cluster);
    let names = instances.iter().filter_map(|path| path.file_name());
    let mut may: BTreeSet<String> = names
        .map(|name| cluster.web(&name.to_string_lossy()))
        .collect();
    may.extend([cluster.database(), cluster.search()]);
    let there = containers(cluster.path()).into_iter();
    let stray = there.filter(|name| !may.contains(name) && picture::runs(name));
    let network = format!("{}_network", cluster.name);
    let more = networks(cluster.path()).into_iter();
    let more = more.filter(|name| *name != network);
    let ours = format!("label={ROOT_LABEL}={}", cluster.path());
    let paused = ["ps", "-q", "--filter", "status=paused", "--filter", &ours];
    let paused = docker(&paused).ok();
    let paused = paused.text().lines().map(str::to_owned);
    stray
        .chain(more)
        .chain(paused)
        .map(|name| format!("{name} is too much"))
        .collect()
}

/// What `status` says is so.
fn said(cluster: &Cluster) -> Vec<String> {
    let status = cluster.call(["status", "--json"]).ok().json();
    let mut found = Vec::new();
    if status["interrupted"] != serde_json::json!([]) {
        found.push(format!("interrupted: {}", status["interrupted"]));
    }
    for instance in status["instances"].as_array().unwrap() {
        let name = instance["name"].as_str().unwrap();
        let runs = if cluster.runs(name) { "up" } else { "down" };
        if instance["condition"] != runs {
            found.push(format!("{name} is {runs}: {instance}"));
        }
    }
    found
}
