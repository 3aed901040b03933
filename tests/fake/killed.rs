//! Every changing verb, killed with SIGKILL at every place: before each record, between the record
//! and the deed, inside the deed, and after it; then `recover` in a fresh process. What is there
//! afterwards is the old state or the new one, nothing of a third kind.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::process::Command;

use crate::place::{Ended, Place, binary, ended};
use crate::snapshot::State;

/// A verb at work: what is there before, and how it is called.
struct Case {
    verb: &'static str,
    prepare: fn(&Place),
    link: Option<&'static str>,
    words: &'static [&'static str],
    /// What the fake engine is told to fail at, so that the way back is walked too.
    fails: Option<&'static str>,
}

const CLUSTER: Option<&str> = Some("c/cluster.sh");
const INSTANCE: Option<&str> = Some("c/instances/a/instance.sh");

fn nothing(_: &Place) {}

fn down(place: &Place) {
    place.call(&["create", "c"]).done();
}

fn up(place: &Place) {
    down(place);
    place.link("c/cluster.sh", &["boot"]).done();
}

fn made(place: &Place) {
    up(place);
    place
        .link("c/cluster.sh", &["new", "a", "--port", "18001"])
        .done();
}

fn started(place: &Place) {
    made(place);
    place.link("c/instances/a/instance.sh", &["start"]).done();
}

fn should_run(place: &Place) {
    started(place);
    place.link("c/cluster.sh", &["shutdown"]).done();
}

/// The name of the one snapshot that there is.
pub const SNAPSHOT: &str = "a.20260101_000000.v5.0.1.tar.zst";

pub fn with_snapshot(place: &Place) {
    started(place);
    place
        .link("c/instances/a/instance.sh", &["snapshot"])
        .done();
    let directory = place.path().join("c/snapshots");
    let taken = std::fs::read_dir(&directory).unwrap().next().unwrap();
    std::fs::rename(taken.unwrap().path(), directory.join(SNAPSHOT)).unwrap();
}

fn with_snapshots(place: &Place) {
    with_snapshot(place);
    let directory = place.path().join("c/snapshots");
    for day in ["02", "03", "04"] {
        let name = SNAPSHOT.replace("20260101", &format!("202601{day}"));
        std::fs::copy(directory.join(SNAPSHOT), directory.join(name)).unwrap();
    }
}

fn with_documents(place: &Place) {
    with_snapshot(place);
    let taken = place.join("c/snapshots").join(SNAPSHOT);
    let kept = place.join("c/snapshots/taken");
    std::fs::rename(&taken, &kept).unwrap();
    let documents = crate::index::lines(&[0, 1]);
    crate::repacked::repacked(&kept, &taken, Some(2), |unpacked| {
        std::fs::write(&unpacked.documents, documents).unwrap();
    });
    std::fs::remove_file(kept).unwrap();
}

fn with_snapshot_and_down(place: &Place) {
    with_snapshot(place);
    place.link("c/instances/a/instance.sh", &["stop"]).done();
}

fn imported(place: &Place) {
    with_snapshot(place);
    place
        .link("c/instances/a/instance.sh", &["import", SNAPSHOT])
        .done();
}

fn upgraded(place: &Place) {
    started(place);
    place
        .link(
            "c/instances/a/instance.sh",
            &["upgrade", "v5.1.0", "--yes", "--no-snapshot"],
        )
        .done();
}

fn without_tables(place: &Place) {
    made(place);
    place.change_world(|world| {
        let database = world.databases.get_mut("c_mysql").unwrap();
        database.schemas.get_mut("kor_a").unwrap().clear();
        world.searches.get_mut("c_elastic").unwrap().clear();
    });
}

fn unfinished(place: &Place) {
    made(place);
    place.change_world(|world| {
        let database = world.databases.get_mut("c_mysql").unwrap();
        database.unfinished.insert("kor_a".to_owned(), 6);
    });
}

