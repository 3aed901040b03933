//! `upgrade VERSION`: to another version of ConedaKOR, while readers are served, with the way back.

mod ahead;
mod apart;
mod check;
mod copied;
mod crossing;
mod parts;
mod plan;
mod rehearse;
mod take;
mod texts;
mod times;
mod told;
mod way;

use crate::commands::context::Context;
use crate::commands::import::undo;
use crate::commands::report::Report;
use crate::commands::server_change::Asked;
use crate::commands::words::Words;
use crate::error::{Error, Result};
use crate::model::image::ImageRef;
use crate::model::version::Version;

/// Brings instances to another version. A copy of the content is migrated and tried out while the
/// old version serves readers; then the new one takes its place. The old content is kept for seven
/// days.
#[derive(Debug, Clone, clap::Args)]
pub struct Args {
    /// The version
    #[arg(value_name = "VERSION", value_parser = Version::parse, required_unless_present = "undo", conflicts_with = "undo")]
    pub to: Option<Version>,
    /// What is no version: an instance's name, as other verbs take it
    #[arg(hide = true, conflicts_with = "undo")]
    pub more: Vec<String>,
    /// Try it out on a copy while the site serves, say how long it takes, and remove all of it
    #[arg(long, conflicts_with = "undo")]
    pub rehearse: bool,
    /// Bring the version and the content back that the last upgrade took the place of
    #[arg(long)]
    pub undo: bool,
    /// With --undo: give up what was written since, after a snapshot of it
    #[arg(long, requires = "undo")]
    pub discard_new: bool,
    /// Take no snapshot before
    #[arg(long)]
    pub no_snapshot: bool,
    /// Also to an older version
    #[arg(long)]
    pub force: bool,
    /// Put another search server in the place of the cluster's, which the version wants
    #[arg(long, value_name = "IMAGE", value_parser = ImageRef::parse, conflicts_with = "undo")]
    pub search: Option<ImageRef>,
    /// Put another database server in the place of the cluster's; all its instances are down
    /// meanwhile
    #[arg(long, value_name = "IMAGE", value_parser = ImageRef::parse, conflicts_with = "undo")]
    pub database: Option<ImageRef>,
    /// With several instances: this one first, and the others only if it is well
    #[arg(long, value_name = "NAME")]
    pub canary: Option<String>,
    /// With several instances: look after so many whether all of them are well
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u16).range(1..))]
    pub wave: u16,
}

impl Args {
    /// The servers that the cluster is to have.
    pub fn asked(&self) -> Asked<'_> {
        Asked {
            search: self.search.as_ref(),
            database: self.database.as_ref(),
        }
    }

    /// See [`Words`].
    pub fn words(&self) -> Words {
        let to = self.to.iter();
        to.fold(Words::of("upgrade"), Words::word)
            .flag("--rehearse", self.rehearse)
            .flag("--undo", self.undo)
            .flag("--discard-new", self.discard_new)
            .flag("--no-snapshot", self.no_snapshot)
            .flag("--force", self.force)
            .value("--search", self.search.as_ref())
            .value("--database", self.database.as_ref())
    }
}

/// Runs the verb.
///
/// # Errors
/// Exit 6 where it is not allowed, the instance is not well, or there is no room; 1 where a step
/// fails: everything is undone then, and the old version answers again.
pub fn run(args: &Args, context: &Context<'_>) -> Result<Report> {
    match &args.to {
        Some(to) if !args.more.is_empty() => Err(too_many_words(context, to, &args.more)),
        _ if args.undo => undo::run(context, "upgrade", args.discard_new),
        Some(to) if args.rehearse => rehearse::run(args, to, context),
        Some(to) => take::run(args, to, context),
        None => Err(Error::usage("to which version?").next("say upgrade VERSION")),
    }
}

/// The error of an instance's name beside the version, in whichever order.
fn too_many_words(context: &Context<'_>, first: &Version, more: &[String]) -> Error {
    let first = std::iter::once(first.to_string());
    let words: Vec<String> = first.chain(more.iter().cloned()).collect();
    let is_version = |word: &String| Version::parse(word).is_ok_and(|v| v.numbers().is_some());
    let at = words.iter().position(is_version).unwrap_or(words.len() - 1);
    let (before, behind) = (&words[..at], &words[at + 1..]);
    let names = before.iter().chain(behind);
    let names: String = names.map(|name| format!("-i {name} ")).collect();
    let called = match context.layout() {
        Ok(layout) => layout.link().display().to_string(),
        Err(_) => context.called.clone(),
    };
    Error::usage(format!("upgrade {} has a word too many", words.join(" ")))
        .why("its one word is the version; instances are named with -i")
        .next(format!("{called} {names}upgrade {}", words[at]))
}
