//! Another database server in the place of the one that all instances of a cluster share.

use std::fs;

use crate::place::Place;
use crate::snapshot::State;

const CLUSTER: &str = "c/cluster.sh";
const INSTANCE: &str = "c/instances/a/instance.sh";
const NEW: &str = "mariadb:11.8";

/// Two instances that run, and one that does not.
pub fn with_neighbours(place: &Place) {
    place.call(&["create", "c"]).done();
    place.link(CLUSTER, &["boot"]).done();
    for (name, port) in [("a", "{a}"), ("b", "{b}"), ("d", "{d}")] {
        let words = ["new", name, "--version", "v5.0.1", "--port", port];
        place.link(CLUSTER, &words).done();
    }
    place.link(CLUSTER, &["start", "a", "b"]).done();
}

/// As a server leaves it in its data directory.
fn says_who_wrote_the_data(place: &Place, version: &str) {
    let said = place.join("c/mysql/mariadb_upgrade_info");
    fs::create_dir_all(said.parent().unwrap()).unwrap();
    fs::write(said, version).unwrap();
}

fn image(place: &Place) -> String {
    let world = place.world();
    let runs = &world.containers["c_mysql"];
    let config = fs::read_to_string(place.join("c/config.sh")).unwrap();
    assert!(config.contains(&runs.spec.image), "{config}");
    runs.spec.image.clone()
}

fn running(place: &Place) -> Vec<String> {
    let world = place.world();
    let webs = world.containers.keys();
    webs.filter(|name| name.contains("_instance_"))
        .cloned()
        .collect()
}

#[test]
fn what_does_not_open_the_data_is_refused() {
    let place = Place::new();
    with_neighbours(&place);
    says_who_wrote_the_data(&place, "10.11.6-MariaDB");
    let before = State::of(&place);
    for (image, said) in [
        ("mariadb:10.6", "no older one opens it"),
        ("mysql:8.0", "MariaDB"),
        ("mariadb:12.1", "a (v5.0.1) and b (v5.0.1) and d (v5.0.1)"),
    ] {
        let refused = place
            .link(CLUSTER, &["services", "set", "--database", image])
            .with(6);
        assert!(refused.err.contains(said), "{image}: {}", refused.err);
        let words = ["upgrade", "v5.1.0", "--database", image];
        place.link(INSTANCE, &words).with(6);
    }
    fs::create_dir(place.join("c/mysql.before")).unwrap();
    let words = ["services", "set", "--database", NEW];
    let refused = place.link(CLUSTER, &words).with(6);
    assert!(refused.err.contains("mysql.before"), "{}", refused.err);
    fs::remove_dir(place.join("c/mysql.before")).unwrap();
    place.link(CLUSTER, &["services", "set"]).with(2);
    assert_eq!(State::of(&place), before);
}

#[test]
fn those_that_ran_run_on_it() {
    let place = Place::new();
    with_neighbours(&place);
    let words = ["services", "set", "--database", NEW, "--json"];
    let said = place.link(CLUSTER, &words).done().json();
    assert_eq!(said["database"], NEW);
    assert_eq!(image(&place), NEW);
    assert_eq!(running(&place), ["c_instance_a", "c_instance_b"]);
    assert!(!place.join("c/mysql.before").exists());
    let again = place.link(CLUSTER, &words).done().json();
    assert_eq!(again["changed"], false);
}

#[test]
fn it_comes_with_a_version_and_stays_when_that_is_undone() {
    let place = Place::new();
    with_neighbours(&place);
    let words = ["upgrade", "v5.1.0", "--yes", "--database", NEW, "--json"];
    let said = place.link(INSTANCE, &words).done().json();
    assert_eq!(said["database"], NEW);
    assert_eq!(image(&place), NEW);
    assert_eq!(running(&place), ["c_instance_a", "c_instance_b"]);
    place.link(INSTANCE, &["upgrade", "--undo"]).done();
    assert_eq!(image(&place), NEW);
}