const CASES: &[Case] = &[
    Case {
        verb: "create",
        prepare: nothing,
        link: None,
        words: &["create", "c"],
        fails: None,
    },
    Case {
        verb: "adopt",
        prepare: crate::field::running,
        link: None,
        words: &["adopt", "c"],
        fails: None,
    },
    Case {
        verb: "boot",
        prepare: crate::field::adopted,
        link: CLUSTER,
        words: &["boot", "--yes"],
        fails: None,
    },
    Case {
        verb: "boot",
        prepare: crate::field::adopted,
        link: CLUSTER,
        words: &["boot", "--yes"],
        fails: Some("run -c bundle exec bin/kor index-all"),
    },
    Case {
        verb: "boot",
        prepare: down,
        link: CLUSTER,
        words: &["boot"],
        fails: None,
    },
    Case {
        verb: "boot",
        prepare: should_run,
        link: CLUSTER,
        words: &["boot"],
        fails: None,
    },
    Case {
        verb: "shutdown",
        prepare: started,
        link: CLUSTER,
        words: &["shutdown"],
        fails: None,
    },
    Case {
        verb: "new",
        prepare: up,
        link: CLUSTER,
        words: &["new", "a", "--port", "18001"],
        fails: None,
    },
    Case {
        verb: "new",
        prepare: up,
        link: CLUSTER,
        words: &["new", "a", "--port", "18001"],
        fails: Some("index-all"),
    },
    Case {
        verb: "snapshot",
        prepare: started,
        link: INSTANCE,
        words: &["snapshot"],
        fails: None,
    },
    Case {
        verb: "snapshot",
        prepare: started,
        link: INSTANCE,
        words: &["snapshot"],
        fails: Some("exec sh -c pipe="),
    },
    Case {
        verb: "snapshot",
        prepare: started,
        link: INSTANCE,
        words: &["snapshot", "--hold", "read-only"],
        fails: None,
    },
    Case {
        verb: "snapshot",
        prepare: started,
        link: INSTANCE,
        words: &["snapshot", "--hold", "read-only"],
        fails: Some("exec sh -c pipe="),
    },
    Case {
        verb: "import",
        prepare: with_snapshot,
        link: INSTANCE,
        words: &["import", SNAPSHOT],
        fails: None,
    },
    Case {
        verb: "import",
        prepare: with_snapshot,
        link: INSTANCE,
        words: &["import", SNAPSHOT],
        fails: Some("run -c bundle exec"),
    },
    Case {
        verb: "import",
        prepare: with_documents,
        link: INSTANCE,
        words: &["import", SNAPSHOT],
        fails: None,
    },
    Case {
        verb: "import",
        prepare: with_snapshot_and_down,
        link: INSTANCE,
        words: &["import", SNAPSHOT],
        fails: None,
    },
    Case {
        verb: "import",
        prepare: imported,
        link: INSTANCE,
        words: &["import", SNAPSHOT],
        fails: None,
    },
    Case {
        verb: "import",
        prepare: imported,
        link: INSTANCE,
        words: &["import", "--undo"],
        fails: None,
    },
    Case {
        verb: "import",
        prepare: imported,
        link: INSTANCE,
        words: &["import", "--forget"],
        fails: None,
    },
    Case {
        verb: "new",
        prepare: with_documents,
        link: CLUSTER,
        words: &["new", "b", "--port", "18002", "--from", SNAPSHOT],
        fails: None,
    },
    Case {
        verb: "clone",
        prepare: started,
        link: CLUSTER,
        words: &["clone", "a", "b", "--port", "18002"],
        fails: None,
    },
    Case {
        verb: "clone",
        prepare: started,
        link: CLUSTER,
        words: &["clone", "a", "b", "--port", "18002"],
        fails: Some("Kor.settings"),
    },
    Case {
        verb: "upgrade",
        prepare: started,
        link: INSTANCE,
        words: &["upgrade", "v5.1.0", "--yes"],
        fails: None,
    },
    Case {
        verb: "upgrade",
        prepare: started,
        link: INSTANCE,
        words: &["upgrade", "v5.1.0", "--yes"],
        fails: Some("db:migrate"),
    },
    Case {
        verb: "upgrade",
        prepare: started,
        link: INSTANCE,
        words: &["upgrade", "v5.1.0", "--yes", "--no-snapshot"],
        fails: Some("start c_run_a"),
    },
    Case {
        verb: "upgrade",
        prepare: started,
        link: INSTANCE,
        words: &["upgrade", "v5.1.0", "--yes", "--rehearse"],
        fails: None,
    },
    Case {
        verb: "upgrade",
        prepare: upgraded,
        link: INSTANCE,
        words: &["upgrade", "--undo"],
        fails: None,
    },
    Case {
        verb: "upgrade",
        prepare: crate::crossing::by_files,
        link: INSTANCE,
        words: &["upgrade", "v5.0.1"],
        fails: None,
    },
    Case {
        verb: "upgrade",
        prepare: crate::crossing::by_files,
        link: INSTANCE,
        words: &["upgrade", "v5.0.1", "--no-snapshot"],
        fails: Some("Kor.settings.update"),
    },
    Case {
        verb: "upgrade",
        prepare: crate::crossing::crossed,
        link: INSTANCE,
        words: &["upgrade", "--undo"],
        fails: None,
    },
    Case {
        verb: "upgrade",
        prepare: crate::crossing::crossed,
        link: INSTANCE,
        words: &["upgrade", "--undo"],
        fails: Some("start c_bg_a"),
    },
    Case {
        verb: "upgrade",
        prepare: crate::search_change::with_old_server,
        link: INSTANCE,
        words: &[
            "upgrade",
            "v5.0.1",
            "--search",
            "elasticsearch:5.6.16",
            "--no-snapshot",
        ],
        fails: None,
    },
    Case {
        verb: "upgrade",
        prepare: crate::search_change::with_new_server,
        link: INSTANCE,
        words: &["upgrade", "--undo"],
        fails: None,
    },
    Case {
        verb: "snapshots",
        prepare: with_snapshots,
        link: CLUSTER,
        words: &["snapshots", "prune", "--keep-last", "1"],
        fails: None,
    },
    Case {
        verb: "snapshots",
        prepare: with_snapshot,
        link: CLUSTER,
        words: &["snapshots", "prove", SNAPSHOT],
        fails: None,
    },
    Case {
        verb: "remove",
        prepare: started,
        link: INSTANCE,
        words: &["remove", "--yes"],
        fails: None,
    },
    Case {
        verb: "remove",
        prepare: started,
        link: INSTANCE,
        words: &["remove", "--yes"],
        fails: Some("exec sh -c pipe="),
    },
    Case {
        verb: "remove",
        prepare: imported,
        link: CLUSTER,
        words: &["remove", "a", "--yes", "--no-snapshot"],
        fails: None,
    },
    Case {
        verb: "services",
        prepare: started,
        link: CLUSTER,
        words: &["services", "set", "--search", "elasticsearch:5.6.9"],
        fails: None,
    },
    Case {
        verb: "services",
        prepare: started,
        link: CLUSTER,
        words: &["services", "set", "--search", "elasticsearch:5.6.9"],
        fails: Some("run -c bundle exec bin/kor index-all"),
    },
    Case {
        verb: "init",
        prepare: without_tables,
        link: INSTANCE,
        words: &["init"],
        fails: None,
    },
    Case {
        verb: "init",
        prepare: without_tables,
        link: INSTANCE,
        words: &["init"],
        fails: Some("plain_password"),
    },
    Case {
        verb: "start",
        prepare: made,
        link: INSTANCE,
        words: &["start"],
        fails: None,
    },
    Case {
        verb: "start",
        prepare: unfinished,
        link: INSTANCE,
        words: &["start"],
        fails: None,
    },
    Case {
        verb: "start",
        prepare: made,
        link: INSTANCE,
        words: &["start"],
        fails: Some("start c_instance_a"),
    },
    Case {
        verb: "stop",
        prepare: started,
        link: INSTANCE,
        words: &["stop"],
        fails: None,
    },
    Case {
        verb: "restart",
        prepare: started,
        link: INSTANCE,
        words: &["restart"],
        fails: None,
    },
    Case {
        verb: "migrate",
        prepare: made,
        link: INSTANCE,
        words: &["migrate"],
        fails: None,
    },
    Case {
        verb: "config",
        prepare: down,
        link: CLUSTER,
        words: &["config", "set", "APP_MEMORY", "2g"],
        fails: None,
    },
    Case {
        verb: "config",
        prepare: made,
        link: INSTANCE,
        words: &["config", "set", "NOTIFY_SENDER", "a@b.c"],
        fails: None,
    },
    Case {
        verb: "config",
        prepare: made,
        link: INSTANCE,
        words: &["config", "unset", "RAILS_SERVE_STATIC_FILES"],
        fails: None,
    },
];

