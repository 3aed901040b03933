//! Operations that are drawn, as the cluster is at the moment.

use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use crate::bench::Bench;
use crate::chance::Chance;
use crate::place::{Place, binary, ended};

/// An operation that can be done here and now.
pub struct Drawn {
    pub words: Vec<String>,
    /// How long it took.
    pub took: Duration,
    /// How many records it wrote.
    pub records: usize,
}

/// Where an operation is called, and its words; `{snapshot}` is one of those that there are.
type Operation = (&'static str, &'static [&'static str]);

const CLUSTER: &[Operation] = &[
    ("c", &["boot"]),
    ("c", &["shutdown"]),
    ("c", &["new", "a", "--port", "{a}"]),
    ("c", &["new", "b", "--port", "{b}"]),
    ("c", &["new", "b", "--port", "{b}", "--from", "{snapshot}"]),
    ("c", &["clone", "a", "b", "--port", "{b}"]),
    ("c", &["clone", "b", "a", "--port", "{a}"]),
    ("c", &["services", "set", "--search", "elasticsearch:5.6.9"]),
    (
        "c",
        &["services", "set", "--search", "elasticsearch:5.6.16"],
    ),
    // One that no container is made from: what is undone is made from the settings of now.
    ("c", &["config", "set", "BINLOG_LIMIT", "2g"]),
    ("c", &["snapshots", "prune", "--keep-last", "2"]),
    ("c", &["snapshots", "prove", "{snapshot}"]),
];

const INSTANCE: &[&[&str]] = &[
    &["start"],
    &["stop"],
    &["restart"],
    &["migrate"],
    &["snapshot"],
    &["snapshot", "--hold", "read-only"],
    &["import", "{snapshot}"],
    &["import", "--undo"],
    &["import", "--forget"],
    &["upgrade", "v5.1.0", "--yes"],
    &["upgrade", "v5.1.0", "--yes", "--no-snapshot"],
    &["upgrade", "v5.1.0", "--yes", "--rehearse"],
    crate::apart::WITH_DATABASE,
    &["upgrade", "--undo"],
    &["remove", "--yes"],
    &["config", "set", "NOTIFY_SENDER", "a@b.c"],
];

/// A journal of fewer lines changes nothing.
const LEAST_RECORDS: usize = 4;

/// What is in `instances/` without any.
const ONLY_THE_LINK: usize = 1;

/// Draws operations until one is not refused and has something to do; it has been done then.
pub fn drawn(bench: &Bench, chance: &mut Chance) -> Drawn {
    loop {
        let operation = match chance.below(3) {
            0 => *chance.pick(CLUSTER),
            _ => {
                let scope = *chance.pick(&["c/instances/a", "c/instances/b"]);
                (scope, *chance.pick(INSTANCE))
            }
        };
        let Some(words) = filled(&bench.place, operation, chance) else {
            continue;
        };
        let log = tempfile::NamedTempFile::new().unwrap();
        let begun = Instant::now();
        let mut command = command(&bench.place, &words, log.path());
        let ended = ended(command.output().unwrap());
        let took = begun.elapsed();
        let records = lines(log.path());
        if ended.code == Some(0) && records >= LEAST_RECORDS {
            return Drawn {
                words,
                took,
                records,
            };
        }
        assert!(
            [Some(0), Some(2), Some(4), Some(6)].contains(&ended.code),
            "{words:?}: {ended:?}"
        );
        bench.restore();
    }
}

/// The words of an operation; nothing where it wants a snapshot and there is none.
fn filled(place: &Place, (scope, words): Operation, chance: &mut Chance) -> Option<Vec<String>> {
    let mut snapshots: Vec<String> = std::fs::read_dir(place.join("c/snapshots"))
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    snapshots.sort();
    if words.contains(&"{snapshot}") && snapshots.is_empty() {
        return None;
    }
    let mut filled = vec!["-C".to_owned(), scope.to_owned()];
    for word in place.words(words) {
        filled.push(match word.as_str() {
            "{snapshot}" => chance.pick(&snapshots).clone(),
            _ => word,
        });
    }
    Some(filled)
}

/// Its command; what it writes into its journal is told in this file too.
pub fn command(place: &Place, words: &[String], log: &Path) -> Command {
    let mut command = place.tool(binary());
    command.args(words).env("KOR_CLUSTER_SEQUENCE", log);
    command
}

/// How many records there are.
pub fn lines(log: &Path) -> usize {
    let text = std::fs::read(log).unwrap();
    text.iter().filter(|byte| **byte == b'\n').count()
}

/// An operation that nobody kills: what brings a cluster that is down or empty to life again, else
/// one that is drawn.
pub fn live_on(bench: &Bench, chance: &mut Chance) {
    let place = &bench.place;
    let instances = std::fs::read_dir(place.join("c/instances")).unwrap();
    if !place.world().runs("c_mysql") {
        place.link("c/cluster.sh", &["boot"]).done();
    } else if instances.count() == ONLY_THE_LINK {
        let words = ["new", "a", "--port", "{a}"];
        place.link("c/cluster.sh", &words).done();
    } else {
        drawn(bench, chance);
    }
}
