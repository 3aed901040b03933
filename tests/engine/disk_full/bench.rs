//! A cluster on a small disk, and a verb that writes there.

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::io::{Read, Write};

use kor_cluster::host::archive;

use crate::call::Ran;
use crate::ground::Ground;
use crate::harness::until;
use crate::picture::Picture;
use crate::repacked::repacked;
use crate::small_disk::Disk;

pub const KIB: u64 = 1024;
pub const MIB: u64 = 1024 * KIB;

/// A verb that writes.
pub struct Writing {
    pub words: &'static str,
    /// Makes what it finds.
    pub prepare: fn(&Ground),
    /// So much is left, until it is enough.
    pub left: &'static [u64],
    /// What it makes on its way, below the cluster, as patterns: from then on the disk is full.
    pub makes: &'static [&'static str],
    /// Takes back what it did.
    pub back: fn(&Ground),
}

/// One that finds an instance that serves, and leaves nothing that is to be taken back.
pub const PLAIN: Writing = Writing {
    words: "",
    prepare: |_| {},
    left: &[0, 12 * KIB, 150 * KIB, 900 * KIB, 2000 * KIB],
    makes: &[],
    back: |_| {},
};

pub struct Bench {
    // Dropped in this order.
    ground: Ground,
    disk: Disk,
    before: Picture,
    /// The errors that there were.
    pub errors: BTreeSet<String>,
}

impl Bench {
    /// With an instance that has some megabytes of files and serves.
    pub fn made() -> Self {
        let (cluster, disk) = Disk::made(64 * MIB);
        Bench::with(Ground::made_in(cluster), disk, |ground| {
            let data = ground.cluster.instance_root("main").join("data");
            for (directory, name) in [("media/original/000", "a.bin"), ("processing", "b.bin")] {
                fs::create_dir_all(data.join(directory)).unwrap();
                fs::write(data.join(directory).join(name), noise(800 * KIB)).unwrap();
            }
        })
    }

    /// With an instance that has some megabytes of rows and serves; the database's data alone is on
    /// the disk.
    pub fn of_database() -> Self {
        let (cluster, disk) = Disk::of_database(600 * MIB);
        let bench = Bench::with(Ground::made_in(cluster), disk, |ground| {
            ground.cluster.sql(
                "use kor_main; create table big (id int primary key, text mediumtext); \
                 insert into big select seq, repeat(hex(random_bytes(1000)), 500) from seq_1_to_24",
            );
            let taken = ground.does("main snapshot --format tar.gz");
            fs::rename(taken.text(), ground.snapshot_of_original()).unwrap();
        });
        add_small_rows(&bench.ground);
        bench
    }

    fn with(ground: Ground, disk: Disk, content: impl FnOnce(&Ground)) -> Self {
        content(&ground);
        let taken = ground.does("main snapshot");
        fs::copy(taken.text(), ground.snapshot()).unwrap();
        ground.forget_snapshots();
        Bench {
            ground,
            disk,
            before: Picture::default(),
            errors: BTreeSet::new(),
        }
    }

    pub fn tries(&mut self, writing: &Writing) {
        (writing.prepare)(&self.ground);
        self.before = self.ground.picture();
        let is_done = writing.left.iter().any(|left| {
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
        let pattern = path.to_str().unwrap();
        let is_there = || glob::glob(pattern).unwrap().next().is_some();
        let mut running = self.ground.typed(writing.words).spawn();
        while !is_there() && !running.is_over() {
            std::thread::sleep(std::time::Duration::from_millis(1));
        }
        self.disk.leave(0);
        until("it ends on a full disk", 300, || running.is_over());
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
        let (_, error) = ran.err.split_once("error: ").unwrap();
        self.errors.extend(error.lines().next().map(str::to_owned));
        let names_it = [
            self.ground.cluster.path(),
            self.ground.beside.to_str().unwrap(),
        ];
        assert!(names_it.iter().any(|path| error.contains(path)), "{said}");
        let reasons = ["No space left", "no room"];
        assert!(reasons.iter().any(|why| error.contains(why)), "{said}");
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

/// Puts a table with many small rows into the snapshot, each with a statement of its own: there, it is
/// not for the table that a server lacks room, but for its log.
fn add_small_rows(ground: &Ground) {
    let from = ground.beside.join("without");
    fs::rename(ground.snapshot(), &from).unwrap();
    let about = archive::manifest(&from).unwrap().unwrap().about;
    repacked(&from, &ground.snapshot(), about.documents, |unpacked| {
        let mut dump = File::options().append(true).open(&unpacked.dump).unwrap();
        writeln!(dump, "create table small (id int primary key);").unwrap();
        for id in 0..3000 {
            writeln!(dump, "insert into small values ({id});").unwrap();
        }
        writeln!(dump, "-- Dump completed").unwrap();
    });
}

fn noise(bytes: u64) -> Vec<u8> {
    let mut noise = Vec::new();
    let random = File::open("/dev/urandom").unwrap();
    random.take(bytes).read_to_end(&mut noise).unwrap();
    noise
}
