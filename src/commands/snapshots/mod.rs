//! `snapshots [list|show|verify|prove|prune]`: which snapshots there are, what they say of themselves,
//! whether they are whole, whether they come to life, and which may go.

mod list;
mod prove;
mod prune;
mod show;
mod verify;

use std::path::{Path, PathBuf};

use crate::commands::context::Context;
use crate::commands::report::Report;
use crate::commands::words::Words;
use crate::error::{Error, Result};

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
    /// Try one out: load it beside everything else, start the application on it, remove all of that
    Prove(prove::Args),
    /// Delete those that no rule keeps, but never the last good one
    Prune(prune::Args),
    /// Read all of snapshots and compare every checksum [default: all that `list` shows]
    Verify {
        /// Files, or their names in the cluster's `snapshots/`
        files: Vec<PathBuf>,
    },
}

impl Args {
    /// See [`Words`].
    pub fn words(&self) -> Words {
        match &self.what {
            Some(What::Prove(args)) => Words::of("snapshots prove").word(args.file.display()),
            Some(What::Prune(args)) => args.words(),
            _ => Words::of("snapshots"),
        }
    }
}

/// Runs the verb.
///
/// # Errors
/// Exit 4 where there is no such file, 8 where it is no snapshot or damaged.
pub fn run(args: &Args, context: &Context<'_>) -> Result<Report> {
    match args.what.as_ref().unwrap_or(&What::List) {
        What::List => list::run(context),
        What::Show { file } => show::run(context, file),
        What::Prove(args) => prove::run(args, context),
        What::Prune(args) => prune::run(args, context),
        What::Verify { files } => verify::run(context, files),
    }
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
    in_cluster.filter(|path| path.exists()).ok_or_else(|| {
        Error::not_found(format!("there is no snapshot {}", file.display()))
            .next("`snapshots` lists those of the cluster; any other is named by its path")
    })
}
