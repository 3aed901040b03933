//! An instance on its way to another version, while others read and write.

use std::collections::BTreeSet;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::time::{Duration, Instant};

use crate::call::Ran;
use crate::cluster::Cluster;
use crate::harness::files_below;
use crate::web::Site;

pub fn running() -> (Cluster, Site) {
    let cluster = Cluster::booted();
    let port = cluster.add("main");
    cluster.instance("main", ["start"]).ok();
    let site = Site::of(&cluster, "main", port);
    (cluster, site)
}

pub fn names(cluster: &Cluster) -> BTreeSet<String> {
    let names = cluster.sql(&format!(
        "select name from {}.entities",
        cluster.schema("main")
    ));
    names.lines().map(str::to_owned).collect()
}

/// What others met while something was done.
pub struct Met {
    pub ran: Ran,
    /// The names of what was written and acknowledged.
    pub acknowledged: Vec<String>,
    /// How long nobody could read.
    pub unread: Duration,
}

/// Does something while some write and one reads, all without a pause.
pub fn meanwhile(site: &Site, writers: usize, deed: impl FnOnce() -> Ran) -> Met {
    static NUMBER: AtomicU32 = AtomicU32::new(0);
    let over = AtomicBool::new(false);
    let acknowledged = Mutex::new(Vec::new());
    let unread = Mutex::new(Duration::ZERO);
    let ran = std::thread::scope(|scope| {
        for _ in 0..writers {
            scope.spawn(|| {
                let make = site.maker();
                while !over.load(Ordering::Relaxed) {
                    let name = format!("n{}", NUMBER.fetch_add(1, Ordering::Relaxed));
                    match make(&name) {
                        true => acknowledged.lock().unwrap().push(name),
                        false => std::thread::sleep(Duration::from_millis(20)),
                    }
                }
            });
        }
        scope.spawn(|| {
            let mut last = Instant::now();
            while !over.load(Ordering::Relaxed) {
                // An address that every era has.
                if site.answers_at("/kinds") {
                    let mut longest = unread.lock().unwrap();
                    *longest = (*longest).max(last.elapsed());
                    last = Instant::now();
                }
                std::thread::sleep(Duration::from_millis(5));
            }
        });
        let ran = deed();
        over.store(true, Ordering::Relaxed);
        ran
    });
    Met {
        ran,
        acknowledged: acknowledged.into_inner().unwrap(),
        unread: unread.into_inner().unwrap(),
    }
}

impl Met {
    /// Fails where a row is not there that was acknowledged.
    #[track_caller]
    pub fn assert_nothing_lost(&self, cluster: &Cluster) {
        let there = names(cluster);
        let lost: Vec<_> = self
            .acknowledged
            .iter()
            .filter(|n| !there.contains(*n))
            .collect();
        assert!(lost.is_empty(), "lost: {lost:?} {}", self.ran.err);
    }
}

/// Containers and files, but for what the tool writes down for itself.
pub fn seen_from_outside(cluster: &Cluster) -> Vec<String> {
    let mut lines = cluster.picture();
    lines.retain(|line| !line.starts_with(".kor-cluster/"));
    lines
}

/// What an upgrade has of its own lies about nowhere.
#[track_caller]
pub fn assert_nothing_left(cluster: &Cluster) {
    let own = cluster.root.join(".kor-cluster");
    for name in ["next", "work", "exchange", "journal"] {
        assert_eq!(files_below(&own.join(name)), 0, "{name}");
    }
    let accounts =
        cluster.sql("select count(*) from mysql.global_priv where right(user, 3) = '__r'");
    assert_eq!(accounts, "0");
}
