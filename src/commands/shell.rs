//! `shell`: a shell in a fresh container of an instance.

use crate::commands::context::Context;
use crate::commands::one_off;
use crate::commands::report::Report;
use crate::engine::Input;
use crate::error::Result;
use crate::model::container::Role;

/// Opens a shell in a fresh container of an instance.
#[derive(Debug, Clone, clap::Args)]
pub struct Args {}

/// Runs the verb.
///
/// # Errors
/// Exit 6 where the cluster is down.
pub fn run(_args: &Args, context: &Context<'_>) -> Result<Report> {
    let (spec, _) = one_off::container(context, "shell", Role::Run, "exec /bin/bash")?;
    if context.flags.dry_run {
        return Ok(one_off::would_run("shell", &spec));
    }
    let input = Input::Standard {
        terminal: context.flags.terminal,
    };
    let code = context.streaming(|sink| context.engine.run(&spec, input, sink, None))?;
    Ok(Report::of_command(code))
}
