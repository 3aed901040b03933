//! The verbs that are called two at once, and what each keeps others from.

use std::process::Command;

use super::ground::Ground;
use crate::at_once::Holds;
use crate::place::{Place, binary};
use crate::prepared::SNAPSHOT;

/// One that `snapshots prune` keeps.
const NEWEST: &str = "a.20260104_000000.v5.0.1.tar.zst";

/// A verb as it is called.
#[derive(Debug, Clone, Copy)]
pub struct Verb {
    /// What it finds.
    pub ground: Ground,
    /// The directory that it is called for.
    scope: Option<&'static str>,
    words: &'static [&'static str],
    pub holds: Holds,
}

impl Verb {
    pub fn verb(&self) -> &'static str {
        self.words[0]
    }

    /// With what tells it from others of the same verb.
    pub fn name(&self) -> String {
        let words: Vec<&str> = self.scope.iter().chain(self.words).copied().collect();
        words.join(" ")
    }

    pub fn command(&self, place: &Place, wait: bool) -> Command {
        let mut command = place.tool(binary());
        if let Some(scope) = self.scope {
            command.args(["-C", scope]);
        }
        command.args(place.words(self.words));
        if wait {
            // Long enough for a machine that has other things to do.
            command.args(["--wait", "300"]);
        }
        command
    }
}

const fn on_cluster(ground: Ground, words: &'static [&'static str], holds: Holds) -> Verb {
    Verb {
        ground,
        scope: Some("c"),
        words,
        holds,
    }
}

const fn on_host(ground: Ground, words: &'static [&'static str]) -> Verb {
    Verb {
        scope: None,
        ..on_cluster(ground, words, Holds::Cluster)
    }
}

const fn on_a(ground: Ground, words: &'static [&'static str]) -> Verb {
    Verb {
        scope: Some("c/instances/a"),
        ..on_cluster(ground, words, Holds::Instances(&["a"]))
    }
}

const fn on_b(words: &'static [&'static str]) -> Verb {
    Verb {
        scope: Some("c/instances/b"),
        ..on_cluster(Ground::TWO, words, Holds::Instances(&["b"]))
    }
}

const UPGRADE: &[&str] = &["upgrade", "v5.1.0", "--yes"];
const REMOVE: &[&str] = &["remove", "--yes"];
const SETTING: &[&str] = &["config", "set", "NOTIFY_SENDER", "a@b.c"];

/// Each with each of them.
pub const ALL: &[Verb] = &[
    on_host(Ground::NOTHING, &["create", "c"]),
    on_host(Ground::BY_SCRIPT, &["adopt", "c"]),
    on_cluster(Ground::SHUT_DOWN, &["boot", "--yes"], Holds::Cluster),
    on_cluster(Ground::STARTED, &["shutdown"], Holds::Cluster),
    on_cluster(
        Ground::STARTED,
        &["services", "set", "--search", "elasticsearch:5.6.9"],
        Holds::Cluster,
    ),
    on_cluster(
        Ground::STARTED,
        &["config", "set", "APP_MEMORY", "2g"],
        Holds::Cluster,
    ),
    on_cluster(
        Ground::STARTED,
        &["new", "b", "--port", "{b}"],
        Holds::Instances(&["b"]),
    ),
    on_cluster(
        Ground::STARTED,
        &["clone", "a", "b", "--port", "{b}"],
        Holds::Copy(["a", "b"]),
    ),
    on_cluster(
        Ground::STARTED,
        &["snapshots", "prove", NEWEST],
        Holds::Instances(&["a proof"]),
    ),
    on_cluster(
        Ground::STARTED,
        &["snapshots", "prune", "--keep-last", "1"],
        Holds::Instances(&["a"]),
    ),
    on_a(Ground::STARTED, &["snapshot"]),
    on_a(Ground::STARTED, &["import", SNAPSHOT]),
    on_a(Ground::IMPORTED, &["import", "--undo"]),
    on_a(Ground::STARTED, UPGRADE),
    on_a(Ground::UPGRADED, &["upgrade", "--undo"]),
    on_a(Ground::STARTED, REMOVE),
    on_a(Ground::NO_TABLES, &["init"]),
    on_a(Ground::STOPPED, &["start"]),
    on_a(Ground::STARTED, &["stop"]),
    on_a(Ground::STARTED, &["restart"]),
    on_a(Ground::STARTED, &["migrate"]),
];

/// Two that have nothing to do with each other: both work at once, and nobody waits.
pub const SIDE_BY_SIDE: &[(Verb, Verb)] = &[
    (on_a(Ground::TWO, &["snapshot"]), on_b(&["snapshot"])),
    (on_a(Ground::TWO, UPGRADE), on_b(UPGRADE)),
    (on_a(Ground::TWO, &["import", SNAPSHOT]), on_b(UPGRADE)),
    (on_a(Ground::TWO, REMOVE), on_b(REMOVE)),
    (on_a(Ground::TWO, REMOVE), on_b(&["import", SNAPSHOT])),
    (on_a(Ground::TWO, &["restart"]), on_b(&["stop"])),
    (on_a(Ground::TWO, &["migrate"]), on_b(&["restart"])),
    (on_a(Ground::TWO, SETTING), on_b(SETTING)),
    (on_a(Ground::STOPPED, &["start"]), on_b(&["start"])),
    (
        on_a(Ground::IMPORTED, &["import", "--undo"]),
        on_b(&["import", "--undo"]),
    ),
    (
        on_a(Ground::UPGRADED, &["upgrade", "--undo"]),
        on_b(&["snapshot"]),
    ),
    (
        on_cluster(
            Ground::TWO,
            &["clone", "a", "d", "--port", "{d}"],
            Holds::Copy(["a", "d"]),
        ),
        on_b(REMOVE),
    ),
    (
        on_cluster(
            Ground::TWO,
            &["new", "d", "--port", "{d}"],
            Holds::Instances(&["d"]),
        ),
        on_cluster(
            Ground::TWO,
            &["clone", "b", "e", "--port", "{e}"],
            Holds::Copy(["b", "e"]),
        ),
    ),
];
