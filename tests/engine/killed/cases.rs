//! The verbs, each with what is there before it and what reverses it.

use crate::cluster::Cluster;
use crate::docker::docker;
use crate::field;
use crate::ground::{Ground, OTHER_DATABASE, OTHER_SEARCH, tag_other_database, tag_other_search};
use crate::harness::{PLACE, fresh_name};

/// A verb at work.
pub struct Case {
    pub verb: &'static str,
    pub name: &'static str,
    /// As it is typed.
    pub words: &'static str,
    /// What it ends with if nobody kills it: some cases fail, so that the way back is walked too.
    pub code: i32,
    /// Cases of one lane run one after the other, on the same ground.
    pub lane: u8,
    pub ground: fn() -> Ground,
    /// Whether it has its ground for itself.
    pub own: bool,
    /// From the ground as it was made to the old state.
    pub prepare: fn(&Ground),
    /// From the new state to the old one.
    pub reset: fn(&Ground),
    /// From the old state to the ground as it was made.
    pub tidy: fn(&Ground),
    /// Of those that share such a word, a sample has one.
    pub turns: Option<&'static str>,
    /// An instance that is made by it, with content that is another each time.
    pub made: Option<&'static str>,
}

fn nothing(_: &Ground) {}

/// One on an instance that serves.
const PLAIN: Case = Case {
    verb: "",
    name: "",
    words: "",
    code: 0,
    lane: 0,
    ground: Ground::made,
    own: false,
    prepare: nothing,
    reset: nothing,
    tidy: nothing,
    turns: None,
    made: None,
};

/// One that makes a second instance.
const SECOND: Case = Case {
    lane: 2,
    reset: |ground| {
        ground.does("cluster.sh remove b --yes --no-snapshot");
    },
    made: Some("b"),
    ..PLAIN
};

/// One that takes a second instance away.
const AWAY: Case = Case {
    lane: 2,
    prepare: second_serves,
    reset: second_serves,
    tidy: |ground| {
        ground.does("cluster.sh remove b --yes --no-snapshot");
        ground.forget_snapshots();
    },
    made: Some("b"),
    ..PLAIN
};

fn second_serves(ground: &Ground) {
    ground.forget_snapshots();
    ground.does("cluster.sh new b --version v5.0.1 --port PORT");
    ground.does("b start");
}

fn imported(ground: &Ground) {
    ground.does("main import SNAPSHOT");
}

fn undo_import(ground: &Ground) {
    ground.does("main import --undo");
}

fn upgraded(ground: &Ground) {
    ground.does("main upgrade v5.1.0 --yes --no-snapshot");
}

fn undo_upgrade(ground: &Ground) {
    ground.does("main upgrade --undo");
    ground.forget_snapshots();
}

fn nowhere() -> Ground {
    let name = fresh_name();
    let root = PLACE.join(&name);
    Ground::bare(Cluster { name, root })
}

fn of_the_original() -> Ground {
    let (name, root) = field::files_of_one();
    let ground = Ground::bare(Cluster { name, root });
    ground.save();
    ground
}

fn migration_is_due(ground: &Ground) {
    ground.cluster.sql(
        "use kor_main; alter table entities drop column if exists sort_name; \
         delete from schema_migrations where version like '20240704%'",
    );
}

