//! `upgrade VERSION --rehearse`: all of it on a copy, which is removed again.

use std::sync::Mutex;
use std::time::{Duration, Instant};

use serde_json::json;

use crate::commands::context::Context;
use crate::commands::images;
use crate::commands::observed::Observed;
use crate::commands::report::Report;
use crate::commands::session::{Extent, Session, Touch};
use crate::commands::upgrade::told::{self, Keeping};
use crate::commands::upgrade::way::{Given, Way};
use crate::commands::upgrade::{Args, check, plan, take};
use crate::error::Result;
use crate::host::store;
use crate::journal::Observer;
use crate::model::memory::human;
use crate::model::version::Version;
use crate::services::database::Server;
use crate::services::read_only;
use crate::steps::Step;

/// Runs it.
///
/// # Errors
/// Exit 1 with what failed: the upgrade would fail too.
pub fn run(args: &Args, to: &Version, context: &Context<'_>) -> Result<Report> {
    let timed = Timed::new(context.observer);
    let context = &Context {
        scope: context.scope.clone(),
        flags: context.flags.clone(),
        called: context.called.clone(),
        words: context.words.clone(),
        observer: &timed,
        ..*context
    };
    let cluster = context.cluster()?;
    let name = context.one_instance(&cluster, &[])?;
    let session = Session::begin(
        context,
        "upgrade",
        cluster,
        std::slice::from_ref(&name),
        Extent::Instances,
        Touch::Content,
    )?;
    let now = store::instance(&session.cluster, &name)?;
    let contract = session.contracts.covering(&now.version)?;
    let next = session.contracts.covering(to)?;
    check::step(
        &session,
        &session.cluster,
        (&now.version, contract),
        (to, next),
        args.force,
    )?;
    let observed = Observed::settled(context, &session.cluster, std::slice::from_ref(&now))?;
    let given = Given::of(&session, observed.web_runs(&name), true);
    let described = take::describe(&session.cluster, now, to, (contract, next), given)?;
    let parts = take::parts(&session, &described, (contract, next), false, None)?;
    let bytes = check::place(&session, &observed, &parts, 0)?;
    // Asked here too: where writers cannot be kept out, the upgrade would be refused.
    read_only::rights(
        &Server::of(context.engine, &session.cluster),
        &described.now.database_user,
        &described.now.schema,
        &contract.content.tables_without_content,
    )?;
    let plan = plan::rehearsal(&session, &parts)?;
    let crossing = &described.crossing;
    let lines = crossing.lines(&parts.then, Keeping::Untouched);
    if let Some(report) = session.carry_out(&plan)? {
        let needed = images::of_apps(&[parts.now, parts.then])?;
        return told::of_images(&session, crossing.add_to(report, lines), &needed);
    }
    let took = timed.took();
    let of = |wanted: fn(&Step) -> bool| -> Duration {
        let steps = plan.steps.iter().zip(&took);
        steps
            .filter(|(step, _)| wanted(step))
            .map(|(_, took)| *took)
            .sum()
    };
    let start = of(|s| matches!(s, Step::RunContainer { .. } | Step::AwaitProof { .. }));
    let migration = of(|s| matches!(s, Step::RunPhase { .. }));
    let index = of(|s| matches!(s, Step::MakeIndex { .. } | Step::FillIndex { .. }));
    let files = of(|s| matches!(s, Step::UpdateFiles { .. }));
    let seconds = |duration: Duration| format!("{:.1} s", duration.as_secs_f64());
    let (in_between, of_index) = match parts.way {
        Way::None => (index, format!("index {}", seconds(index))),
        _ => (
            Duration::ZERO,
            format!("the index, {}, is made before", seconds(index)),
        ),
    };
    let copy = match parts.follows {
        true => Duration::ZERO,
        false => of(|s| matches!(s, Step::CopySchema { .. })),
    };
    let refused = copy + migration + in_between + files * 2 + start * 2;
    let report = session.report(
        &plan,
        vec![
            format!("{to} answers on a copy of instance {name}; the copy is gone again"),
            format!(
                "readers would get no answer for about {} (its start-up)",
                seconds(start)
            ),
            format!(
                "writers would be refused for about {} (migration {}, {of_index})",
                seconds(refused),
                seconds(migration),
            ),
            format!("it would take {} of room at most", human(bytes)),
        ],
        json!({
            "instance": name,
            "version": to,
            "start_up_ms": start.as_millis(),
            "migration_ms": migration.as_millis(),
            "index_ms": index.as_millis(),
            "write_refused_ms": refused.as_millis(),
            "room_bytes": bytes,
        }),
    );
    Ok(crossing.add_to(report, lines))
}

/// Passes on what happens, and notes when each step began.
struct Timed<'a> {
    inner: &'a dyn Observer,
    begun: Mutex<Vec<Instant>>,
}

impl<'a> Timed<'a> {
    fn new(inner: &'a dyn Observer) -> Self {
        Timed {
            inner,
            begun: Mutex::default(),
        }
    }

    /// How long each step took, in their order.
    fn took(&self) -> Vec<Duration> {
        let Ok(mut begun) = self.begun.lock() else {
            return Vec::new();
        };
        begun.push(Instant::now());
        begun.windows(2).map(|pair| pair[1] - pair[0]).collect()
    }
}

impl Observer for Timed<'_> {
    fn step(&self, number: usize, of: usize, what: &str) {
        if let Ok(mut begun) = self.begun.lock() {
            begun.push(Instant::now());
        }
        self.inner.step(number, of, what);
    }

    fn progress(&self, text: &str) {
        self.inner.progress(text);
    }

    fn bytes(&self, what: &str, done: u64, of: u64) {
        self.inner.bytes(what, done, of);
    }

    fn bytes_are_over(&self, what: &str) {
        self.inner.bytes_are_over(what);
    }

    fn note(&self, text: &str) {
        self.inner.note(text);
    }

    fn warn(&self, text: &str) {
        self.inner.warn(text);
    }
}
