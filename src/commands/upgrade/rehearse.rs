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
use crate::commands::upgrade::apart::Apart;
use crate::commands::upgrade::parts::Parts;
use crate::commands::upgrade::told::{self, Keeping};
use crate::commands::upgrade::way::{Given, Way};
use crate::commands::upgrade::{Args, check, plan, take};
use crate::error::Result;
use crate::host::store;
use crate::journal::Observer;
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
    let apart = change
        .map(|change| Apart::of(&change.wanted, &name))
        .transpose()?;
    let mut parts = take::parts(&session, &described, (contract, next), false, change)?;
    if let Some(apart) = &apart {
        parts.beside.cluster = &apart.cluster;
        parts.apart = Some(apart);
    }
    let also = change.map_or(0, Change::takes);
    let bytes = also + check::place(&session, &observed, &parts, also)?;
    if let Some(change) = change {
        Change::need_the_configured(&session, asked, &observed)?;
        change.ensure(&session)?;
    }
    // Asked here too: where writers cannot be kept out, the upgrade would be refused.
    read_only::rights(
        &Server::of(context.engine, &session.cluster),
        &described.now.database_user,
        &described.now.schema,
        &contract.content.tables_without_content,
    )?;
    let plan = plan::rehearsal(&session, &parts)?;
    if let Some(change) = change {
        take::say_no_way_back(&session, change, (&described.now, contract));
    }
    let crossing = &described.crossing;
    let lines = crossing.lines(&parts.then, Keeping::Untouched);
    timed.begin();
    if let Some(report) = session.carry_out(&plan)? {
        let mut needed = images::of_apps(&[parts.now, parts.then])?;
        if let Some(change) = change {
            needed.extend(change.images(&session)?);
        }
        return told::of_images(&session, crossing.add_to(report, lines), &needed);
    }
    let times = Times::of(&plan, &timed.took(), &Waits::of(&parts, serves));
    let report = report(&session, &plan, (&name, to), (&times, bytes), change);
    Ok(crossing.add_to(report, lines))
}

/// What somebody would wait for in the upgrade.
struct Waits {
    /// Whether readers are served meanwhile, and files are copied before.
    serves: bool,
    /// Whether the schema is copied before.
    follows: bool,
    /// Whether the index is made before.
    index_ahead: bool,
    /// Whether all instances are down meanwhile.
    all_down: bool,
}

impl Waits {
    fn of(parts: &Parts<'_>, serves: bool) -> Self {
        Waits {
            serves,
            follows: parts.follows,
            index_ahead: parts.way != Way::None,
            all_down: parts.change.is_some_and(Change::stops_all),
        }
    }
}

/// How long the upgrade would take for what somebody waits for.
#[derive(Debug, PartialEq, Eq)]
struct Times {
    start: Duration,
    migration: Duration,
    index: Duration,
    index_ahead: bool,
    /// How long writers are refused, with all of it.
    refused: Duration,
    /// How long readers get no answer.
    unread: Duration,
}

