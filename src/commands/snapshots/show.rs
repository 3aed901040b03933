//! `snapshots show`: what one says of itself.

use std::path::Path;

use serde_json::json;

use crate::commands::context::Context;
use crate::commands::report::Report;
use crate::commands::snapshots::find;
use crate::error::{Error, Result};
use crate::host::archive;
use crate::model::memory::human;
use crate::model::snapshot::Manifest;

/// Runs it.
///
/// # Errors
/// Exit 4 where there is no such file, 6 where it says nothing of itself, 8 where it is no snapshot.
pub fn run(context: &Context<'_>, file: &Path) -> Result<Report> {
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
