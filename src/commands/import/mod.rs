//! `import FILE`: an instance's content from a snapshot, beside the old one, then swapped.

mod back;
mod forget;
mod take;
pub mod undo;

use std::path::PathBuf;

pub use take::check_directory;

use crate::commands::context::Context;
use crate::commands::report::Report;
use crate::commands::words::Words;
use crate::error::{Error, Result};
use crate::model::version::Version;

/// Brings the content of a snapshot into an instance. It is unpacked, loaded, indexed and tried out
/// while the old content serves; then both are exchanged. The old content is kept for seven days.
#[derive(Debug, Clone, clap::Args)]
pub struct Args {
    /// The snapshot: a file, or its name in the cluster's `snapshots/`
    #[arg(required_unless_present_any = ["undo", "forget"], conflicts_with_all = ["undo", "forget"])]
    pub file: Option<PathBuf>,
    /// The version that the snapshot is of, where neither it nor its name says that
    #[arg(id = "of_version", long = "version", value_name = "VERSION", value_parser = Version::parse)]
    pub version: Option<Version>,
    /// Bring the content back that the last import took the place of
    #[arg(long, conflicts_with = "forget")]
    pub undo: bool,
    /// With --undo: give up what was written since, after a snapshot of it
    #[arg(long, requires = "undo")]
    pub discard_new: bool,
    /// Let the content go that imports took the place of
    #[arg(long)]
    pub forget: bool,
}

impl Args {
    /// See [`Words`].
    pub fn words(&self) -> Words {
        let file = self.file.iter().map(|file| file.display());
        file.fold(Words::of("import"), Words::word)
            .value("--version", self.version.as_ref())
            .flag("--undo", self.undo)
            .flag("--discard-new", self.discard_new)
            .flag("--forget", self.forget)
    }
}

/// Runs the verb.
///
/// # Errors
/// Exit 8 where the snapshot is damaged or none, 6 where it does not fit, 1 where a step fails:
/// everything is undone then, and the old content serves as before.
pub fn run(args: &Args, context: &Context<'_>) -> Result<Report> {
    match &args.file {
        _ if args.undo => undo::run(context, "import", args.discard_new),
        _ if args.forget => forget::run(context),
        Some(file) => take::run(context, file, args.version.as_ref()),
        None => Err(Error::usage("which snapshot?").next("say import FILE")),
    }
}
