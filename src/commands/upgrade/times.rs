//! How long an upgrade would keep readers and writers waiting, by what its rehearsal took.

use std::sync::Mutex;
use std::time::{Duration, Instant};

use crate::commands::server_change::Change;
use crate::commands::upgrade::parts::Parts;
use crate::commands::upgrade::way::Way;
use crate::journal::Observer;
use crate::model::label;
use crate::steps::{Plan, Step};

/// Passes on what happens, and notes when each step began.
pub struct Timed<'a> {
    inner: &'a dyn Observer,
    begun: Mutex<Vec<Instant>>,
}

impl<'a> Timed<'a> {
    /// One that passes on to another one.
    pub fn new(inner: &'a dyn Observer) -> Self {
        Timed {
            inner,
            begun: Mutex::default(),
        }
    }

    /// What was recovered before was no step of the plan.
    pub fn begin(&self) {
        if let Ok(mut begun) = self.begun.lock() {
            begun.clear();
        }
    }

    /// How long each step took, in their order.
    pub fn took(&self) -> Vec<Duration> {
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

/// What somebody would wait for in the upgrade.
pub struct Waits {
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
    /// What the parts of the upgrade say of it.
    pub fn of(parts: &Parts<'_>, serves: bool) -> Self {
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
pub struct Times {
    /// A start-up.
    pub start: Duration,
    /// The migration.
    pub migration: Duration,
    /// Making the index as a whole.
    pub index: Duration,
    /// Whether that is done before.
    pub index_ahead: bool,
    /// How long writers are refused, with all of it.
    pub refused: Duration,
    /// How long readers get no answer.
    pub unread: Duration,
}

impl Times {
    /// By how long each step of a rehearsal took.
    pub fn of(plan: &Plan, took: &[Duration], waits: &Waits) -> Self {
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

#[cfg(test)]
mod tests {
    use serde_json::json;

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
