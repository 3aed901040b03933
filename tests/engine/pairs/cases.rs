//! Which verbs are called two at once, in the order in which that is done: each pair finds what the
//! one before it left.

use crate::at_once::Holds;
use crate::docker::docker;
use crate::ground::{Ground, OTHER_SEARCH, tag_other_search};
use crate::harness::{entries, setting};

/// A verb as it is called.
pub struct Verb {
    pub words: &'static str,
    pub holds: Holds,
    /// Whether what it is for has come about.
    pub is_done: fn(&Ground) -> bool,
    /// From there to what was there before.
    pub back: fn(&Ground),
}

/// Two that are called at once.
pub struct Pair {
    pub verbs: [Verb; 2],
    pub prepare: fn(&Ground),
    pub tidy: fn(&Ground),
    /// Whether whoever comes late waits.
    pub waits: bool,
    /// What each ends with where the other one did its work before.
    pub late: [i32; 2],
    /// Whether what came of it stays.
    pub stays: bool,
}

const MAIN: Holds = Holds::Instances(&["main"]);
const B: Holds = Holds::Instances(&["b"]);

fn nothing(_: &Ground) {}

const fn pair(one: Verb, other: Verb) -> Pair {
    Pair {
        verbs: [one, other],
        prepare: nothing,
        tidy: nothing,
        waits: false,
        late: [0, 0],
        stays: false,
    }
}

const fn verb(words: &'static str, holds: Holds, is_done: fn(&Ground) -> bool) -> Verb {
    Verb {
        words,
        holds,
        is_done,
        back: nothing,
    }
}

fn of(ground: &Ground, file: &str, key: &str) -> String {
    setting(&ground.cluster.root.join(file), key)
}

fn schema(ground: &Ground) -> String {
    of(ground, "instances/main/config.sh", "DB_NAME")
}

fn version(ground: &Ground, instance: &str) -> String {
    of(
        ground,
        &format!("instances/{instance}/config.sh"),
        "VERSION",
    )
}

fn exists(ground: &Ground, instance: &str) -> bool {
    let config = ground.cluster.instance_root(instance).join("config.sh");
    config.exists()
}

const SNAPSHOT: Verb = Verb {
    back: Ground::forget_snapshots,
    ..verb("main snapshot", MAIN, |ground| {
        entries(&ground.snapshots()).len() == 1
    })
};

const IMPORT: Verb = Verb {
    back: |ground| drop(ground.does("main import --undo")),
    ..verb("main import SNAPSHOT", MAIN, |ground| {
        schema(ground) != "kor_main"
    })
};

const UPGRADE: Verb = Verb {
    back: |ground| drop(ground.does("main upgrade --undo")),
    ..verb("main upgrade v5.1.0 --yes --no-snapshot", MAIN, |ground| {
        version(ground, "main") == "v5.1.0"
    })
};

const UPGRADE_B: Verb = verb("b upgrade v5.1.0 --yes --no-snapshot", B, |ground| {
    version(ground, "b") == "v5.1.0"
});

const START: Verb = Verb {
    back: |ground| drop(ground.does("main stop")),
    ..verb("main start", MAIN, |ground| ground.cluster.runs("main"))
};

const NEW: Verb = verb(
    "cluster.sh new b --version v5.0.1 --port PORT",
    B,
    |ground| exists(ground, "b"),
);

/// Pairs of which only one can be at work at a time, and some that have nothing to do with each other.
pub const PAIRS: &[Pair] = &[
    pair(SNAPSHOT, IMPORT),
    pair(UPGRADE, IMPORT),
    Pair {
        waits: true,
        ..pair(
            Verb {
                back: |ground| drop(ground.does("main config unset NOTIFY_SENDER")),
                ..verb("main config set NOTIFY_SENDER a@b.c", MAIN, |ground| {
                    of(ground, "instances/main/.env", "NOTIFY_SENDER") == "a@b.c"
                })
            },
            UPGRADE,
        )
    },
    Pair {
        waits: true,
        ..pair(
            verb("main migrate --yes", MAIN, |ground| {
                ground.cluster.runs("main")
            }),
            verb("main restart", MAIN, |ground| ground.cluster.runs("main")),
        )
    },
    Pair {
        waits: true,
        ..pair(
            Verb {
                back: |ground| drop(ground.does("cluster.sh remove b --yes --no-snapshot")),
                ..verb(
                    "cluster.sh clone main b --port PORT",
                    Holds::Copy(["main", "b"]),
                    |ground| exists(ground, "b"),
                )
            },
            SNAPSHOT,
        )
    },
    Pair {
        waits: true,
        ..pair(
            verb("cluster.sh boot", Holds::Cluster, |ground| {
                ground.cluster.runs("main")
            }),
            Verb {
                back: |ground| drop(ground.does("cluster.sh boot")),
                ..verb("cluster.sh shutdown", Holds::Cluster, |ground| {
                    !ground.cluster.is_up()
                })
            },
        )
    },
    Pair {
        prepare: |ground| drop(ground.does("main stop")),
        ..pair(
            START,
            verb("main stop", MAIN, |ground| !ground.cluster.runs("main")),
        )
    },
    Pair {
        prepare: |_| tag_other_search(),
        tidy: |ground| {
            ground.does("main start");
            docker(&["rmi", OTHER_SEARCH]);
        },
        ..pair(
            Verb {
                back: |ground| {
                    ground.does("cluster.sh services set --search elasticsearch:5.6.16");
                },
                ..verb(
                    "cluster.sh services set --search SEARCH",
                    Holds::Cluster,
                    |ground| of(ground, "config.sh", "SEARCH_IMAGE") == OTHER_SEARCH,
                )
            },
            START,
        )
    },
    Pair {
        late: [6, 6],
        stays: true,
        ..pair(NEW, NEW)
    },
    Pair {
        stays: true,
        ..pair(
            SNAPSHOT,
            verb("b start", B, |ground| ground.cluster.runs("b")),
        )
    },
    Pair {
        stays: true,
        ..pair(IMPORT, UPGRADE_B)
    },
    Pair {
        stays: true,
        ..pair(
            IMPORT,
            verb("main import --undo", MAIN, |ground| {
                schema(ground) == "kor_main"
            }),
        )
    },
    Pair {
        late: [4, 0],
        stays: true,
        ..pair(
            verb("b upgrade --undo", B, |ground| {
                version(ground, "b") == "v5.0.1"
            }),
            verb("b remove --yes", B, |ground| !exists(ground, "b")),
        )
    },
];
