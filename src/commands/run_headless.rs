//! `run_headless "COMMAND"`: as `run`, without a terminal and without input.

use crate::commands::context::Context;
use crate::commands::one_off;
use crate::commands::report::Report;
use crate::commands::run::Args;
use crate::engine::Input;
use crate::error::Result;
use crate::model::container::Role;

/// Runs the verb.
///
/// # Errors
/// Exit 6 where the cluster is down.
pub fn run(args: &Args, context: &Context<'_>) -> Result<Report> {
    let command = args.command.join(" ");
    let (spec, _) = one_off::container(context, "run_headless", Role::Run, &command)?;
    if context.flags.dry_run {
        return Ok(one_off::would_run("run_headless", &spec));
    }
    let limit = context.flags.timeout;
    let code = context.streaming(|sink| context.engine.run(&spec, Input::Nothing, sink, limit))?;
    Ok(Report::of_command(code))
}
