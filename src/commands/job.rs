//! `job "COMMAND"`: as `run_headless`, in the background of the cluster.

use serde_json::json;

use crate::commands::context::{Context, typed};
use crate::commands::one_off;
use crate::commands::report::Report;
use crate::commands::run::Args;
use crate::error::Result;
use crate::model::container::Role;

/// The file in the instance's log directory that jobs write to.
const LOG: &str = "jobs.log";

/// Runs the verb.
///
/// # Errors
/// Exit 6 where the cluster is down.
pub fn run(args: &Args, context: &Context<'_>) -> Result<Report> {
    let command = args.command.join(" ");
    let (mut spec, instance) = one_off::container(context, "job", Role::Job, &command)?;
    // The command is the shell's first parameter, so that it needs no quoting here; in a shell
    // of its own, so that an `exit` in it does not swallow the last line.
    let script = format!(
        "exec >>log/{LOG} 2>&1; date -u '+%FT%TZ job begins'; (eval \"$0\"); code=$?; date -u \"+%FT%TZ job ends with $code\"; exit $code"
    );
    spec.command = vec!["-c".to_owned(), script, command.clone()];
    if context.flags.dry_run {
        return Ok(one_off::would_run("job", &spec));
    }
    remove_ended(context, &spec.name)?;
    context.engine.create(&spec)?;
    if let Err(error) = context.engine.start(&spec.name) {
        // The error counts; what never ran is not left behind.
        let _ = context.engine.remove(&spec.name);
        return Err(error);
    }
    let log = instance.layout.log().join(LOG);
    let follow = typed(&instance.layout.link(), "logs --jobs --follow");
    Ok(Report::new(
        vec![
            format!(
                "job {} runs; its output goes to {}",
                spec.name,
                log.display()
            ),
            format!("next: {follow}"),
        ],
        json!({"command": "job", "instance": instance.name, "container": spec.name, "log": log, "next": follow}),
    ))
}

/// Containers of earlier jobs of the same instance that are over; their output is in the log.
fn remove_ended(context: &Context<'_>, name: &str) -> Result<()> {
    let prefix = name.rsplit_once('_').map_or(name, |(prefix, _)| prefix);
    let cluster = context.cluster()?;
    let observed = super::observed::Observed::of(context.engine, &cluster)?;
    for ended in observed.one_offs().filter(|c| {
        c.role() == Some(Role::Job)
            && c.state == crate::model::container::State::Exited
            && c.name.rsplit_once('_').is_some_and(|(p, _)| p == prefix)
    }) {
        context.engine.remove(&ended.name)?;
    }
    Ok(())
}
