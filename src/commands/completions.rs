//! `completions SHELL`: for the tool's own name and for the names of its links.

use crate::commands::report::Report;
use crate::error::{Error, Result};

/// Prints the completions of a shell; see its manual for where they go.
#[derive(Debug, Clone, clap::Args)]
pub struct Args {
    /// The shell
    pub shell: clap_complete::Shell,
}

/// The names that the tool is called by.
const NAMES: [&str; 3] = ["kor-cluster", "cluster.sh", "instance.sh"];

/// Runs the verb on a description of the command line.
///
/// # Errors
/// Exit 1 where the completions are no text.
pub fn run(args: &Args, command: &clap::Command) -> Result<Report> {
    let mut bytes = Vec::new();
    for name in NAMES {
        clap_complete::generate(args.shell, &mut command.clone(), name, &mut bytes);
    }
    let text = String::from_utf8(bytes)
        .map_err(|e| Error::failed("cannot write the completions").why(e))?;
    Ok(Report {
        lines: text.lines().map(str::to_owned).collect(),
        ..Report::default()
    })
}
