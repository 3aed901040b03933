//! `snapshots verify`: whether they are whole.

use std::path::{Path, PathBuf};

use serde_json::json;

use crate::commands::context::Context;
use crate::commands::report::Report;
use crate::commands::snapshots::{find, list};
use crate::error::Result;
use crate::host::archive::{self, Checked};
use crate::model::memory::human;
use crate::steps;

/// Runs it.
///
/// # Errors
/// Exit 4 where there is no such file; in the report 8 where one is no snapshot or damaged.
pub fn run(context: &Context<'_>, wanted: &[PathBuf]) -> Result<Report> {
    let paths = match wanted {
        [] => {
            let cluster = context.cluster()?;
            let directory = cluster.layout.snapshots();
            let found = list::found(context, &cluster)?;
            found.iter().map(|(_, file)| directory.join(file)).collect()
        }
        some => some
            .iter()
            .map(|file| find(context, file))
            .collect::<Result<Vec<_>>>()?,
    };
    let (mut lines, mut objects, mut code) = (Vec::new(), Vec::new(), 0);
    for path in paths {
        let checked = read(context, &path);
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

/// Reads all of one, and says how far that is.
///
/// # Errors
/// Exit 8 where it is damaged or none, 1 at an interruption.
pub fn read(context: &Context<'_>, path: &Path) -> Result<Checked> {
    let name = path.file_name().unwrap_or(path.as_os_str());
    let what = format!("reading {}", name.to_string_lossy());
    steps::while_read(context.observer, context.interrupt, &what, path, |watch| {
        archive::verify(path, watch)
    })
}
