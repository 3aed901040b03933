//! `snapshots [list|show|verify]`: which snapshots there are, what they say of themselves, and
//! whether they are whole.

use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use crate::commands::context::Context;
use crate::commands::report::Report;
use crate::error::{Error, Result};
use crate::host::{archive, files};
use crate::model::cluster::Cluster;
use crate::model::memory::human;
use crate::model::name::Name;
use crate::model::snapshot::{Manifest, SnapshotName};

/// Shows the snapshots of a cluster or of instances.
#[derive(Debug, Clone, clap::Args)]
pub struct Args {
    /// What is done [default: list]
    #[command(subcommand)]
    pub what: Option<What>,
}

/// What is done.
#[derive(Debug, Clone, clap::Subcommand)]
pub enum What {
    /// List them, the newest last
    List,
    /// Show what a snapshot says of itself
    Show {
        /// The file, or its name in the cluster's `snapshots/`
        file: PathBuf,
    },
    /// Read all of snapshots and compare every checksum [default: all that `list` shows]
    Verify {
        /// Files, or their names in the cluster's `snapshots/`
        files: Vec<PathBuf>,
    },
}

/// Runs the verb.
///
/// # Errors
/// Exit 4 where there is no such file, 8 where it is no snapshot or damaged.
pub fn run(args: &Args, context: &Context<'_>) -> Result<Report> {
    match args.what.as_ref().unwrap_or(&What::List) {
        What::List => list(context),
        What::Show { file } => show(context, file),
        What::Verify { files } => verify(context, files),
    }
}

/// Names at the top of a snapshot that are an instance's own; others are read all the same.
const ROOTS: [&str; 6] = [
    "data",
    ".env",
    "kor.yml",
    "kor.app.yml",
    "secret_key_base",
    "help.yml",
];

fn verify(context: &Context<'_>, wanted: &[PathBuf]) -> Result<Report> {
    let paths = match wanted {
        [] => {
            let cluster = context.cluster()?;
            let directory = cluster.layout.snapshots();
            let found = found(context, &cluster)?;
            found.iter().map(|(_, file)| directory.join(file)).collect()
        }
        some => some
            .iter()
            .map(|file| find(context, file))
            .collect::<Result<Vec<_>>>()?,
    };
    let rules = archive::Rules {
        roots: &ROOTS,
        strays: archive::Strays::LeaveOut,
        limits: archive::Limits::default(),
    };
    let silent = |_: u64| {};
    let watch = archive::Watch::new(context.interrupt, &silent);
    let (mut lines, mut objects, mut code) = (Vec::new(), Vec::new(), 0);
    for path in paths {
        let checked = archive::check(&path, rules, watch);
        match &checked {
            Ok(checked) => lines.push(format!(
                "{}: whole, {} files, {}",
                path.display(),
                checked.content.files,
                human(checked.content.file_bytes)
            )),
            Err(error) if error.interrupted => return Err(error.clone()),
            Err(error) => {
                code = code.max(error.exit_code());
                lines.push(format!("{}: NOT whole: {error}", path.display()));
            }
        }
        let error = checked.as_ref().err().map(ToString::to_string);
        objects.push(json!({"path": path, "whole": error.is_none(), "error": error}));
    }
    Ok(Report {
        code,
        ..Report::new(lines, json!({"snapshots": objects}))
    })
}

/// The snapshots of the cluster or of the instances that are meant, the newest last.
fn found(context: &Context<'_>, cluster: &Cluster) -> Result<Vec<(SnapshotName, String)>> {
    let directory = cluster.layout.snapshots();
    let wanted = match context.means_instance(&[]) {
        true => Some(context.instances(cluster, &[])?),
        false => None,
    };
    let is_wanted = |name: &Name| wanted.as_ref().is_none_or(|names| names.contains(name));
    let mut found: Vec<(SnapshotName, String)> = files::names_in(&directory)?
        .into_iter()
        .filter_map(|file| Some((SnapshotName::parse(&file).ok()?, file)))
        .filter(|(name, _)| is_wanted(&name.instance))
        .collect();
    found.sort_by(|(a, _), (b, _)| (a.taken, &a.instance).cmp(&(b.taken, &b.instance)));
    Ok(found)
}

fn list(context: &Context<'_>) -> Result<Report> {
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

fn show(context: &Context<'_>, file: &Path) -> Result<Report> {
    let path = find(context, file)?;
    let manifest = archive::manifest(&path)?.ok_or_else(|| {
        Error::refused(format!("{} says nothing of itself", path.display()))
            .why("only snapshots of the form .tar.zst do so at once")
            .next(format!("look inside: tar -tf {}", path.display()))
    })?;
    let lines = described(&manifest);
    Ok(Report::new(
        lines,
        json!({"path": path, "manifest": manifest}),
    ))
}

/// The file as it was named, else the one of that name in the cluster's directory.
///
/// # Errors
/// Exit 4 where there is neither.
pub fn find(context: &Context<'_>, file: &Path) -> Result<PathBuf> {
    if file.exists() {
        return Ok(file.to_owned());
    }
    let in_cluster = context
        .layout()
        .ok()
        .map(|layout| layout.snapshots().join(file));
    in_cluster
        .filter(|path| path.exists())
        .ok_or_else(|| Error::not_found(format!("there is no snapshot {}", file.display())))
}

fn described(manifest: &Manifest) -> Vec<String> {
    let about = &manifest.about;
    let content = &manifest.content;
    let rows: u64 = about.rows.values().sum();
    vec![
        format!(
            "instance {} ({}) of cluster {}, taken {}",
            about.instance, about.version, about.cluster, about.taken
        ),
        format!(
            "  {} files, {}; {} tables with {rows} rows, {}",
            content.files,
            human(content.file_bytes),
            about.rows.len(),
            human(content.dump_bytes)
        ),
        match about.consistent {
            true => "  files and rows are of the same moment".to_owned(),
            false => "  files and rows were taken one after the other".to_owned(),
        },
        format!("  made by kor-cluster {} on {}", about.tool, about.database),
    ]
}