/// Cut off at each place in turn, then everything of the cluster lost: what is put back needs
/// the server that it is in.
#[test]
fn whoever_boots_next_puts_the_old_server_back_even_where_nothing_runs_any_more() {
    let place = Place::new();
    with_neighbours(&place);
    let before = State::of(&place);
    let mut between = 0;
    for at in (1..).step_by(5) {
        let mut command = place.tool(place.join(INSTANCE));
        command.args(["upgrade", "v5.1.0", "--yes", "--no-snapshot"]);
        command.args(["--database", NEW]);
        command.env("KOR_CLUSTER_CRASH_AT", at.to_string());
        if command.output().unwrap().status.code().is_some() {
            break;
        }
        let moved = place.join("c/mysql.before").exists();
        between += u32::from(moved);
        if moved {
            let neighbour = "c/instances/b/instance.sh";
            place.link(neighbour, &["snapshot"]).with(7);
            place.change_world(|world| drop(world.containers.remove("c_mysql")));
            place.link(CLUSTER, &["boot"]).done();
        }
        place.call(&["recover", "-C", "c"]).done();
        if image(&place) == NEW {
            break;
        }
        assert_eq!(State::of(&place), before, "cut off at {at}");
    }
    assert!(between > 5, "{between}");
}

/// An upgrade with it, cut off where this much of it is so.
fn cut_off(place: &Place, is_there: impl Fn(&Place) -> bool) {
    let upgraded = (1..).find(|at| {
        let mut command = place.tool(place.join(INSTANCE));
        command.args(["upgrade", "v5.1.0", "--yes", "--no-snapshot"]);
        command.args(["--database", NEW]);
        command.env("KOR_CLUSTER_CRASH_AT", at.to_string());
        assert_eq!(
            command.output().unwrap().status.code(),
            None,
            "cut off at {at}"
        );
        let there = is_there(place);
        if !there {
            place.call(&["recover", "-C", "c"]).done();
        }
        there
    });
    assert!(upgraded.is_some());
}

/// What is put back is the configuration that the verb then goes on with.
#[test]
fn a_setting_that_is_made_next_does_not_bring_the_new_server_back() {
    let place = Place::new();
    with_neighbours(&place);
    let is_written = |place: &Place| {
        let config = fs::read_to_string(place.join("c/config.sh")).unwrap();
        config.contains(NEW)
    };
    cut_off(&place, is_written);
    let words = ["config", "set", "APP_MEMORY", "2g"];
    place.link(CLUSTER, &words).done();
    assert_eq!(image(&place), "mariadb:10.11");
    assert_eq!(running(&place), ["c_instance_a", "c_instance_b"]);
}

#[test]
fn a_new_server_that_never_answers_again_keeps_nobody_from_going_back() {
    let place = Place::new();
    with_neighbours(&place);
    let before = State::of(&place);
    cut_off(&place, |place| {
        let schemas = &place.world().databases["c_mysql"].schemas;
        schemas.keys().any(|name| name.contains("__"))
    });
    // (What the fake engine's server knows does not go with its data.)
    place.change_world(|world| {
        let database = world.databases.get_mut("c_mysql").unwrap();
        database.schemas.retain(|name, _| !name.contains("__"));
        database.users.retain(|name, _| !name.contains("__"));
        world.fails.push("DROP ".to_owned());
    });
    let said = place.call(&["recover", "-C", "c"]).done();
    assert!(said.err.contains("the database"), "{}", said.err);
    place.change_world(|world| world.fails.clear());
    assert_eq!(State::of(&place), before);
}

#[test]
fn a_neighbour_that_cannot_be_started_again_keeps_nobody_from_working() {
    let place = Place::new();
    with_neighbours(&place);
    place.change_world(|world| world.fails.push("start c_instance_b".to_owned()));
    let words = ["services", "set", "--database", NEW];
    let said = place.link(CLUSTER, &words).with(1);
    assert!(said.err.contains("works with"), "{}", said.err);
    assert_eq!(image(&place), NEW);
    assert_eq!(running(&place), ["c_instance_a"]);
    place.change_world(|world| world.fails.clear());
    place.link(CLUSTER, &["boot"]).done();
    assert_eq!(running(&place), ["c_instance_a", "c_instance_b"]);
}

#[test]
fn another_server_than_the_configured_one_is_not_taken_for_it() {
    let place = Place::new();
    with_neighbours(&place);
    let words = ["config", "set", "DATABASE_IMAGE", NEW];
    place.link(CLUSTER, &words).done();
    for image in [NEW, "mariadb:11.4"] {
        let words = ["services", "set", "--database", image];
        let refused = place.link(CLUSTER, &words).with(6);
        assert!(refused.err.contains("10.11"), "{}", refused.err);
    }
    // Nothing is written while it is changed.
    let place = Place::new();
    with_neighbours(&place);
    cut_off(&place, |place| place.join("c/mysql.before").exists());
    for words in [["run", "true"], ["db", "select 1"]] {
        place.link("c/instances/b/instance.sh", &words).with(3);
    }
    place.call(&["recover", "-C", "c"]).done();
}
