//! A disk that fills up before something is written or while it is: the error names the place, what
//! was there is there again, nothing else is, and with room it works.

mod bench;
mod database;

use crate::ground::Ground;
use bench::{Bench, KIB, PLAIN, Writing};

/// For what is done once, and then there is nothing to do again.
const NEVER_ENOUGH: &[u64] = &[12 * KIB, 900 * KIB];

fn remove_b(ground: &Ground) {
    ground.does("cluster.sh remove b --yes --no-snapshot");
}

fn second_serves(ground: &Ground) {
    ground.forget_snapshots();
    ground.does("cluster.sh new b --port PORT --from SNAPSHOT");
    ground.does("b start");
}

fn imported_and_written_to(ground: &Ground) {
    ground.forget_snapshots();
    ground.does("main import SNAPSHOT");
    write_to(ground);
}

fn upgraded_and_written_to(ground: &Ground) {
    ground.forget_snapshots();
    ground.does("main upgrade v5.1.0 --yes --no-snapshot");
    write_to(ground);
}

fn write_to(ground: &Ground) {
    let schema = ground.cluster.schema("main");
    let row = "insert into tags (name) select concat('kct', count(*)) from tags";
    ground.cluster.sql(&format!("use {schema}; {row}"));
}

#[test]
fn what_is_written_to_a_full_disk_leaves_what_was_there_and_no_more() {
    let mut bench = Bench::made();
    for writing in [
        Writing {
            words: "main config set NOTIFY_SENDER a@b.c",
            back: |ground| drop(ground.does("main config unset NOTIFY_SENDER")),
            ..PLAIN
        },
        Writing {
            words: "main snapshot",
            makes: &[".kor-cluster/work/main"],
            back: Ground::forget_snapshots,
            ..PLAIN
        },
        Writing {
            words: "main snapshot --hold read-only",
            back: Ground::forget_snapshots,
            ..PLAIN
        },
        Writing {
            words: "cluster.sh new b --version v5.0.1 --port PORT",
            makes: &["instances/b"],
            back: remove_b,
            ..PLAIN
        },
        Writing {
            words: "cluster.sh clone main b --port PORT",
            makes: &["instances/b"],
            back: remove_b,
            ..PLAIN
        },
        Writing {
            words: "b remove --yes",
            prepare: second_serves,
            makes: &[".kor-cluster/work/b"],
            back: second_serves,
            ..PLAIN
        },
    ] {
        bench.tries(&writing);
    }
    assert!(bench.errors.len() > 6, "{:#?}", bench.errors);
}

#[test]
fn what_arrives_on_a_full_disk_leaves_what_was_there_and_no_more() {
    let mut bench = Bench::made();
    for writing in [
        Writing {
            words: "main import SNAPSHOT",
            makes: &[".kor-cluster/next/main", ".kor-cluster/next/main/data"],
            back: |ground| drop(ground.does("main import --undo")),
            ..PLAIN
        },
        Writing {
            words: "cluster.sh new b --port PORT --from SNAPSHOT",
            makes: &["instances/b", "instances/b/data"],
            back: remove_b,
            ..PLAIN
        },
        Writing {
            words: "main upgrade v5.1.0 --yes --no-snapshot",
            makes: &[".kor-cluster/next/main", ".kor-cluster/undo/main"],
            back: |ground| drop(ground.does("main upgrade --undo")),
            ..PLAIN
        },
        Writing {
            words: "main import --undo --discard-new",
            prepare: imported_and_written_to,
            left: NEVER_ENOUGH,
            makes: &[".kor-cluster/work/main"],
            ..PLAIN
        },
        Writing {
            words: "main upgrade --undo --discard-new",
            prepare: upgraded_and_written_to,
            left: NEVER_ENOUGH,
            makes: &[".kor-cluster/work/main"],
            ..PLAIN
        },
    ] {
        bench.tries(&writing);
    }
    assert!(bench.errors.len() > 5, "{:#?}", bench.errors);
}
