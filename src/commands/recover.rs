//! `recover`: finishes or undoes interrupted operations.

use serde_json::json;

use crate::commands::context::Context;
use crate::commands::create;
use crate::commands::report::Report;
use crate::error::{Error, Kind, Result};
use crate::host::store;
use crate::journal::lock::Permit;
use crate::journal::{self, Open};
use crate::model::layout::ClusterLayout;
use crate::model::scope::Scope;
use crate::steps::{self, Step};

/// Finishes or undoes what was interrupted. With nothing to do it says so and is content.
#[derive(Debug, Clone, clap::Args)]
pub struct Args {}

/// Runs the verb.
///
/// # Errors
/// Exit 3 where an operation still runs, 7 where one can be neither finished nor undone.
pub fn run(_args: &Args, context: &Context<'_>) -> Result<Report> {
    let layout = context.layout()?;
    let open = mine(context, &layout)?;
    if context.flags.dry_run {
        let lines = open
            .iter()
            .map(|o| format!("would finish or undo `{}` ({})", o.header.verb, o.header.id))
            .collect();
        let ids: Vec<&str> = open.iter().map(|o| o.header.id.as_str()).collect();
        return Ok(Report::new(
            lines,
            json!({"command": "recover", "dry_run": true, "operations": ids}),
        ));
    }
    let mut recovered = Vec::new();
    for operation in &open {
        let permit = permit(context, &layout, operation)?;
        // Somebody else may have recovered it, or it may have ended, while this waited.
        if !operation.path.exists() {
            continue;
        }
        steps::recover_one(&context.world(&layout), &permit, operation)?;
        recovered.push(operation);
    }
    create::tidy_up(&layout, false)?;
    let mut lines: Vec<String> = recovered
        .iter()
        .map(|o| format!("`{}` of {} is tidied up", o.header.verb, o.header.who))
        .collect();
    if lines.is_empty() {
        lines.push("nothing was interrupted".to_owned());
    }
    let ids: Vec<&str> = recovered.iter().map(|o| o.header.id.as_str()).collect();
    Ok(Report::new(
        lines,
        json!({"command": "recover", "changed": !ids.is_empty(), "operations": ids}),
    ))
}

/// The operations that are not over, of the place that the command was called for.
fn mine(context: &Context<'_>, layout: &ClusterLayout) -> Result<Vec<Open>> {
    let open = journal::open_operations::<Step>(&layout.journal())?;
    let names: Vec<String> = match &context.scope {
        Scope::Instance { name, .. } => vec![name.to_string()],
        _ if context.flags.instances.is_empty() => return Ok(open),
        _ => {
            let cluster = store::cluster(layout.root())?;
            for text in &context.flags.instances {
                let known = open
                    .iter()
                    .any(|o| o.header.instances.iter().any(|n| n.as_str() == text));
                if !known {
                    context.instances(&cluster, &[])?;
                }
            }
            context.flags.instances.clone()
        }
    };
    Ok(open
        .into_iter()
        .filter(|o| {
            o.header
                .instances
                .iter()
                .any(|name| names.iter().any(|text| text == name.as_str()))
        })
        .collect())
}

fn permit(context: &Context<'_>, layout: &ClusterLayout, open: &Open) -> Result<Permit> {
    let locks = layout.locks();
    let request = context.lock_request("recover");
    let names = &open.header.instances;
    let whole = names.is_empty() || matches!(open.header.verb.as_str(), "boot" | "shutdown");
    let permit = if whole {
        Permit::cluster(&locks, &request)
    } else {
        Permit::instances(&locks, names, &request)
    };
    permit.map_err(|error| match error.kind {
        Kind::Busy => Error {
            what: format!("`{}` may still be at work", open.header.verb),
            ..error
        },
        _ => error,
    })
}