/// What is killed at a sample of its places, and at all of them.
pub const CASES: &[Case] = &[
    Case {
        verb: "create",
        name: "create",
        words: "kor-cluster create ROOT --port PORT",
        lane: 2,
        ground: nowhere,
        own: true,
        reset: Ground::discard,
        ..PLAIN
    },
    Case {
        verb: "adopt",
        name: "adopt",
        words: "kor-cluster adopt ROOT",
        lane: 2,
        ground: of_the_original,
        own: true,
        reset: Ground::put_back,
        ..PLAIN
    },
    Case {
        verb: "config",
        name: "config set of a cluster",
        words: "cluster.sh config set APP_MEMORY 2g",
        reset: |ground| drop(ground.does("cluster.sh config set APP_MEMORY 1g")),
        turns: Some("config"),
        ..PLAIN
    },
    Case {
        verb: "config",
        name: "config set of an instance",
        words: "main config set NOTIFY_SENDER a@b.c",
        reset: |ground| drop(ground.does("main config unset NOTIFY_SENDER")),
        turns: Some("config"),
        ..PLAIN
    },
    Case {
        verb: "config",
        name: "config unset",
        words: "main config unset NOTIFY_SENDER",
        prepare: |ground| drop(ground.does("main config set NOTIFY_SENDER a@b.c")),
        reset: |ground| drop(ground.does("main config set NOTIFY_SENDER a@b.c")),
        tidy: |ground| drop(ground.does("main config unset NOTIFY_SENDER")),
        turns: Some("config"),
        ..PLAIN
    },
    Case {
        verb: "stop",
        name: "stop",
        words: "main stop",
        reset: |ground| drop(ground.does("main start")),
        ..PLAIN
    },
    Case {
        verb: "start",
        name: "start",
        words: "main start",
        prepare: |ground| drop(ground.does("main stop")),
        reset: |ground| drop(ground.does("main stop")),
        tidy: |ground| drop(ground.does("main start")),
        ..PLAIN
    },
    Case {
        verb: "restart",
        name: "restart",
        words: "main restart",
        ..PLAIN
    },
    Case {
        verb: "shutdown",
        name: "shutdown",
        words: "cluster.sh shutdown",
        reset: |ground| drop(ground.does("cluster.sh boot")),
        ..PLAIN
    },
    Case {
        verb: "boot",
        name: "boot",
        words: "cluster.sh boot",
        prepare: |ground| drop(ground.does("cluster.sh shutdown")),
        reset: |ground| drop(ground.does("cluster.sh shutdown")),
        tidy: |ground| drop(ground.does("cluster.sh boot")),
        ..PLAIN
    },
    Case {
        verb: "migrate",
        name: "migrate",
        words: "main migrate --yes",
        prepare: |ground| {
            ground.does("main stop");
            ground.say_version("v5.1.0");
        },
        reset: migration_is_due,
        tidy: |ground| {
            ground.say_version("v5.0.1");
            ground.does("main start");
        },
        ..PLAIN
    },
    Case {
        verb: "services",
        name: "services set",
        words: "cluster.sh services set --search SEARCH",
        prepare: |_| tag_other_search(),
        reset: |ground| {
            ground.does("cluster.sh services set --search elasticsearch:5.6.16");
        },
        tidy: |_| drop(docker(&["rmi", OTHER_SEARCH])),
        turns: Some("services"),
        ..PLAIN
    },
    Case {
        verb: "services",
        name: "services set --database",
        words: "cluster.sh services set --database DATABASE",
        prepare: |_| tag_other_database(),
        reset: |ground| {
            ground.does("cluster.sh services set --database mariadb:10.11");
        },
        tidy: |_| drop(docker(&["rmi", OTHER_DATABASE])),
        turns: Some("services"),
        ..PLAIN
    },
    Case {
        verb: "snapshot",
        name: "snapshot",
        words: "main snapshot",
        reset: Ground::forget_snapshots,
        lane: 2,
        ..PLAIN
    },
    Case {
        verb: "snapshot",
        name: "snapshot --hold read-only",
        words: "main snapshot --hold read-only",
        reset: Ground::forget_snapshots,
        lane: 2,
        ..PLAIN
    },
    Case {
        verb: "snapshots",
        name: "snapshots prune",
        words: "cluster.sh snapshots prune --keep-last 1",
        prepare: Ground::put_snapshots,
        reset: Ground::put_snapshots,
        tidy: Ground::forget_snapshots,
        turns: Some("snapshots"),
        lane: 2,
        ..PLAIN
    },
    Case {
        verb: "snapshots",
        name: "snapshots prove",
        words: "cluster.sh snapshots prove SNAPSHOT",
        turns: Some("snapshots"),
        lane: 2,
        ..PLAIN
    },
    Case {
        verb: "new",
        name: "new",
        words: "cluster.sh new b --version v5.0.1 --port PORT",
        turns: Some("new"),
        ..SECOND
    },
    Case {
        verb: "new",
        name: "new --from",
        words: "cluster.sh new b --port PORT --from SNAPSHOT",
        turns: Some("new"),
        ..SECOND
    },
    Case {
        verb: "clone",
        name: "clone",
        words: "cluster.sh clone main b --port PORT",
        ..SECOND
    },
    Case {
        verb: "init",
        name: "init",
        words: "b init",
        prepare: |ground| {
            ground.does("cluster.sh new b --version v5.0.1 --port PORT");
            ground.empty_b();
        },
        reset: Ground::empty_b,
        tidy: |ground| {
            ground.does("cluster.sh remove b --yes --no-snapshot");
        },
        ..SECOND
    },
    Case {
        verb: "remove",
        name: "remove",
        words: "b remove --yes",
        turns: Some("remove"),
        ..AWAY
    },
    Case {
        verb: "remove",
        name: "remove --no-snapshot",
        words: "b remove --yes --no-snapshot",
        turns: Some("remove"),
        ..AWAY
    },
    Case {
        verb: "upgrade",
        name: "upgrade",
        words: "main upgrade v5.1.0 --yes",
        lane: 1,
        reset: undo_upgrade,
        ..PLAIN
    },
    Case {
        verb: "upgrade",
        name: "upgrade --undo",
        words: "main upgrade --undo",
        lane: 1,
        prepare: upgraded,
        reset: upgraded,
        tidy: undo_upgrade,
        ..PLAIN
    },
    Case {
        verb: "upgrade",
        name: "upgrade --rehearse",
        words: "main upgrade v5.1.0 --yes --rehearse",
        lane: 3,
        turns: Some("aside"),
        ..PLAIN
    },
    Case {
        verb: "upgrade",
        name: "upgrade --rehearse --search",
        words: "main upgrade v5.1.0 --yes --rehearse --search SEARCH",
        lane: 3,
        prepare: |_| tag_other_search(),
        tidy: |_| drop(docker(&["rmi", OTHER_SEARCH])),
        turns: Some("aside"),
        ..PLAIN
    },
    Case {
        verb: "import",
        name: "import",
        words: "main import SNAPSHOT",
        lane: 3,
        reset: undo_import,
        ..PLAIN
    },
    Case {
        verb: "import",
        name: "import --undo",
        words: "main import --undo",
        lane: 3,
        prepare: imported,
        reset: imported,
        tidy: undo_import,
        ..PLAIN
    },
    Case {
        verb: "import",
        name: "import --forget",
        words: "main import --forget",
        lane: 3,
        // Each import lets go what the one before kept: from the second on it is always the same.
        prepare: |ground| {
            imported(ground);
            imported(ground);
        },
        reset: imported,
        tidy: |ground| drop(ground.does("main import --forget")),
        ..PLAIN
    },
];

