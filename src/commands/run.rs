//! `run "COMMAND"`: a command in a fresh container of an instance.

use crate::commands::context::Context;
use crate::commands::one_off;
use crate::commands::report::Report;
use crate::engine::Input;
use crate::error::Result;
use crate::model::container::Role;

/// Runs a command in a fresh container of an instance; with a terminal where there is one. Ends
/// with the command's own exit code.
#[derive(Debug, Clone, clap::Args)]
pub struct Args {
    /// The command, for the container's shell
    #[arg(required = true, trailing_var_arg = true, allow_hyphen_values = true)]
    pub command: Vec<String>,
}

/// Runs the verb.
///
/// # Errors
/// Exit 6 where the cluster is down.
pub fn run(args: &Args, context: &Context<'_>) -> Result<Report> {
    let command = args.command.join(" ");
    let (spec, _) = one_off::container(context, "run", Role::Run, &command)?;
    if context.flags.dry_run {
        return Ok(one_off::would_run("run", &spec));
    }
    let input = Input::Standard {
        terminal: context.flags.terminal,
    };
    let limit = context.flags.timeout;
    let code = context.streaming(|sink| context.engine.run(&spec, input, sink, limit))?;
    Ok(Report::of_command(code))
}
