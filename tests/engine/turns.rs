//! The clusters that tests share, and whose turn it is.

use std::fs;
use std::path::PathBuf;
use std::sync::{LazyLock, Mutex, MutexGuard, PoisonError};

use crate::cluster::Cluster;
use crate::docker::{containers, docker};

/// The cluster that tests share: `a_b` and `axb` run in it.
pub struct Shared {
    pub cluster: Cluster,
    /// The settings that every test finds and leaves.
    settings: Vec<(PathBuf, String)>,
    pub a_b: u16,
    pub axb: u16,
}

static SHARED: LazyLock<Shared> = LazyLock::new(|| {
    let cluster = Cluster::booted();
    let a_b = cluster.add("a_b");
    let axb = cluster.add("axb");
    cluster.call(["start", "--all"]).ok();
    let root = &cluster.root;
    let settings = ["config.sh", "instances/a_b/config.sh", "instances/a_b/.env"]
        .map(|file| {
            (
                root.join(file),
                fs::read_to_string(root.join(file)).unwrap(),
            )
        })
        .to_vec();
    Shared {
        cluster,
        settings,
        a_b,
        axb,
    }
});

/// A second cluster beside it: `one` and `two` run in it.
static OTHER: LazyLock<Second> = LazyLock::new(|| {
    let cluster = Cluster::booted();
    let one = cluster.add("one");
    let two = cluster.add("two");
    cluster.call(["start", "one", "two"]).ok();
    Second { cluster, one, two }
});

/// The second cluster.
pub struct Second {
    pub cluster: Cluster,
    pub one: u16,
    pub two: u16,
}

/// The second cluster, within a turn.
pub fn other(_turn: &Turn) -> &'static Second {
    &OTHER
}

static ALONE: Mutex<bool> = Mutex::new(false);

/// The shared cluster, for one test at a time.
pub struct Turn {
    guard: MutexGuard<'static, bool>,
}

impl std::ops::Deref for Turn {
    type Target = Shared;
    fn deref(&self) -> &Shared {
        &SHARED
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        // The next one mends what a test that failed half-way left.
        *self.guard = std::thread::panicking();
    }
}

/// Waits for a turn with the shared cluster, in which everything runs.
pub fn shared() -> Turn {
    let guard = ALONE.lock().unwrap_or_else(PoisonError::into_inner);
    LazyLock::force(&SHARED);
    if *guard {
        let cluster = &SHARED.cluster;
        for (file, text) in &SHARED.settings {
            fs::write(file, text).unwrap();
        }
        for name in containers(cluster.path()) {
            docker(&["unpause", &name]);
        }
        cluster.call(["recover", "--wait", "60"]).run();
        cluster.call(["boot", "--wait", "60"]).ok();
        cluster.call(["restart", "--all"]).ok();
    }
    Turn { guard }
}

/// A turn without the shared cluster, for tests whose own clusters leave no room beside them.
pub fn turn() -> MutexGuard<'static, bool> {
    ALONE.lock().unwrap_or_else(PoisonError::into_inner)
}
