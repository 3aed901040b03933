//! `history`: who did what when, and how it ended.

use serde_json::json;

use crate::commands::context::Context;
use crate::commands::not_over::{self, NotOver};
use crate::commands::report::Report;
use crate::error::Result;
use crate::host::clock;
use crate::journal::history;
use crate::model::name::Name;
use crate::model::scope::Scope;

/// Shows what was done here, the latest last, and what was interrupted.
#[derive(Debug, Clone, clap::Args)]
pub struct Args {
    /// The instances [default: all]
    #[arg(value_name = "NAME")]
    pub names: Vec<String>,
    /// How many operations
    #[arg(short = 'n', long, default_value_t = 50)]
    pub lines: usize,
}

/// Runs the verb.
///
/// # Errors
/// Exit 6 where the history cannot be read.
pub fn run(args: &Args, context: &Context<'_>) -> Result<Report> {
    let layout = context.layout()?;
    context.check_words(&args.names)?;
    let asked: Vec<&str> = match &context.scope {
        Scope::Instance { name, .. } => vec![name.as_str()],
        // An instance that is gone has its history still.
        _ => {
            let said = args.names.iter().chain(&context.flags.instances);
            said.map(String::as_str).collect()
        }
    };
    let of_here = |names: &[Name]| {
        asked.is_empty() || names.iter().any(|name| asked.contains(&name.as_str()))
    };
    let mut entries = history::read(&layout.history())?;
    entries.retain(|entry| of_here(&entry.instances));
    let entries = entries.split_off(entries.len().saturating_sub(args.lines));
    let mut open = not_over::all(&layout)?;
    open.retain(|operation| of_here(&operation.header.instances));

    let mut lines: Vec<String> = entries
        .iter()
        .map(|entry| {
            let mut line = format!(
                "{}  {}  {}{}  {} after {} s",
                clock::iso(entry.started),
                entry.who,
                entry.words,
                names(&entry.verb, &entry.words, &entry.instances),
                entry.outcome.as_str(),
                entry.seconds
            );
            if let Some(error) = &entry.error {
                line.push_str(&format!(": {error}"));
            }
            line
        })
        .collect();
    lines.extend(open.iter().map(|operation| {
        format!(
            "{}  {}  {}{}  {}",
            clock::iso(operation.header.started),
            operation.header.who,
            operation.header.words,
            names(
                &operation.header.verb,
                &operation.header.words,
                &operation.header.instances
            ),
            operation.state()
        )
    }));
    if lines.is_empty() {
        lines.push("nothing was done here yet".to_owned());
    }
    let not_over: Vec<_> = open.iter().map(NotOver::object).collect();
    Ok(Report::new(
        lines,
        json!({"operations": entries, "not_over": not_over}),
    ))
}

/// The instances that the words do not name: behind a verb alone they could be typed so.
fn names(verb: &str, words: &str, instances: &[Name]) -> String {
    let is_named = |name: &&Name| words.split(' ').any(|word| word == name.as_str());
    let others: Vec<&str> = instances
        .iter()
        .filter(|name| !is_named(name))
        .map(Name::as_str)
        .collect();
    match (others.is_empty(), words == verb) {
        (true, _) => String::new(),
        (false, true) => format!(" {}", others.join(" ")),
        (false, false) => format!(" ({})", others.join(", ")),
    }
}
