//! Every changing verb, killed with SIGKILL at every place: before each record, between the record
//! and the deed, inside the deed, and after it; then `recover` in a fresh process. What is there
//! afterwards is the old state or the new one, nothing of a third kind.

use std::collections::BTreeSet;

use crate::bench::Bench;
use crate::cases::{CASES, Case};
use crate::place::{Place, ended};
use crate::snapshot::State;
use crate::tally::Tally;

#[test]
fn the_old_or_the_new_state_and_nothing_of_a_third_kind() {
    let covered: BTreeSet<&str> = CASES.iter().map(Case::verb).collect();
    assert_eq!(
        covered,
        kor_cluster::cli::CHANGING.iter().copied().collect()
    );

    let mut tally = Tally::on("fake");
    // For whoever works on one verb: KILLED=upgrade cargo test …
    let only = std::env::var("KILLED").ok();
    let wanted = |case: &&Case| only.as_ref().is_none_or(|verb| *verb == case.verb());
    for case in CASES.iter().filter(wanted) {
        killed_everywhere(case, &mut tally);
    }
    println!("{tally}");
    assert!(tally.third.is_empty(), "{}", tally.third.join("\n\n"));
    assert!(
        only.is_some() || tally.places > 200 && tally.old > 50 && tally.new > 50,
        "{tally}"
    );
}

fn killed_everywhere(case: &Case, tally: &mut Tally) {
    let bench = prepared(case);
    let old = State::of(&bench.place);
    let code = ended(case.command(&bench.place).output().unwrap()).code;
    assert_eq!(
        code,
        Some(i32::from(case.fails.is_some())),
        "{}",
        case.verb()
    );
    let new = State::of(&bench.place);
    for at in 1.. {
        bench.restore();
        let mut command = case.command(&bench.place);
        command.env("KOR_CLUSTER_CRASH_AT", at.to_string());
        let killed = ended(command.output().unwrap());
        if killed.code.is_some() {
            assert!(at > 3, "{}: no place to die at: {killed:?}", case.verb());
            return;
        }
        // A recovery that is killed itself leaves no more of a mess than the first crash.
        let mut chain = vec![at];
        if at % 3 == 0 {
            chain.extend(killed_recovery(&bench, at));
        }
        // What the engine was told to fail at, it still fails at.
        let (ended, again) = (bench.recover(), bench.recover());
        tally.places += 1;
        let state = State::of(&bench.place);
        let name = format!("{} {:?} killed at {chain:?}", case.verb(), case.fails);
        // Going on may fail as well; then it is undone, and that is no success.
        let went_back = case.fails.is_some() && ended.err.contains("undoing what was done");
        let code = if went_back { 1 } else { 0 };
        let fine = ended.code == Some(code) && again.json()["changed"] == false;
        if !fine {
            tally
                .third
                .push(format!("{name}: recover said {ended:?}, then {again:?}"));
        } else if state == old {
            tally.old += 1;
        } else if state == new {
            tally.new += 1;
        } else {
            let from_old = state.differences(&old).join("\n");
            tally.other(format!("{name}: unlike the old state in\n{from_old}"));
        }
    }
}

fn prepared(case: &Case) -> Bench {
    let place = Place::in_memory();
    (case.prepare)(&place);
    if let Some(fails) = case.fails {
        place.change_world(|world| world.fails.push(fails.to_owned()));
    }
    Bench::of(place)
}

/// Kills `recover` itself, at a place that differs from case to case.
fn killed_recovery(bench: &Bench, at: usize) -> Option<usize> {
    let inner = 1 + (at / 3) % 23;
    let mut command = bench.recover_command();
    command.env("KOR_CLUSTER_CRASH_AT", inner.to_string());
    let killed = ended(command.output().unwrap());
    killed.code.is_none().then_some(inner)
}
