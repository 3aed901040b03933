//! Operations drawn at random, ended by SIGKILL at a random moment, with an engine that crashes in
//! the middle of some. Then `recover`: what there was before is there again, or what the operation
//! is for has come about; and everything is whole.

mod operations;
mod own_engine;
mod world;

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use crate::call::Ran;
use crate::chance::Chance;
use crate::picture::Picture;
use crate::tally::Tally;
use crate::whole;
use operations::{OPERATIONS, Operation};
use own_engine::OwnEngine;
use world::World;

#[test]
fn ten_operations_that_are_killed_leave_what_was_or_what_was_wanted() {
    killed(
        "random_kills::ten_operations_that_are_killed_leave_what_was_or_what_was_wanted",
        10,
    );
}

#[test]
#[ignore = "takes an hour"]
fn a_hundred_operations_that_are_killed_leave_what_was_or_what_was_wanted() {
    killed(
        "random_kills::a_hundred_operations_that_are_killed_leave_what_was_or_what_was_wanted",
        100,
    );
}

/// The test of this name with so many operations, inside namespaces of its own.
fn killed(test: &str, operations: usize) {
    if own_engine::is_inside() {
        return operate(operations);
    }
    let (is_well, last) = own_engine::inside(test);
    println!("{last}");
    assert!(is_well, "seed and reasons are above: {last}");
    let said: serde_json::Value = serde_json::from_str(&last).unwrap();
    assert_eq!(said["places"], operations);
}

fn operate(operations: usize) {
    let mut chance = Chance::of(Chance::seed("KOR_TEST_SEED"), 0);
    let mut engine = OwnEngine::started();
    let mut world = World::made();
    let mut tally = Tally::on("real");
    // How long each took at last, in milliseconds.
    let mut took = BTreeMap::new();
    for number in 0..operations {
        world.write(number);
        world.note();
        let fitting: Vec<&Operation> = OPERATIONS.iter().filter(|o| (o.fits)(&world)).collect();
        let operation = *chance.pick(&fitting);
        let before = world.picture();
        let ran = cut(&world, operation, &mut engine, &mut chance, &mut took);
        let ended = settled(&world, operation, &ran)
            .and_then(|()| old_or_new(&mut world, operation, &before))
            .and_then(|state| is_whole(&world).map(|()| state));
        tally.places += 1;
        match ended {
            Ok("old") => tally.old += 1,
            Ok(_) => tally.new += 1,
            Err(why) => tally.other(format!("{number}: {}: {why}\n{ran:?}", operation.words)),
        }
        eprintln!("{number}: {} {} {tally}", operation.words, ran.code);
    }
    println!("{tally}");
    assert!(tally.third.is_empty(), "{}", tally.third.join("\n\n"));
}

/// Begins it, and ends it or the engine, or both, at a moment that is drawn.
fn cut(
    world: &World,
    operation: &Operation,
    engine: &mut OwnEngine,
    chance: &mut Chance,
    took: &mut BTreeMap<&'static str, usize>,
) -> Ran {
    let usual = took.get(operation.words).copied().unwrap_or(8000);
    let most = Duration::from_millis(usual as u64 * 5 / 4 + 100);
    let after = chance.part_of(most);
    let crash = OwnEngine::crash as fn(&mut OwnEngine);
    let (end_engine, kill) = *chance.pick(&[
        (None, true),
        (None, true),
        (Some(crash), true),
        (Some(crash), false),
        (Some(OwnEngine::restart as fn(&mut OwnEngine)), false),
    ]);
    let begun = Instant::now();
    let mut running = world.typed(operation.words).spawn();
    while begun.elapsed() < after && !running.is_over() {
        std::thread::sleep(Duration::from_millis(2));
    }
    let is_over = running.is_over();
    if let Some(end_engine) = end_engine.filter(|_| !is_over) {
        end_engine(engine);
    }
    if !is_over && kill {
        running.signal("KILL");
    }
    let ran = running.end();
    let engine_ended = end_engine.is_some();
    eprintln!("{after:?} of {usual} ms: over {is_over}, engine {engine_ended}, kill {kill}");
    if ran.code == 0 && !engine_ended {
        took.insert(
            operation.words,
            usize::try_from(ran.took.as_millis()).unwrap(),
        );
    }
    ran
}

/// Recovers. What failed and was left to be looked at is done again.
fn settled(world: &World, operation: &Operation, ran: &Ran) -> Result<(), String> {
    let recover = || world.typed("cluster.sh recover --json").run();
    let mut first = recover();
    if first.code == 7 && first.err.contains("boot, then") {
        let booted = world.typed("cluster.sh boot").run();
        if booted.code != 0 {
            return Err(format!("boot before recover: {booted:?}"));
        }
        first = recover();
    }
    let again = recover();
    let fine = first.code == 0 && again.code == 0 && again.json()["changed"] == false;
    if !fine {
        return Err(format!("recover: {first:?} {again:?}"));
    }
    let leaves = [" boot", " start", " restart", " migrate"];
    if matches!(ran.code, 1 | 5) && leaves.iter().any(|verb| operation.words.contains(verb)) {
        let done = world.typed(operation.words).run();
        if done.code != 0 {
            return Err(format!("done again: {done:?}"));
        }
    }
    Ok(())
}

/// Which state that came to: where it is another one, what the operation is for has come about, and
/// its content is what counts.
fn old_or_new(
    world: &mut World,
    operation: &Operation,
    before: &Picture,
) -> Result<&'static str, String> {
    let now = world.picture();
    if now.running() == before.running() {
        return Ok("old");
    }
    if !(operation.is_done)(world) {
        return Err(format!(
            "what it is for has not come about; unlike before in\n{}",
            now.differences(before)
        ));
    }
    world.names.follow(operation.content);
    Ok("new")
}

fn is_whole(world: &World) -> Result<(), String> {
    let complaints = whole::complaints(&world.cluster);
    let lost = world.lost();
    match complaints.is_empty() && lost.is_empty() {
        true => Ok(()),
        false => Err(format!("{}; lost: {lost:?}", complaints.join("\n"))),
    }
}