#[derive(Default, Debug)]
struct Count {
    places: usize,
    old: usize,
    new: usize,
    other: usize,
}

#[test]
fn the_old_or_the_new_state_and_nothing_of_a_third_kind() {
    let covered: BTreeSet<&str> = CASES.iter().map(|case| case.verb).collect();
    assert_eq!(
        covered,
        kor_cluster::cli::CHANGING.iter().copied().collect()
    );

    let mut count = Count::default();
    let mut third = Vec::new();
    // For whoever works on one verb: KILLED=upgrade cargo test …
    let only = std::env::var("KILLED").ok();
    let wanted = |case: &&Case| only.as_ref().is_none_or(|verb| *verb == case.verb);
    for case in CASES.iter().filter(wanted) {
        killed_everywhere(case, &mut count, &mut third);
    }
    println!(
        r#"{{"engine":"fake","places":{},"old":{},"new":{},"other":{}}}"#,
        count.places, count.old, count.new, count.other
    );
    assert!(third.is_empty(), "{}", third.join("\n\n"));
    assert!(
        only.is_some() || count.places > 200 && count.old > 50 && count.new > 50,
        "{count:?}"
    );
}

fn killed_everywhere(case: &Case, count: &mut Count, third: &mut Vec<String>) {
    let bench = Bench::new(case);
    for at in 1.. {
        bench.restore();
        let mut command = bench.command();
        command.env("KOR_CLUSTER_CRASH_AT", at.to_string());
        let killed = ended(command.output().unwrap());
        if killed.code.is_some() {
            assert!(at > 3, "{}: no place to die at: {killed:?}", case.verb);
            return;
        }
        // A recovery that is killed itself leaves no more of a mess than the first crash.
        let mut chain = vec![at];
        if at % 3 == 0 {
            chain.extend(bench.killed_recovery(at));
        }
        let (ended, again) = bench.recover();
        count.places += 1;
        let state = State::of(&bench.place);
        let name = format!("{} {:?} killed at {chain:?}", case.verb, case.fails);
        let fine = ended.code == Some(0) && again.json()["changed"] == false;
        if !fine {
            third.push(format!("{name}: recover said {ended:?}, then {again:?}"));
        } else if state == bench.old {
            count.old += 1;
        } else if state == bench.new {
            count.new += 1;
        } else {
            count.other += 1;
            let from_old = state.differences(&bench.old).join("\n");
            third.push(format!("{name}: unlike the old state in\n{from_old}"));
        }
    }
}

