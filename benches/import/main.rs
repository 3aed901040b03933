//! What an import costs, and what users of the site notice of it, beside what cannot be undercut and
//! beside the shell script's way. `script/bench import` builds it and tells it where everything is.

#[path = "../common/mod.rs"]
mod common;
mod ways;

use std::process::ExitCode;

use common::Result;
use common::place::{Instance, Place};
use common::run::{self, Ran};
use common::site::{Seen, Site, Writes};
use common::table::{Table, median, most};

/// What is promised.
const RATIO: f64 = 1.3;
const SEARCHABLE_S: f64 = 10.0;
/// Beyond the application's own start-up.
const NOT_ANSWERING_MS: f64 = 2_000.0;
const UNDO_MS: f64 = 5_000.0;
const FASTER: f64 = 3.0;

/// All rounds of tool and floor.
#[derive(Default)]
struct Rounds {
    walls: Vec<f64>,
    floors: Vec<f64>,
    searchable: Vec<f64>,
    undos: Vec<f64>,
    peaks: Vec<f64>,
    reads: Seen,
    writes: Seen,
    steps: Vec<(String, f64)>,
}

fn main() -> ExitCode {
    common::outcome(
        "import",
        Place::of_environment().and_then(|place| measure(&place)),
    )
}

fn measure(place: &Place) -> Result<()> {
    let (instance, entities) = common::rows::make_instance(place)?;
    let site = Site::of(&instance)?;
    run::say("packing it in all forms …");
    let taken = run::watch(place.call("main", &["snapshot"]))?.out;
    ways::pack(place, &instance)?;
    let start_up = common::start_up::start_up(place, &instance)?;
    let index_all = ways::index_all(place, &instance)?;
    let mut rounds = Rounds::default();
    for number in 1..=place.rounds {
        run::say(&format!("round {number} of {} …", place.rounds));
        rounds.add(place, &instance, &site, taken.trim())?;
        check_search(&site, entities)?;
        let undone = run::watch(place.call("main", &["import", "--undo"]))?;
        rounds.undos.push(undone.wall * 1e3);
        run::shell("sync", &[])?;
        let (floor, _, _) = site.during(Writes::Always, || ways::floor(place, &instance))?;
        rounds.floors.push(floor);
        ways::clear(place, &instance)?;
    }
    run::say("the shell script's way …");
    let original = ways::original(place, &instance)?;
    print(place, &rounds, start_up * 1e3, index_all, &original);
    Ok(())
}

impl Rounds {
    fn add(&mut self, place: &Place, instance: &Instance, site: &Site, file: &str) -> Result<()> {
        // What is written after the exchange would stand in the way of the undo.
        let (ran, reads, writes) = site.during(Writes::UntilDown, || {
            let ran = run::watch(place.call("main", &["import", file]))?;
            // The last gap ends with an answer.
            run::shell("answers; sleep 0.2", &instance.variables())?;
            Ok(ran)
        })?;
        self.walls.push(ran.wall);
        self.peaks.push(ran.peak_mib);
        self.steps = steps(&ran);
        self.searchable.push(searchable(&self.steps)?);
        self.reads = std::mem::take(&mut self.reads).and(reads);
        self.writes = std::mem::take(&mut self.writes).and(writes);
        run::shell("sync", &[]).map(drop)
    }
}

/// What the tool did, and how many seconds each of it took: it says what it is about to do.
fn steps(ran: &Ran) -> Vec<(String, f64)> {
    let is_step = |line: &str| line.starts_with('[') && line.contains("] ");
    let begun: Vec<&(f64, String)> = ran.said.iter().filter(|(_, line)| is_step(line)).collect();
    let ends = begun.iter().skip(1).map(|(at, _)| *at);
    let ends = ends.chain([ran.wall]);
    let mut steps: Vec<(String, f64)> = begun
        .iter()
        .zip(ends)
        .map(|((at, line), end)| (line.clone(), end - at))
        .collect();
    if let Some((first, _)) = begun.first() {
        steps.insert(0, ("what is done before the first step".to_owned(), *first));
    }
    steps
}

/// How long the search index took, from the table being there until all of it is found.
fn searchable(steps: &[(String, f64)]) -> Result<f64> {
    let about_index: Vec<f64> = steps
        .iter()
        .filter(|(what, _)| what.contains("search index"))
        .map(|(_, seconds)| *seconds)
        .collect();
    match about_index.is_empty() {
        true => Err("import says nothing about the search index".to_owned()),
        false => Ok(about_index.iter().sum()),
    }
}

/// Whether the application is waited for: in the new content, and then in its place.
fn is_start(what: &str) -> bool {
    what.contains("answers in the new content") || what.contains("is healthy")
}

/// Fails where a search does not find all entities.
fn check_search(site: &Site, entities: u64) -> Result<()> {
    let answer = site
        .get("/entities?terms=bench&per_page=1")
        .map_err(|e| format!("the search does not answer: {e}"))?;
    match answer.contains(&format!("\"total\":{entities},")) {
        true => Ok(()),
        false => Err(format!(
            "the search does not find {entities} entities: {answer}"
        )),
    }
}

fn print(
    place: &Place,
    rounds: &Rounds,
    start_up_ms: f64,
    index_all: f64,
    original: &ways::Original,
) {
    let (wall, floor) = (median(&rounds.walls), median(&rounds.floors));
    let searchable = median(&rounds.searchable);
    let full = place.smaller == 1;
    let mut table = Table::default();
    let third = full.then_some(original.wall / FASTER);
    table.key("wall_s", "import", wall, third);
    table.key(
        "floor_s",
        "floor: zstd -d | tar x beside mariadb < dump",
        floor,
        None,
    );
    table.key(
        "original_s",
        "stop, tar xz, gunzip | mysql, start",
        original.wall,
        None,
    );
    table.line(
        "  of that the site is down",
        &format!("{:.1} s", original.down),
        "",
    );
    // The version is the same, so there is no migration.
    let ratio = (wall - searchable) / floor;
    let starts = rounds.steps.iter().filter(|(what, _)| is_start(what));
    let starts: f64 = starts.map(|(_, seconds)| seconds).sum();
    table.key(
        "ratio",
        "(import - search index) / floor",
        ratio,
        Some(RATIO),
    );
    table.line(
        "  the same without the application's two start-ups",
        &format!("{:.2}", (wall - searchable - starts) / floor),
        "",
    );
    let limit = Some(NOT_ANSWERING_MS + start_up_ms);
    table.key(
        "not_answering_ms",
        "longest without an answer",
        rounds.reads.gap_ms,
        limit,
    );
    table.key(
        "start_up_ms",
        "of which the application, docker run until it answers",
        start_up_ms,
        None,
    );
    table.key(
        "searchable_s",
        "the search index",
        searchable,
        Some(SEARCHABLE_S),
    );
    table.line(
        "  the application's index-all",
        &format!("{index_all:.1} s"),
        "",
    );
    let limit = Some(UNDO_MS + start_up_ms);
    table.key("undo_ms", "import --undo", median(&rounds.undos), limit);
    table.key(
        "peak_mib",
        "memory of the tool at most",
        most(&rounds.peaks),
        None,
    );
    for (what, seen) in [("read", &rounds.reads), ("write", &rounds.writes)] {
        table.line(
            &format!("longest {what} meanwhile"),
            &format!("{:.0} ms", seen.longest_ms),
            "",
        );
    }
    eprintln!("what the last import did:");
    for (what, seconds) in &rounds.steps {
        eprintln!("{seconds:>8.2} s  {what}");
    }
    table.print();
}
