//! The edge: arguments in, exit code out.

mod amounts;
mod args;
mod output;
mod progress;
mod scope;

use std::ffi::OsString;
use std::io::IsTerminal;
use std::time::Duration;

use clap::{CommandFactory, Parser};

use crate::commands::context::{Context, Flags};
use crate::commands::report::Report;
use crate::commands::{
    adopt, boot, clone, completions, config, contract, create, db, history, image, import, init,
    job, list, logs, man, migrate, new, recover, remove, restart, run, run_headless, services,
    shell, shutdown, snapshot, snapshots, start, status, stop, upgrade,
};
use crate::engine::{DockerEngine, Engine};
use crate::error::{Error, Result};
use crate::host::interrupt::Interrupt;
use crate::host::registry::Registry;

pub use args::{CHANGING, OTHERS};
use args::{Cli, Command};
use output::Output;

/// Runs the tool; what it returns is the exit code of the process.
pub fn main(words: Vec<OsString>) -> u8 {
    let called = words.first().cloned().unwrap_or_default();
    let cli = match Cli::try_parse_from(&words) {
        Ok(cli) => cli,
        Err(error) => {
            // Help and version come this way too, with exit code 0.
            let code = u8::try_from(error.exit_code()).unwrap_or(2);
            let _ = error.print();
            if code != 0 && words.iter().any(|word| word == "--json") {
                let first = error.to_string();
                let what = first.lines().next().unwrap_or_default();
                Output::new(true, false, true).error_object(&Error::usage(what));
            }
            return code;
        }
    };
    let output = Output::new(cli.global.json, cli.global.quiet, cli.global.no_progress);
    match dispatch(cli, &called, &output) {
        Ok(report) => {
            output.report(&report);
            report.code
        }
        Err(error) => {
            output.error(&error);
            error.exit_code()
        }
    }
}

fn dispatch(cli: Cli, called: &std::ffi::OsStr, output: &Output) -> Result<Report> {
    match &cli.command {
        Command::Completions(args) => return completions::run(args, &Cli::command()),
        Command::Man(args) => return man::run(args, &Cli::command()),
        _ => {}
    }
    let scope = scope::of(called, cli.global.place.as_deref())?;
    let interrupt = Interrupt::listen()?;
    let engine = engine(interrupt.clone())?;
    let registry = Registry::of_this_host();
    let progress = output.observer();
    let context = Context {
        scope,
        flags: flags(&cli),
        engine: &*engine,
        registry: &registry,
        observer: &progress,
        interrupt: &interrupt,
        stream: &|| output::stream(&interrupt),
        called: scope::as_typed(called),
        words: cli.command.words().map(String::from),
    };
    let report = verb(&cli.command, &context);
    progress.finish();
    report
}

fn verb(command: &Command, context: &Context<'_>) -> Result<Report> {
    match command {
        Command::Create(args) => create::run(args, context),
        Command::Adopt(args) => adopt::run(args, context),
        Command::Boot(args) => boot::run(args, context),
        Command::Shutdown(args) => shutdown::run(args, context),
        Command::New(args) => new::run(args, context),
        Command::Init(args) => init::run(args, context),
        Command::Start(args) => start::run(args, context),
        Command::Stop(args) => stop::run(args, context),
        Command::Restart(args) => restart::run(args, context),
        Command::Migrate(args) => migrate::run(args, context),
        Command::List(args) => list::run(args, context),
        Command::Status(args) => status::run(args, context),
        Command::Run(args) => run::run(args, context),
        Command::RunHeadless(args) => run_headless::run(args, context),
        Command::Job(args) => job::run(args, context),
        Command::Shell(args) => shell::run(args, context),
        Command::Db(args) => db::run(args, context),
        Command::Logs(args) => logs::run(args, context),
        Command::Config(args) => config::run(args, context),
        Command::Services(args) => services::run(args, context),
        Command::Image(args) => image::run(args, context),
        Command::Snapshot(args) => snapshot::run(args, context),
        Command::Snapshots(args) => snapshots::run(args, context),
        Command::Clone(args) => clone::run(args, context),
        Command::Upgrade(args) => upgrade::run(args, context),
        Command::Remove(args) => remove::run(args, context),
        Command::Import(args) => import::run(args, context),
        Command::Contract(args) => contract::run(args, context),
        Command::Recover(args) => recover::run(args, context),
        Command::History(args) => history::run(args, context),
        Command::Completions(_) | Command::Man(_) => Err(Error::usage("handled before")),
    }
}

fn flags(cli: &Cli) -> Flags {
    let global = &cli.global;
    Flags {
        instances: global.instances.clone(),
        all: global.all,
        dry_run: global.dry_run,
        json: global.json,
        yes: global.yes,
        wait: Duration::from_secs(global.wait),
        timeout: global.timeout.map(Duration::from_secs),
        terminal: std::io::stdin().is_terminal() && std::io::stdout().is_terminal(),
        output_is_terminal: std::io::stdout().is_terminal() && !global.json,
    }
}

#[cfg(not(feature = "test-support"))]
fn engine(interrupt: Interrupt) -> Result<Box<dyn Engine>> {
    Ok(Box::new(DockerEngine::local(interrupt)?))
}

/// With `KOR_CLUSTER_FAKE_ENGINE` the fake engine, whose world is that file.
#[cfg(feature = "test-support")]
fn engine(interrupt: Interrupt) -> Result<Box<dyn Engine>> {
    match std::env::var_os("KOR_CLUSTER_FAKE_ENGINE") {
        Some(path) => Ok(Box::new(crate::engine::fake::FakeEngine::in_file(
            path.into(),
        ))),
        None => Ok(Box::new(DockerEngine::local(interrupt)?)),
    }
}
