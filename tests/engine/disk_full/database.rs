//! The disk that is full is the one of the database's data. A server whose disk is full answers
//! nothing to whoever writes, until there is room again: so a load has to end before that, or be
//! ended.

use super::bench::{Bench, MIB, PLAIN, Writing};

#[test]
fn what_is_loaded_into_a_database_whose_disk_is_full_leaves_what_was_there_and_no_more() {
    let mut bench = Bench::of_database();
    for writing in [
        Writing {
            words: "cluster.sh new b --version v5.0.1 --port PORT",
            left: &[0, 120 * MIB],
            back: |ground| drop(ground.does("cluster.sh remove b --yes --no-snapshot")),
            ..PLAIN
        },
        Writing {
            words: "main migrate --yes",
            left: &[0],
            ..PLAIN
        },
        Writing {
            words: "main import SNAPSHOT",
            left: &[0, 120 * MIB, 320 * MIB],
            makes: &[
                ".kor-cluster/exchange/main.load.sql",
                "mysql/kor_main__*/small.ibd",
            ],
            back: |ground| drop(ground.does("main import --undo")),
            ..PLAIN
        },
        Writing {
            // How large its dump is, nobody says.
            words: "main import SNAPSHOT_OF_ORIGINAL",
            left: &[190 * MIB, 320 * MIB],
            back: |ground| drop(ground.does("main import --undo")),
            ..PLAIN
        },
        Writing {
            words: "main upgrade v5.1.0 --yes --no-snapshot",
            left: &[0, 120 * MIB],
            makes: &[".kor-cluster/exchange/main.load"],
            back: |ground| drop(ground.does("main upgrade --undo")),
            ..PLAIN
        },
    ] {
        bench.tries(&writing);
    }
}
