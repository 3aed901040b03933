//! `man`: the manual pages.

use std::path::PathBuf;

use crate::commands::report::Report;
use crate::error::{Error, Result};

/// Prints the manual page, or writes one for every verb into a directory.
#[derive(Debug, Clone, clap::Args)]
pub struct Args {
    /// The directory for the pages of all verbs
    #[arg(long, value_name = "DIR")]
    pub directory: Option<PathBuf>,
}

/// Runs the verb on a description of the command line.
///
/// # Errors
/// Exit 4 or 6 where the directory cannot be written.
pub fn run(args: &Args, command: &clap::Command) -> Result<Report> {
    if let Some(directory) = &args.directory {
        clap_mangen::generate_to(command.clone(), directory)
            .map_err(|e| Error::io("write the manual pages to", directory, &e))?;
        return Ok(Report::new(
            vec![format!("the manual pages are in {}", directory.display())],
            serde_json::json!({"command": "man", "directory": directory}),
        ));
    }
    let mut page = Vec::new();
    clap_mangen::Man::new(command.clone())
        .render(&mut page)
        .map_err(|e| Error::failed("cannot write the manual page").why(e))?;
    Ok(Report {
        lines: String::from_utf8_lossy(&page)
            .lines()
            .map(str::to_owned)
            .collect(),
        ..Report::default()
    })
}