/// What is killed only where all places are.
pub const LONG: &[Case] = &[
    Case {
        verb: "upgrade",
        name: "upgrade that fails",
        words: "main upgrade v5.1.0 --yes",
        code: 1,
        lane: 1,
        prepare: |ground| {
            let column = "alter table entities add column sort_name varchar(10)";
            ground.cluster.sql(&format!("use kor_main; {column}"));
        },
        tidy: |ground| {
            let column = "alter table entities drop column sort_name";
            ground.cluster.sql(&format!("use kor_main; {column}"));
        },
        ..PLAIN
    },
    Case {
        verb: "upgrade",
        name: "upgrade --database",
        words: "main upgrade v5.1.0 --yes --no-snapshot --database DATABASE",
        // That of `services set`, which has the same tag.
        prepare: |_| tag_other_database(),
        reset: |ground| {
            undo_upgrade(ground);
            ground.does("cluster.sh services set --database mariadb:10.11");
        },
        tidy: |_| drop(docker(&["rmi", OTHER_DATABASE])),
        ..PLAIN
    },
    Case {
        verb: "import",
        name: "import of one that is down",
        words: "main import SNAPSHOT",
        lane: 3,
        prepare: |ground| drop(ground.does("main stop")),
        reset: undo_import,
        tidy: |ground| drop(ground.does("main start")),
        ..PLAIN
    },
];
