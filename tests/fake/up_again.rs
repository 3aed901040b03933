//! A command that fails ends when what its undo started again answers; where nothing is undone, nobody waits.

use crate::database_change::with_neighbours;
use crate::place::Place;
use crate::prepared::{made, started};

const INSTANCE: &str = "c/instances/a/instance.sh";
const WAITS: &str = "waiting until";

fn fails_at(place: &Place, what: &str) {
    place.change_world(|world| world.fails.push(what.to_owned()));
}

#[test]
fn what_an_undo_started_again_is_waited_for() {
    let place = Place::new();
    started(&place);
    fails_at(&place, "create c_instance_a from coneda/kor:v5.1.0");
    let words = ["upgrade", "v5.1.0", "--yes", "--no-snapshot"];
    let ended = place.link(INSTANCE, &words).with(1);
    assert!(ended.err.contains(WAITS), "{}", ended.err);
    assert!(!ended.err.contains("put back, but"), "{}", ended.err);
}

#[test]
fn what_never_ran_and_what_was_not_stopped_is_not() {
    let place = Place::new();
    with_neighbours(&place);
    fails_at(&place, "create c_mysql from mariadb:11.8");
    let words = ["services", "set", "--database", "mariadb:11.8"];
    let ended = place.link("c/cluster.sh", &words).with(1);
    let line = ended.err.lines().find(|line| line.contains(WAITS)).unwrap();
    assert!(line.contains("until a, b answer"), "{line}");

    // The web process still serves where the copy cannot be migrated.
    place.change_world(|world| world.fails.clear());
    fails_at(&place, "db:migrate");
    let words = ["upgrade", "v5.1.0", "--yes", "--no-snapshot"];
    let ended = place.link(INSTANCE, &words).with(1);
    assert!(!ended.err.contains(WAITS), "{}", ended.err);
}

#[test]
fn what_is_left_as_it_is_is_not_waited_for_once_more() {
    let place = Place::new();
    made(&place);
    fails_at(&place, "start c_instance_a");
    let ended = place.link(INSTANCE, &["start"]).with(1);
    assert!(!ended.err.contains(WAITS), "{}", ended.err);
    assert!(!ended.err.contains("put back"), "{}", ended.err);
}