/// A case with its old and its new state, to be put back as often as it takes.
struct Bench<'a> {
    case: &'a Case,
    place: Place,
    saved: tempfile::TempDir,
    old: State,
    new: State,
}

impl<'a> Bench<'a> {
    fn new(case: &'a Case) -> Self {
        let place = Place::new();
        (case.prepare)(&place);
        if let Some(fails) = case.fails {
            place.change_world(|world| world.fails.push(fails.to_owned()));
        }
        let saved = tempfile::tempdir().unwrap();
        copy(&place.path().join("."), saved.path().into());
        let old = State::of(&place);
        let mut bench = Bench {
            case,
            place,
            saved,
            new: old.clone(),
            old,
        };
        let code = ended(bench.command().output().unwrap()).code;
        assert_eq!(code, Some(i32::from(case.fails.is_some())), "{}", case.verb);
        bench.new = State::of(&bench.place);
        bench
    }

    fn restore(&self) {
        for entry in std::fs::read_dir(self.place.path()).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                std::fs::remove_dir_all(path).unwrap();
            } else {
                std::fs::remove_file(path).unwrap();
            }
        }
        copy(&self.saved.path().join("."), self.place.path().into());
    }

    fn command(&self) -> Command {
        let called = match self.case.link {
            Some(link) => self.place.join(link),
            None => binary(),
        };
        let mut command = self.place.tool(called);
        command.args(self.case.words);
        command
    }

    fn recover_command(&self) -> Command {
        let mut command = self.place.tool(binary());
        command.args(["recover", "--json", "-C", "c"]);
        command
    }

    /// Kills `recover` itself, at a place that differs from case to case.
    fn killed_recovery(&self, at: usize) -> Option<usize> {
        let inner = 1 + (at / 3) % 23;
        let mut command = self.recover_command();
        command.env("KOR_CLUSTER_CRASH_AT", inner.to_string());
        let killed = ended(command.output().unwrap());
        killed.code.is_none().then_some(inner)
    }

    /// `recover`, twice. What the engine was told to fail at, it still fails at.
    fn recover(&self) -> (Ended, Ended) {
        let call = || {
            if !self.place.join("c").exists() {
                // It was killed before it made anything.
                return Ended {
                    code: Some(0),
                    out: r#"{"changed":false}"#.to_owned(),
                    err: String::new(),
                };
            }
            let ended = ended(self.recover_command().output().unwrap());
            // An empty directory is no cluster: there is nothing to recover.
            let empty = std::fs::read_dir(self.place.join("c"))
                .unwrap()
                .next()
                .is_none();
            if ended.code == Some(4) && empty {
                return Ended {
                    code: Some(0),
                    out: r#"{"changed":false}"#.to_owned(),
                    err: String::new(),
                };
            }
            ended
        };
        (call(), call())
    }
}

fn copy(from: &std::path::Path, to: PathBuf) {
    let status = Command::new("cp")
        .arg("-a")
        .arg(from)
        .arg(to)
        .status()
        .unwrap();
    assert!(status.success());
}
