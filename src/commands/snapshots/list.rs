//! `snapshots list`: which there are.

use serde_json::{Value, json};

use crate::commands::context::Context;
use crate::commands::report::Report;
use crate::error::Result;
use crate::host::{files, store};
use crate::model::cluster::Cluster;
use crate::model::memory::human;
use crate::model::name::Name;
use crate::model::scope::Scope;
use crate::model::snapshot::SnapshotName;

/// Runs it.
///
/// # Errors
/// Exit 4 where an instance that is named is not there, and no snapshot of it is.
pub fn run(context: &Context<'_>) -> Result<Report> {
    let cluster = context.cluster()?;
    let directory = cluster.layout.snapshots();
    let mut lines = Vec::new();
    let mut objects: Vec<Value> = Vec::new();
    for (name, file) in found(context, &cluster)? {
        let path = directory.join(&file);
        let bytes = path.metadata().map_or(0, |m| m.len());
        lines.push(format!("{file}  {}", human(bytes)));
        objects.push(json!({
            "instance": name.instance,
            "version": name.version,
            "taken": name.taken.to_string(),
            "path": path,
            "bytes": bytes,
        }));
    }
    if lines.is_empty() {
        lines.push("no snapshots".to_owned());
    }
    Ok(Report::new(
        lines,
        json!({"cluster": cluster.name, "snapshots": objects}),
    ))
}

/// The snapshots of the cluster or of the instances that are meant, the newest last.
///
/// # Errors
/// As [`run`].
pub fn found(context: &Context<'_>, cluster: &Cluster) -> Result<Vec<(SnapshotName, String)>> {
    let directory = cluster.layout.snapshots();
    let mut found: Vec<(SnapshotName, String)> = files::names_in(&directory)?
        .into_iter()
        .filter_map(|file| Some((SnapshotName::parse(&file).ok()?, file)))
        .collect();
    if let Some(wanted) = wanted(context, cluster, &found)? {
        found.retain(|(name, _)| wanted.contains(&name.instance));
    }
    found.sort_by(|(a, _), (b, _)| (a.taken, &a.instance).cmp(&(b.taken, &b.instance)));
    Ok(found)
}

/// The instances that are meant, if any are. One that is gone can be named as long as there are
/// snapshots of it.
fn wanted(
    context: &Context<'_>,
    cluster: &Cluster,
    found: &[(SnapshotName, String)],
) -> Result<Option<Vec<Name>>> {
    let said = &context.flags.instances;
    if said.is_empty() || context.flags.all || matches!(context.scope, Scope::Instance { .. }) {
        let meant = context.means_instance(&[]);
        return meant.then(|| context.instances(cluster, &[])).transpose();
    }
    let mut names = Vec::new();
    for text in said {
        let name = Name::on_disk(text)?;
        if !found.iter().any(|(of, _)| of.instance == name) {
            store::instance(cluster, &name)?;
        }
        names.push(name);
    }
    Ok(Some(names))
}
