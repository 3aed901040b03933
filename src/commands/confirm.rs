//! What an operator should know before it bites: asked on a terminal, wanted as `--yes` elsewhere.

use crate::commands::context::Context;
use crate::engine::Channel;
use crate::error::{Error, Result};
use crate::host::terminal;

/// A question to the operator.
#[derive(Debug, Clone, Copy)]
pub struct Question<'a> {
    /// What there is to know, such as `v5.1.0 has a known fault`.
    pub what: &'a str,
    /// What follows from it.
    pub why: &'a str,
    /// What is asked, such as `Make an instance of it nevertheless?`
    pub ask: &'a str,
}

/// Goes on where `--yes` was said or the operator says yes; `--dry-run` only tells what would be
/// asked, and that a script will have to say `--yes`.
///
/// # Errors
/// Exit 6 where the answer is no, or where there is no terminal and no `--yes`; 1 at Ctrl-C.
pub fn confirm(context: &Context<'_>, question: Question<'_>) -> Result<()> {
    let Question { what, why, ask } = question;
    let flags = &context.flags;
    if flags.yes || flags.dry_run {
        context.observer.warn(&format!("{what}: {why}"));
        if !flags.yes {
            context.observer.warn(
                "that is asked first; where there is no terminal, and with --json, say --yes",
            );
        }
        return Ok(());
    }
    let refused = Error::refused(what);
    if !flags.terminal || flags.json {
        return Err(refused
            .why(why)
            .next("if you want it nevertheless, say --yes"));
    }
    context.streaming(|sink| {
        sink(
            Channel::Err,
            format!("{what}: {why}\n{ask} (y/N) ").as_bytes(),
        );
        Ok(())
    })?;
    let answer = terminal::read_line(context.interrupt)?;
    match answer.trim().to_lowercase().as_str() {
        "y" | "yes" => Ok(()),
        _ => Err(refused.why("it was not confirmed; nothing was done")),
    }
}
