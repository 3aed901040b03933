//! Every changing verb on the real engine, killed with SIGKILL at its places: before each record,
//! between the record and the deed, inside the deed, after it; then `recover` in a fresh process.
//! What is there afterwards is the old state or the new one, nothing of a third kind.

mod cases;
mod sample;
mod walk;

use std::collections::BTreeSet;
use std::sync::Mutex;

use crate::chance::Chance;
use crate::tally::Tally;
use cases::{CASES, Case, LONG};
use sample::Passed;

/// Which of the places that a verb passes are tried.
type Choice = dyn Fn(&Passed, &mut Chance) -> Vec<usize> + Sync;

#[test]
fn the_old_or_the_new_state_on_the_real_engine_at_a_sample_of_places() {
    let covered: BTreeSet<&str> = CASES.iter().map(|case| case.verb).collect();
    assert_eq!(
        covered,
        kor_cluster::cli::CHANGING.iter().copied().collect()
    );
    let seed = Chance::seed("KOR_TEST_SEED");
    let cases = match only() {
        None => sample::in_turns(CASES, &mut Chance::of(seed, 0)),
        Some(_) => CASES.iter().collect(),
    };
    let tally = killed(&cases, &sample::few, seed);
    assert!(
        only().is_some() || tally.old > 20 && tally.new > 20,
        "{tally}"
    );
}

#[test]
#[ignore = "takes hours: every place of every verb"]
fn the_old_or_the_new_state_on_the_real_engine_at_every_place() {
    let cases: Vec<&Case> = CASES.iter().chain(LONG).collect();
    // For whoever has not the time: KILLED_FROM=20 KILLED_EVERY=3.
    let number = |key: &str| std::env::var(key).map_or(1, |text| text.parse().unwrap());
    let (from, step) = (number("KILLED_FROM"), number("KILLED_EVERY"));
    let every =
        move |passed: &Passed, _: &mut Chance| (from..=passed.len()).step_by(step).collect();
    killed(&cases, &every, 0);
}

/// For whoever works on one verb: `KILLED=upgrade`, or `KILLED='upgrade --undo,import'`.
fn only() -> Option<String> {
    std::env::var("KILLED").ok()
}

/// Walks the cases, some at a time, each on a ground of its own.
fn killed(cases: &[&Case], choice: &Choice, seed: u64) -> Tally {
    let only = only();
    let is_one = |case: &Case, only: &String| {
        only.split(',')
            .any(|one| one == case.verb || one == case.name)
    };
    let wanted = |case: &&&Case| only.as_ref().is_none_or(|only| is_one(case, only));
    let wanted: Vec<&Case> = cases.iter().filter(wanted).copied().collect();
    let lanes: BTreeSet<u8> = wanted.iter().map(|case| case.lane).collect();
    let tally = Mutex::new(Tally::on("real"));
    std::thread::scope(|scope| {
        for lane in lanes {
            let mut chance = Chance::of(seed, 1 + usize::from(lane));
            let (wanted, tally) = (&wanted, &tally);
            scope.spawn(move || {
                let mut ground = None;
                for case in wanted.iter().filter(|case| case.lane == lane) {
                    let found = walk::walk(case, &mut ground, choice, &mut chance);
                    add(&mut tally.lock().unwrap(), found);
                }
            });
        }
    });
    let tally = tally.into_inner().unwrap();
    let third = tally.third.join("\n\n");
    // The last line, also where it fails.
    println!("{tally}");
    assert!(third.is_empty(), "{third}");
    tally
}

fn add(all: &mut Tally, found: Tally) {
    all.places += found.places;
    all.old += found.old;
    all.new += found.new;
    all.other += found.other;
    all.third.extend(found.third);
}
