//! What two verbs find that are called at once.

use crate::field;
use crate::place::Place;
use crate::prepared::{SNAPSHOT, with_snapshots};

/// What a verb needs to have something to do, and so what it finds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Ground {
    made: Made,
    runs: Runs,
    content: Content,
    pub two: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Made {
    Ours,
    ByScript,
    Nothing,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Runs {
    Started,
    Stopped,
    ShutDown,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Content {
    Plain,
    Imported,
    Upgraded,
    NoTables,
}

impl Ground {
    /// The instance `a` at work, with some snapshots.
    pub const STARTED: Ground = Ground {
        made: Made::Ours,
        runs: Runs::Started,
        content: Content::Plain,
        two: false,
    };
    /// And the instance `b`.
    pub const TWO: Ground = Ground {
        two: true,
        ..Ground::STARTED
    };
    /// The same, stopped.
    pub const STOPPED: Ground = Ground {
        runs: Runs::Stopped,
        ..Ground::STARTED
    };
    /// The same, and the whole cluster is down.
    pub const SHUT_DOWN: Ground = Ground {
        runs: Runs::ShutDown,
        ..Ground::STARTED
    };
    /// Former content is kept.
    pub const IMPORTED: Ground = Ground {
        content: Content::Imported,
        ..Ground::STARTED
    };
    /// A former version is kept.
    pub const UPGRADED: Ground = Ground {
        content: Content::Upgraded,
        ..Ground::STARTED
    };
    /// The instance has no tables.
    pub const NO_TABLES: Ground = Ground {
        content: Content::NoTables,
        ..Ground::STOPPED
    };
    /// A cluster of the original's.
    pub const BY_SCRIPT: Ground = Ground {
        made: Made::ByScript,
        ..Ground::STARTED
    };
    /// No cluster.
    pub const NOTHING: Ground = Ground {
        made: Made::Nothing,
        ..Ground::STARTED
    };

    /// What both need, as far as that can be had at once.
    pub fn and(self, other: Ground) -> Ground {
        let ground = Ground {
            made: self.made.max(other.made),
            runs: self.runs.max(other.runs),
            content: self.content.max(other.content),
            two: self.two || other.two,
        };
        match ground.made {
            Made::Ours => ground,
            made => Ground {
                made,
                ..Ground::STARTED
            },
        }
    }

    pub fn prepare(self, place: &Place) {
        match self.made {
            Made::Nothing => {}
            Made::ByScript => field::running(place),
            Made::Ours => self.prepare_ours(place),
        }
    }

    fn prepare_ours(self, place: &Place) {
        with_snapshots(place);
        let on = |name: &str, words: &[&str]| {
            let link = format!("c/instances/{name}/instance.sh");
            place.link(&link, words).done();
        };
        if self.two {
            let words = ["new", "b", "--port", "{b}"];
            place.link("c/cluster.sh", &words).done();
            on("b", &["start"]);
        }
        let names = if self.two { &["a", "b"][..] } else { &["a"] };
        for name in names {
            match self.content {
                Content::Plain | Content::NoTables => {}
                Content::Imported => on(name, &["import", SNAPSHOT]),
                Content::Upgraded => on(name, &["upgrade", "v5.1.0", "--yes", "--no-snapshot"]),
            }
            if self.runs == Runs::Stopped {
                on(name, &["stop"]);
            }
        }
        if self.runs == Runs::ShutDown {
            place.link("c/cluster.sh", &["shutdown"]).done();
        }
        if self.content == Content::NoTables {
            place.change_world(|world| {
                let database = world.databases.get_mut("c_mysql").unwrap();
                database.schemas.get_mut("kor_a").unwrap().clear();
                world.searches.get_mut("c_elastic").unwrap().clear();
            });
        }
    }
}
