//! A disk that fills up before something is written or while it is: the error names the place, what
//! was there is there again, nothing else is, and with room it works.

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::io::Read;

use crate::call::Ran;
use crate::ground::Ground;
use crate::picture::Picture;
use crate::small_disk::Disk;

const KIB: u64 = 1024;

/// So much is left, until it is enough.
const LEFT: [u64; 5] = [0, 12 * KIB, 150 * KIB, 900 * KIB, 2000 * KIB];

/// A verb that writes.
struct Writing {
    words: &'static str,
    /// What it makes on its way, below the cluster: from then on the disk is full.
    makes: &'static [&'static str],
    /// Takes back what it did.
    back: fn(&Ground),
}

struct Bench {
    // Dropped in this order.
    ground: Ground,
    disk: Disk,
    before: Picture,
    /// The errors that there were.
    errors: BTreeSet<String>,
}

impl Bench {
    /// With an instance that has some megabytes of files and serves.
    fn made() -> Self {
        let (cluster, disk) = Disk::made(64 * KIB * KIB);
        let ground = Ground::made_in(cluster);
        let data = ground.cluster.instance_root("main").join("data");
        for (directory, name) in [("media/original/000", "a.bin"), ("processing", "b.bin")] {
            fs::create_dir_all(data.join(directory)).unwrap();
            fs::write(data.join(directory).join(name), noise(800 * KIB)).unwrap();
        }
        let taken = ground.does("main snapshot");
        fs::copy(taken.text(), ground.snapshot()).unwrap();
        ground.forget_snapshots();
        Bench {
            before: ground.picture(),
            ground,
            disk,
            errors: BTreeSet::new(),
        }
    }

    fn tries(&mut self, writing: &Writing) {
        let is_done = LEFT.iter().any(|left| {
            self.disk.leave(*left);
            let ran = self.ground.typed(writing.words).run();
            self.is_done_or_as_before(writing, &ran, &format!("{left} bytes are left"))
        });
        for made in writing.makes {
            let ran = self.fills_up_at(writing, made);
            self.is_done_or_as_before(writing, &ran, &format!("it is full from {made} on"));
        }
        if !is_done {
            self.ground.does(writing.words);
            (writing.back)(&self.ground);
        }
    }

    /// The disk is full as soon as something is there.
    fn fills_up_at(&self, writing: &Writing, made: &str) -> Ran {
        let path = self.ground.cluster.root.join(made);
        let mut running = self.ground.typed(writing.words).spawn();
        while !path.exists() && !running.is_over() {
            std::thread::sleep(std::time::Duration::from_millis(1));
        }
        self.disk.leave(0);
        running.end()
    }

    /// Whether it was done, which is taken back then.
    #[track_caller]
    fn is_done_or_as_before(&mut self, writing: &Writing, ran: &Ran, when: &str) -> bool {
        self.disk.empty();
        let said = format!("{} when {when}: {} {}", writing.words, ran.code, ran.err);
        eprintln!("{said}");
        let open = self.ground.recovery().ok().json();
        if ran.code == 0 {
            assert_eq!(open["changed"], false, "{said}");
            (writing.back)(&self.ground);
            return true;
        }
        let error = ran.err.lines().find(|line| line.starts_with("error:"));
        self.errors.insert(error.unwrap().to_owned());
        let names_it = [
            self.ground.cluster.path(),
            self.ground.beside.to_str().unwrap(),
        ];
        assert!(names_it.iter().any(|path| ran.err.contains(path)), "{said}");
        let reasons = ["No space left", "no room"];
        assert!(reasons.iter().any(|why| ran.err.contains(why)), "{said}");
        assert!(matches!(ran.code, 1 | 6 | 7), "{said}");
        // Only what cannot even be undone there is left to `recover`.
        assert_eq!(open["changed"], ran.code == 7, "{said}");
        let now = self.ground.picture();
        assert!(
            now == self.before,
            "{said}{}",
            now.differences(&self.before)
        );
        false
    }
}

fn noise(bytes: u64) -> Vec<u8> {
    let mut noise = Vec::new();
    let random = File::open("/dev/urandom").unwrap();
    random.take(bytes).read_to_end(&mut noise).unwrap();
    noise
}

fn remove_b(ground: &Ground) {
    ground.does("cluster.sh remove b --yes --no-snapshot");
}

#[test]
fn what_is_written_to_a_full_disk_leaves_what_was_there_and_no_more() {
    let mut bench = Bench::made();
    for writing in [
        Writing {
            words: "main config set NOTIFY_SENDER a@b.c",
            makes: &[],
            back: |ground| drop(ground.does("main config unset NOTIFY_SENDER")),
        },
        Writing {
            words: "main snapshot",
            makes: &[".kor-cluster/work/main"],
            back: Ground::forget_snapshots,
        },
        Writing {
            words: "main snapshot --hold read-only",
            makes: &[],
            back: Ground::forget_snapshots,
        },
        Writing {
            words: "cluster.sh new b --version v5.0.1 --port PORT",
            makes: &["instances/b"],
            back: remove_b,
        },
        Writing {
            words: "cluster.sh clone main b --port PORT",
            makes: &["instances/b"],
            back: remove_b,
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
        },
        Writing {
            words: "cluster.sh new b --port PORT --from SNAPSHOT",
            makes: &["instances/b", "instances/b/data"],
            back: remove_b,
        },
        Writing {
            words: "main upgrade v5.1.0 --yes --no-snapshot",
            makes: &[".kor-cluster/next/main", ".kor-cluster/undo/main"],
            back: |ground| drop(ground.does("main upgrade --undo")),
        },
    ] {
        bench.tries(&writing);
    }
    assert!(bench.errors.len() > 5, "{:#?}", bench.errors);
}
