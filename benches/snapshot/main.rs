//! What a snapshot costs, and what users of the site notice of it, beside what cannot be undercut and
//! beside the shell script's way. `script/bench snapshot` builds it and tells it where everything is.

#[path = "../common/mod.rs"]
mod common;
mod grown;
mod ways;

use std::fs;
use std::path::Path;
use std::process::ExitCode;
use std::thread;
use std::time::Duration;

use common::Result;
use common::place::{Instance, Place};
use common::run::{self, Ran};
use common::site::{Seen, Site, Writes};
use common::table::{Table, median, most};

/// What is promised.
const RATIO: f64 = 1.2;
const HOLD_MS: f64 = 1_000.0;
const HOLD_200K_MS: f64 = 2_000.0;
const PEAK_MIB: f64 = 64.0;
const SHOW_MS: f64 = 100.0;

/// All rounds of tool and floor.
#[derive(Default)]
struct Rounds {
    walls: Vec<f64>,
    floors: Vec<f64>,
    holds: Vec<f64>,
    peaks: Vec<f64>,
    /// Reads and writes during a snapshot, without one, and during the floor.
    during: (Seen, Seen),
    idle: (Seen, Seen),
    beside_floor: (Seen, Seen),
    bytes: (u64, u64),
    said: Vec<(f64, String)>,
}

fn main() -> ExitCode {
    common::outcome(
        "snapshot",
        Place::of_environment().and_then(|place| measure(&place)),
    )
}

fn measure(place: &Place) -> Result<()> {
    let (instance, _) = common::rows::make_instance(place)?;
    let site = Site::of(&instance)?;
    let mut rounds = Rounds::default();
    for number in 1..=place.rounds {
        run::say(&format!("round {number} of {} …", place.rounds));
        rounds.add(place, &instance, &site)?;
    }
    run::say("the shell script's way …");
    let original = ways::original(place, &instance)?;
    run::say("instances of other sizes …");
    let grown = grown::measure(place)?;
    print(place, rounds, &original, &grown);
    Ok(())
}

impl Rounds {
    fn add(&mut self, place: &Place, instance: &Instance, site: &Site) -> Result<()> {
        let (ran, reads, writes) = site.during(Writes::Always, || take(place, "main"))?;
        add(&mut self.during, reads, writes);
        let file = ran.out.trim().to_owned();
        self.bytes.0 = size(Path::new(&file));
        self.holds.push(held(&ran)?);
        self.walls.push(ran.wall);
        self.peaks.push(ran.peak_mib);
        self.said = ran.said;
        fs::remove_file(&file).map_err(|e| format!("{file}: {e}"))?;
        settle()?;
        let idle = Duration::from_secs_f64(ran.wall);
        let ((), reads, writes) = site.during(Writes::Always, || {
            thread::sleep(idle);
            Ok(())
        })?;
        add(&mut self.idle, reads, writes);
        let (floor, reads, writes) =
            site.during(Writes::Always, || ways::floor(place, instance))?;
        add(&mut self.beside_floor, reads, writes);
        self.floors.push(floor);
        self.bytes.1 = size(&place.scratch.join("floor.tar.zst"));
        run::shell("rm -f \"$SCRATCH\"/*", &ways::variables(place, instance))?;
        settle()
    }
}

/// What was written before is on the disk, so that nobody else pays for it.
fn settle() -> Result<()> {
    run::shell("sync", &[]).map(drop)
}

/// One snapshot, by the tool.
fn take(place: &Place, instance: &str) -> Result<Ran> {
    run::watch(place.call(instance, &["snapshot"]))
}

/// How long writers were held, as the tool says it.
fn held(ran: &Ran) -> Result<f64> {
    let number = |line: &str| {
        let rest = line.split_once("held for ")?.1;
        rest.split_once(" ms")?.0.parse().ok()
    };
    ran.said
        .iter()
        .find_map(|(_, line)| number(line))
        .ok_or_else(|| "snapshot does not say how long writers were held".to_owned())
}

fn add(sum: &mut (Seen, Seen), reads: Seen, writes: Seen) {
    let before = std::mem::take(sum);
    *sum = (before.0.and(reads), before.1.and(writes));
}

fn size(path: &Path) -> u64 {
    path.metadata().map_or(0, |data| data.len())
}

fn print(place: &Place, rounds: Rounds, original: &ways::Original, grown: &grown::Grown) {
    let (wall, floor) = (median(&rounds.walls), median(&rounds.floors));
    let mut table = Table::default();
    let tenth = (place.smaller == 1).then_some(original.wall / 10.0);
    table.key("wall_s", "snapshot", wall, tenth);
    table.key(
        "floor_s",
        "floor: mariadb-dump, then tar | zstd -3 -T2",
        floor,
        None,
    );
    table.key(
        "original_s",
        "stop, mysqldump | gzip, tar cz, start",
        original.wall,
        None,
    );
    table.line(
        "  of that the site is down",
        &format!("{:.1} s", original.down),
        "",
    );
    table.key("ratio", "snapshot / floor", wall / floor, Some(RATIO));
    let (reads, writes) = &rounds.during;
    let (idle_reads, idle_writes) = &rounds.idle;
    table.key(
        "read_longest_ms",
        "longest read during a snapshot",
        reads.longest_ms,
        None,
    );
    table.key(
        "read_longest_idle_ms",
        "longest read without one",
        idle_reads.longest_ms,
        None,
    );
    table.key(
        "write_longest_ms",
        "longest write during a snapshot",
        writes.longest_ms,
        None,
    );
    let beside = [
        ("longest write without one", idle_writes),
        ("longest read while the floor works", &rounds.beside_floor.0),
        (
            "longest write while the floor works",
            &rounds.beside_floor.1,
        ),
    ];
    for (what, seen) in beside {
        table.line(what, &format!("{:.0} ms", seen.longest_ms), "");
    }
    for (what, seen) in [("reads", reads), ("writes", writes)] {
        let what = format!("{what} during snapshots, of which failed");
        let all = seen.answers + seen.failures;
        table.line(&what, &format!("{all}, {}", seen.failures), "");
    }
    table.key(
        "hold_ms",
        "writers are held, at most",
        most(&rounds.holds),
        Some(HOLD_MS),
    );
    let many = format!("the same at {} files", grown.many_files);
    table.key(
        "hold_200k_files_ms",
        &many,
        grown.hold_many_ms,
        Some(HOLD_200K_MS),
    );
    table.key(
        "peak_mib",
        "memory of the tool at most",
        most(&rounds.peaks),
        Some(PEAK_MIB),
    );
    let sizes =
        [grown.small_mb, grown.large_mb].map(|mb| format!("the same with {mb} MB of files"));
    table.key(
        "peak_100mb_mib",
        &sizes[0],
        grown.peak_small_mib,
        Some(PEAK_MIB),
    );
    table.key(
        "peak_10gb_mib",
        &sizes[1],
        grown.peak_large_mib,
        Some(PEAK_MIB),
    );
    table.key(
        "show_ms",
        "snapshots show, of the largest",
        grown.show_ms,
        Some(SHOW_MS),
    );
    let sizes = [rounds.bytes.0, rounds.bytes.1].map(|bytes| bytes / 1_000_000);
    table.line(
        "size: snapshot, floor",
        &format!("{}, {} MB", sizes[0], sizes[1]),
        "",
    );
    for (at, line) in &rounds.said {
        eprintln!("{at:>8.2} s  {line}");
    }
    table.print();
}
