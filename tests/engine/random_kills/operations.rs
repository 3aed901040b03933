//! What can be drawn, when it makes sense, and what is there after it.

use std::collections::BTreeSet;

use super::world::World;

/// One operation.
pub struct Operation {
    /// As it is typed; `a` and `b` are instances.
    pub words: &'static str,
    /// When it makes sense.
    pub fits: fn(&World) -> bool,
    /// Whether what it is for has come about.
    pub is_done: fn(&World) -> bool,
    /// What it does to the content of `a`.
    pub content: Content,
}

/// What becomes of the content of an instance.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Content {
    Stays,
    /// That of the snapshot takes its place; it is kept.
    Imported,
    /// It goes on in another version; it is kept as well.
    Upgraded,
    /// What was kept is there again.
    Undone,
}

/// The names of the entities of `a`, as far as they were acknowledged.
#[derive(Debug, Default)]
pub struct Names {
    pub live: BTreeSet<String>,
    pub of_snapshot: BTreeSet<String>,
    /// What an undo brings back, and of which verb.
    pub kept: Option<(&'static str, BTreeSet<String>)>,
}

impl Names {
    /// After an operation that was done.
    pub fn follow(&mut self, content: Content) {
        match content {
            Content::Stays => {}
            Content::Imported => {
                let before = std::mem::replace(&mut self.live, self.of_snapshot.clone());
                self.kept = Some(("import", before));
            }
            Content::Upgraded => self.kept = Some(("upgrade", self.live.clone())),
            Content::Undone => {
                if let Some((_, before)) = self.kept.take() {
                    self.live = before;
                }
            }
        }
    }
}

const fn plain(
    words: &'static str,
    fits: fn(&World) -> bool,
    is_done: fn(&World) -> bool,
) -> Operation {
    changes(words, fits, is_done, Content::Stays)
}

const fn changes(
    words: &'static str,
    fits: fn(&World) -> bool,
    is_done: fn(&World) -> bool,
    content: Content,
) -> Operation {
    Operation {
        words,
        fits,
        is_done,
        content,
    }
}

fn up(world: &World) -> bool {
    world.is_up()
}

fn old_version(world: &World) -> bool {
    world.is_up() && world.version("a") == "v5.0.1"
}

pub const OPERATIONS: &[Operation] = &[
    plain("cluster.sh boot", |_| true, up),
    plain("cluster.sh shutdown", up, |world| !world.is_up()),
    plain("a start", up, |world| world.runs("a")),
    plain("a stop", |world| world.runs("a"), |world| !world.runs("a")),
    plain("a restart", up, |world| world.runs("a")),
    plain("a snapshot", up, |world| world.has_more_snapshots()),
    plain("a snapshot --hold read-only", up, |world| {
        world.has_more_snapshots()
    }),
    plain("cluster.sh snapshots prove SNAPSHOT", up, |_| true),
    plain("a migrate --yes", up, |_| true),
    plain(
        "a config set NOTIFY_SENDER kor@example.org",
        |_| true,
        |world| world.file("a", ".env").contains("kor@example.org"),
    ),
    plain(
        "a config unset NOTIFY_SENDER",
        |world| world.file("a", ".env").contains("kor@example.org"),
        |world| !world.file("a", ".env").contains("kor@example.org"),
    ),
    plain(
        "cluster.sh clone a b --port PORT",
        |world| world.is_up() && !world.exists("b"),
        |world| world.exists("b"),
    ),
    plain(
        "cluster.sh new b --version v5.0.1 --port PORT",
        |world| world.is_up() && !world.exists("b"),
        |world| world.exists("b"),
    ),
    plain(
        "cluster.sh new b --port PORT --from SNAPSHOT",
        |world| world.is_up() && !world.exists("b"),
        |world| world.exists("b"),
    ),
    plain(
        "b start",
        |world| world.is_up() && world.exists("b"),
        |world| world.runs("b"),
    ),
    plain(
        "b remove --yes",
        |world| world.is_up() && world.exists("b"),
        |world| !world.exists("b"),
    ),
    changes(
        "a import SNAPSHOT --yes",
        up,
        World::keeps_another,
        Content::Imported,
    ),
    changes(
        "a import --undo --discard-new",
        |world| world.is_up() && world.keeps("import"),
        |world| !world.keeps_any(),
        Content::Undone,
    ),
    changes(
        "a upgrade v5.1.0 --yes --no-snapshot",
        old_version,
        |world| world.version("a") == "v5.1.0",
        Content::Upgraded,
    ),
    plain("a upgrade v5.1.0 --yes --rehearse", old_version, |_| true),
    changes(
        "a upgrade --undo --discard-new",
        |world| world.is_up() && world.keeps("upgrade"),
        |world| !world.keeps_any(),
        Content::Undone,
    ),
];