impl Times {
    /// By how long each step of a rehearsal took.
    fn of(plan: &Plan, took: &[Duration], waits: &Waits) -> Self {
        let of = |wanted: fn(&Step) -> bool| -> Duration {
            let steps = plan.steps.iter().zip(took);
            let wanted = steps.filter(|(step, _)| match step {
                Step::WithItsPlace { of } => wanted(of),
                step => wanted(step),
            });
            wanted.map(|(_, took)| *took).sum()
        };
        let unless = |before: bool, wanted| match before {
            true => Duration::ZERO,
            false => of(wanted),
        };
        let start = of(|step| match step {
            // Not of a server that the rehearsal has to itself.
            Step::RunContainer { spec } => spec.labels.contains_key(label::INSTANCE),
            step => matches!(step, Step::AwaitProof { .. }),
        });
        let migration = of(|step| matches!(step, Step::RunPhase { .. }));
        let is_index =
            |step: &Step| matches!(step, Step::MakeIndex { .. } | Step::FillIndex { .. });
        let copied = unless(waits.serves && waits.follows, |step| {
            matches!(step, Step::CopySchema { .. })
        });
        let files = unless(waits.serves, |step| matches!(step, Step::CopyFiles { .. }))
            + of(|step| matches!(step, Step::UpdateFiles { .. }));
        // Two copies of the files, and two starts.
        let refused =
            copied + migration + unless(waits.index_ahead, is_index) + files * 2 + start * 2;
        Times {
            start,
            migration,
            index: of(is_index),
            index_ahead: waits.index_ahead,
            refused,
            unread: match waits.all_down {
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
    let mut lines = vec![
        format!("{to} answers on a copy of instance {name}; the copy is gone again"),
        format!(
            "readers would get no answer for about {}{}",
            seconds(times.unread),
            match copied {
                None => " (its start-up)",
                Some(_) => "",
            },
        ),
        format!(
            "writers would be refused for about {} (migration {}, {of_index})",
            seconds(times.refused),
            seconds(times.migration),
        ),
    ];
    lines.extend(copied.map(|bytes| {
        format!(
            "all instances of the cluster would be down for that time and more: {} of the database's data are copied, the server starts on them, and each instance is tried out",
            human(bytes)
        )
    }));
    lines.extend(change.and_then(Change::new_search).map(|_| {
        "no instance of the cluster would find anything until its search index is made anew"
            .to_owned()
    }));
    lines.push(format!("it would take {} of room at most", human(bytes)));
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

    /// What was recovered before was no step of the plan.
    fn begin(&self) {
        if let Ok(mut begun) = self.begun.lock() {
            begun.clear();
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::container::ContainerSpec;
    use crate::steps::SchemaCopy;

    fn plan() -> (Plan, Vec<Duration>) {
        let run = |name: &str, instance: bool| -> Step {
            let labels = match instance {
                true => json!({label::INSTANCE: "a"}),
                false => json!({}),
            };
            let spec = json!({
                "name": name, "image": "i", "entrypoint": [], "command": [], "environment": {},
                "labels": labels, "mounts": [], "network": "n", "aliases": [], "published": [],
                "work_dir": null, "memory": null, "restarts": false, "stop_seconds": 10,
            });
            Step::RunContainer {
                spec: Box::new(serde_json::from_value::<ContainerSpec>(spec).unwrap()),
            }
        };
        let copy: SchemaCopy = serde_json::from_value(json!({
            "database": "d", "from": "a", "to": "b", "user": "u", "password": "p", "but": [],
            "safe": [], "noted": "n", "pipe": "p",
        }))
        .unwrap();
        let files = |copied: bool| {
            let (from, to) = ("data".into(), "copy".into());
            let rules = Default::default();
            match copied {
                true => Step::CopyFiles { from, to, rules },
                false => Step::UpdateFiles { from, to, rules },
            }
        };
        let Step::RunContainer { spec } = run("phase", true) else {
            unreachable!();
        };
        let index = Step::MakeIndex {
            spec: spec.clone(),
            search: "s".to_owned(),
            index: "i".to_owned(),
        };
        let migrate = Step::RunPhase {
            spec,
            what: "migrate".to_owned(),
            input: None,
        };
        let steps = [
            (run("server", false), 1),
            (
                Step::CopySchema {
                    copy: Box::new(copy),
                },
                10,
            ),
            (files(true), 100),
            (files(false), 2),
            (migrate, 1000),
            (
                Step::WithItsPlace {
                    of: Box::new(index),
                },
                10_000,
            ),
            (run("web", true), 100_000),
        ];
        let mut plan = Plan::new("upgrade", "1");
        let (steps, took): (Vec<Step>, Vec<u64>) = steps.into_iter().unzip();
        plan.steps = steps;
        (plan, took.into_iter().map(Duration::from_secs).collect())
    }

    fn times(waits: &Waits) -> (u64, u64) {
        let (plan, took) = plan();
        let times = Times::of(&plan, &took, waits);
        assert_eq!(times.start.as_secs(), 100_000);
        assert_eq!(times.index.as_secs(), 10_000);
        (times.unread.as_secs(), times.refused.as_secs())
    }

    #[test]
    fn writers_wait_for_what_is_not_done_before_and_readers_for_a_start() {
        let served = Waits {
            serves: true,
            follows: true,
            index_ahead: true,
            all_down: false,
        };
        assert_eq!(times(&served), (100_000, 201_004));
        let index = Waits {
            index_ahead: false,
            ..served
        };
        assert_eq!(times(&index), (100_000, 211_004));
        let no_log = Waits {
            follows: false,
            ..index
        };
        assert_eq!(times(&no_log), (100_000, 211_014));
        let all_down = Waits {
            serves: false,
            all_down: true,
            ..no_log
        };
        assert_eq!(times(&all_down), (211_214, 211_214));
    }
}
