//! A cluster that lives on: operation after operation, each drawn, each killed with SIGKILL from
//! outside at a moment that is drawn, each followed by `recover`. What is there then is the state of
//! before or that of the operation at its end, and all of it agrees.

mod drawn;

use std::process::Stdio;
use std::time::Duration;

use crate::bench::Bench;
use crate::chance::Chance;
use crate::place::Place;
use crate::prepared::with_snapshots;
use crate::snapshot::State;
use crate::tally::Tally;
use crate::whole::faults;
use drawn::{Drawn, command, drawn, lines, live_on};

#[test]
fn ten_operations_killed_at_random() {
    killed_at_random(10);
}

#[test]
#[ignore = "takes minutes: script/test --long"]
fn a_hundred_operations_killed_at_random() {
    killed_at_random(100);
}

fn killed_at_random(operations: usize) {
    let seed = Chance::seed("KILLS_SEED");
    let mut place = Place::in_memory();
    with_snapshots(&place);
    let mut tally = Tally::on("fake");
    for number in 0..operations {
        let mut chance = Chance::of(seed, number);
        place = kill_one(place, &mut chance, &mut tally);
    }
    println!("{tally}");
    assert!(tally.third.is_empty(), "{}", tally.third.join("\n\n"));
    assert_eq!(tally.places, operations);
}

/// Some of what is done between two records.
const BETWEEN_RECORDS: Duration = Duration::from_millis(2);

/// Kills one operation, and gives the place back as `recover` leaves it.
fn kill_one(place: Place, chance: &mut Chance, tally: &mut Tally) -> Place {
    let mut bench = Bench::of(place);
    // Between two kills the cluster goes on, or it would hardly ever come to another state.
    if chance.below(2) == 0 {
        live_on(&bench, chance);
        bench = Bench::of(bench.place);
    }
    let old = State::of(&bench.place);
    let drawn = drawn(&bench, chance);
    let new = State::of(&bench.place);
    let moment = killed(&bench, &drawn, chance);

    let (recovered, again) = (bench.recover(), bench.recover());
    let state = State::of(&bench.place);
    tally.places += 1;
    let mut wrong = Vec::new();
    if recovered.code != Some(0) || again.code != Some(0) || again.json()["changed"] != false {
        wrong.push(format!("recover said {recovered:?}, then {again:?}"));
    }
    wrong.extend(faults(&bench.place));
    if state == old {
        tally.old += 1;
    } else if state == new {
        tally.new += 1;
    } else {
        tally.other += 1;
        wrong.push(format!(
            "unlike the old state in\n{}",
            state.differences(&old).join("\n")
        ));
        wrong.push(format!(
            "unlike the new state in\n{}",
            state.differences(&new).join("\n")
        ));
    }
    let said = format!("{:?} killed {moment}", drawn.words);
    println!("{said}");
    if !wrong.is_empty() {
        tally.third.push(format!("{said}: {}", wrong.join("\n")));
    }
    bench.place
}

/// Kills an operation at some moment of its time, or of its records, for some of these are close
/// together; when. One that was over before is no kill, and begins anew.
fn killed(bench: &Bench, drawn: &Drawn, chance: &mut Chance) -> String {
    loop {
        bench.restore();
        let log = tempfile::NamedTempFile::new().unwrap();
        let mut child = command(&bench.place, &drawn.words, log.path())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let moment = if chance.below(2) == 0 {
            let time = chance.part_of(drawn.took);
            std::thread::sleep(time);
            format!("after {time:?} of {:?}", drawn.took)
        } else {
            let record = chance.below(drawn.records) + 1;
            while lines(log.path()) < record && child.try_wait().unwrap().is_none() {
                std::thread::yield_now();
            }
            std::thread::sleep(chance.part_of(BETWEEN_RECORDS));
            format!("behind record {record} of {}", drawn.records)
        };
        child.kill().unwrap();
        if child.wait().unwrap().code().is_none() {
            return moment;
        }
    }
}
