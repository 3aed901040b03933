//! What users of a site notice of an upgrade, beside what its steps take by themselves.
//! `script/bench upgrade` builds it and tells it where everything is.

mod bare;
#[path = "../common/mod.rs"]
mod common;

use std::fs;
use std::process::ExitCode;

use common::Result;
use common::place::{Instance, Place};
use common::run::{self, Ran};
use common::site::{Site, Writes};

use bare::Bare;

/// What is promised, beyond the new version's own start-up and beyond the bare steps.
const UNREAD_MS: f64 = 1_000.0;
const UNWRITTEN_MS: f64 = 3_000.0;

const TO: &str = "v5.1.0";

/// How many write, and how long the migration takes at least, in seconds.
const RUNS: [(usize, u64); 6] = [(1, 0), (1, 10), (1, 30), (8, 0), (8, 10), (8, 30)];

/// One upgrade.
struct Run {
    writers: usize,
    migration_s: u64,
    wall: f64,
    peak_mib: f64,
    read_longest_ms: f64,
    write_refused_ms: f64,
    /// What the new version takes in the old one's place, while nobody gets an answer, in seconds.
    start_up: f64,
    bare: Bare,
}

impl Run {
    /// The steps that keep writers away, by themselves, in milliseconds.
    fn bare_ms(&self) -> f64 {
        (self.bare.whole() + self.start_up) * 1e3
    }
}

fn main() -> ExitCode {
    common::outcome(
        "upgrade",
        Place::of_environment().and_then(|place| measure(&place)),
    )
}

fn measure(place: &Place) -> Result<()> {
    let (instance, _) = common::rows::make_instance(place)?;
    run::say("once without measuring: the first one finds everything cold …");
    bare::measure(place, &instance, &Site::of(&instance)?, (1, TO))?;
    let mut runs = Vec::new();
    let only = std::env::var("KOR_BENCH_ONLY").unwrap_or_default();
    let wanted = |(writers, migration_s): &(usize, u64)| {
        only.is_empty() || only == format!("{writers}/{migration_s}")
    };
    for (writers, migration_s) in RUNS.into_iter().filter(wanted) {
        run::say(&format!(
            "{writers} writing, a migration of {migration_s} s …"
        ));
        runs.push(upgrade(place, &instance, writers, migration_s)?);
    }
    print(&runs);
    Ok(())
}

fn upgrade(place: &Place, instance: &Instance, writers: usize, migration_s: u64) -> Result<Run> {
    migrations_take(instance, migration_s)?;
    let site = Site::of(instance)?;
    // Before and after: what else such a machine does comes and goes, and the migration with it.
    let before = bare::measure(place, instance, &site, (writers, TO))?;
    let (ran, reads, writes) = site.during_many(writers, Writes::Always, || {
        let ran = run::watch(place.call("main", &["upgrade", TO, "--no-snapshot"]))?;
        // The last gap ends with an answer.
        run::shell("answers; sleep 1", &instance.variables())?;
        Ok(ran)
    })?;
    show(&ran);
    let start_up = common::start_up::start_up(place, &place.instance("main")?)?;
    run::watch(place.call("main", &["upgrade", "--undo", "--discard-new"]))?;
    forget_snapshots(place)?;
    let after = bare::measure(place, instance, &site, (writers, TO))?;
    Ok(Run {
        writers,
        migration_s,
        wall: ran.wall,
        peak_mib: ran.peak_mib,
        read_longest_ms: reads.gap_ms,
        write_refused_ms: writes.gap_ms,
        start_up,
        bare: before.mean(&after),
    })
}

/// Writes it where the application reads it.
fn migrations_take(instance: &Instance, seconds: u64) -> Result<()> {
    const KEY: &str = "SAMPLE_MIGRATION_SECONDS=";
    let path = instance.root.join(".env");
    let failed = |e| format!("{}: {e}", path.display());
    let text = fs::read_to_string(&path).map_err(failed)?;
    let others = text.lines().filter(|line| !line.starts_with(KEY));
    let mut text: String = others.map(|line| format!("{line}\n")).collect();
    text.push_str(&format!("{KEY}{seconds}\n"));
    fs::write(&path, text).map_err(failed)
}

/// What an undo kept of what was written is of no use here.
fn forget_snapshots(place: &Place) -> Result<()> {
    let directory = place.cluster.join("snapshots");
    let failed = |e| format!("{}: {e}", directory.display());
    for entry in fs::read_dir(&directory).map_err(failed)? {
        fs::remove_file(entry.map_err(failed)?.path()).map_err(failed)?;
    }
    run::shell("sync", &[]).map(drop)
}

fn show(ran: &Ran) {
    for (at, line) in &ran.said {
        eprintln!("{at:>8.2} s  {line}");
    }
}

fn print(runs: &[Run]) {
    println!(
        "{:>7} {:>9} {:>8} {:>9}   {:>9} {:>9}   {:>9} {:>9}   {:>6}   of that: round, migration, index, start-ups",
        "writers",
        "migration",
        "upgrade",
        "memory",
        "unread",
        "at most",
        "unwritten",
        "at most",
        "bare"
    );
    let mut objects = Vec::new();
    for run in runs {
        let (start_up, bare) = (run.start_up * 1e3, run.bare_ms());
        let read_limit = start_up + UNREAD_MS;
        let write_limit = bare + UNWRITTEN_MS;
        let missed = |value: f64, limit: f64| if value > limit { " missed" } else { "" };
        println!(
            "{:>7} {:>7} s {:>6.1} s {:>5.0} MiB   {:>6.0} ms {:>6.0} ms{}   {:>6.0} ms {:>6.0} ms{}   {:>6.0} ms   {:.2}, {:.2}, {:.2}, {:.2} + {:.2} s",
            run.writers,
            run.migration_s,
            run.wall,
            run.peak_mib,
            run.read_longest_ms,
            read_limit,
            missed(run.read_longest_ms, read_limit),
            run.write_refused_ms,
            write_limit,
            missed(run.write_refused_ms, write_limit),
            bare,
            run.bare.round,
            run.bare.migration,
            run.bare.index,
            run.bare.start_up,
            run.start_up,
        );
        objects.push(format!(
            "{{\"writers\":{},\"migration_s\":{},\"read_longest_ms\":{:.2},\"write_refused_ms\":{:.2},\
             \"start_up_ms\":{start_up:.2},\"bare_ms\":{bare:.2}}}",
            run.writers, run.migration_s, run.read_longest_ms, run.write_refused_ms
        ));
    }
    println!("{{\"runs\":[{}]}}", objects.join(","));
}
