//! `upgrade VERSION --rehearse`: all of it on a copy, which is removed again.

use std::sync::Mutex;
use std::time::{Duration, Instant};

use serde_json::json;

use crate::commands::context::Context;
use crate::commands::images;
use crate::commands::observed::Observed;
use crate::commands::report::Report;
use crate::commands::server_change::Change;
use crate::commands::session::{Extent, Session, Touch};
use crate::commands::upgrade::apart::{self, Apart};
use crate::commands::upgrade::parts::Parts;
use crate::commands::upgrade::told::{self, Keeping};
use crate::commands::upgrade::way::{Given, Way};
use crate::commands::upgrade::{Args, check, plan, take};
use crate::error::Result;
use crate::host::store;
use crate::journal::Observer;
use crate::model::container::ContainerSpec;
use crate::model::label;
use crate::model::memory::human;
use crate::model::name::Name;
use crate::model::version::Version;
use crate::services::database::Server;
use crate::services::read_only;
use crate::steps::{Plan, Step};

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
    let asked = args.asked();
    let change = Change::of(&session, asked, Some(&name))?;
    let change = change.as_ref();
    let wanted = change.map_or(&session.cluster, |change| &change.wanted);
    check::step(
        &session,
        wanted,
        (&now.version, contract),
        (to, next),
        args.force,
    )?;
    let observed = Observed::settled(context, &session.cluster, std::slice::from_ref(&now))?;
    let serves = observed.web_runs(&name) && !change.is_some_and(Change::stops_all);
    let same_search = change.is_none_or(|change| change.new_search().is_none());
    let given = Given::of(&session, serves, same_search);
    let described = take::describe(&session.cluster, now, to, (contract, next), given)?;
    let mut parts = take::parts(&session, &described, (contract, next), false, change)?;
    let apart = change
        .map(|change| Apart::of(&change.wanted, &name))
        .transpose()?;
    let bytes = check::place(
        &session,
        &observed,
        &parts,
        apart.as_ref().map_or(0, |_| apart::EMPTY_BYTES),
    )?;
    if let Some(change) = change {
        Change::need_the_configured(&session, asked, &observed)?;
        change.ensure(&session)?;
    }
    if let Some(apart) = &apart {
        parts.beside.cluster = &apart.cluster;
    }
    // Asked here too: where writers cannot be kept out, the upgrade would be refused.
    read_only::rights(
        &Server::of(context.engine, &session.cluster),
        &described.now.database_user,
        &described.now.schema,
        &contract.content.tables_without_content,
    )?;
    let plan = plan::rehearsal(&session, &parts, apart.as_ref())?;
    let crossing = &described.crossing;
    let lines = crossing.lines(&parts.then, Keeping::Untouched);
    if let Some(report) = session.carry_out(&plan)? {
        let mut needed = images::of_apps(&[parts.now, parts.then])?;
        if let Some(change) = change {
            needed.extend(change.images(&session)?);
        }
        return told::of_images(&session, crossing.add_to(report, lines), &needed);
    }
    let times = Times::of(&plan, &timed, &parts);
    let report = report(&session, &plan, (&name, to), (&times, bytes), change);
    Ok(crossing.add_to(report, lines))
}

/// How long the upgrade would take for what somebody waits for.
struct Times {
    start: Duration,
    migration: Duration,
    index: Duration,
    /// Whether the index is made while others still write.
    index_ahead: bool,
    /// How long writers are refused, with all of it.
    refused: Duration,
    /// How long readers get no answer.
    unread: Duration,
}

impl Times {
    fn of(plan: &Plan, timed: &Timed<'_>, parts: &Parts<'_>) -> Self {
        let took = timed.took();
        let of = |wanted: fn(&Step) -> bool| -> Duration {
            let steps = plan.steps.iter().zip(&took);
            steps
                .filter(|(step, _)| wanted(step))
                .map(|(_, took)| *took)
                .sum()
        };
        let is_service = |spec: &ContainerSpec| !spec.labels.contains_key(label::INSTANCE);
        let servers = plan.steps.iter().zip(&took).filter(|(step, _)| match step {
            Step::RunContainer { spec } => is_service(spec),
            _ => false,
        });
        let servers: Duration = servers.map(|(_, took)| *took).sum();
        let start = of(|s| matches!(s, Step::RunContainer { .. } | Step::AwaitProof { .. }));
        let start = start.saturating_sub(servers);
        let migration = of(|s| matches!(s, Step::RunPhase { .. }));
        let index = of(|s| matches!(s, Step::MakeIndex { .. } | Step::FillIndex { .. }));
        let files = of(|s| matches!(s, Step::UpdateFiles { .. }));
        let index_ahead = parts.way != Way::None;
        let in_between = match index_ahead {
            true => Duration::ZERO,
            false => index,
        };
        let all_down = parts.change.is_some_and(Change::stops_all);
        let copy = match parts.follows && !all_down {
            true => Duration::ZERO,
            false => of(|s| matches!(s, Step::CopySchema { .. })),
        };
        let refused = copy + migration + in_between + files * 2 + start * 2;
        Times {
            start,
            migration,
            index,
            index_ahead,
            refused,
            unread: match all_down {
                true => refused,
                false => start,
            },
        }
    }
}

fn report(
    session: &Session<'_>,
    plan: &Plan,
    (name, to): (&Name, &Version),
    (times, bytes): (&Times, u64),
    change: Option<&Change>,
) -> Report {
    let seconds = |duration: Duration| format!("{:.1} s", duration.as_secs_f64());
    let of_index = match times.index_ahead {
        false => format!("index {}", seconds(times.index)),
        true => format!("the index, {}, is made before", seconds(times.index)),
    };
    let copied = change.filter(|change| change.stops_all());
    let copied = copied.map(Change::takes);
    let bytes = bytes + copied.unwrap_or(0);
    let mut lines = vec![
        format!("{to} answers on a copy of instance {name}; the copy is gone again"),
        format!(
            "readers would get no answer for about {}{}",
            seconds(times.unread),
            if copied.is_none() {
                " (its start-up)"
            } else {
                ""
            },
        ),
        format!(
            "writers would be refused for about {} (migration {}, {of_index})",
            seconds(times.refused),
            seconds(times.migration),
        ),
        format!("it would take {} of room at most", human(bytes)),
    ];
    if let Some(copied) = copied {
        lines.insert(
            3,
            format!(
                "both, and every other instance, also while {} of the database's data are copied and the server starts on them",
                human(copied)
            ),
        );
    }
    session.report(
        plan,
        lines,
        json!({
            "instance": name,
            "version": to,
            "search": change.and_then(Change::new_search),
            "database": change.and_then(Change::new_database),
            "start_up_ms": times.start.as_millis(),
            "migration_ms": times.migration.as_millis(),
            "index_ms": times.index.as_millis(),
            "read_refused_ms": times.unread.as_millis(),
            "write_refused_ms": times.refused.as_millis(),
            "copied_bytes": copied,
            "room_bytes": bytes,
        }),
    )
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
