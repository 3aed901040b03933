//! The first `boot` after `adopt`.

use std::fs;

use kor_cluster::model::container::State;

use crate::field::{adopted, adopted_down};
use crate::place::Place;

#[test]
fn the_first_boot_asks_and_makes_everything_anew() {
    let place = Place::new();
    adopted(&place);
    place.change_world(|world| {
        world.missing_images.push("elasticsearch:2.2.1".to_owned());
    });
    let before = place.world();
    let ended = place.link("c/cluster.sh", &["boot"]).with(6);
    assert!(place.world() == before, "it asks before it pulls");
    place.change_world(|world| world.missing_images.clear());
    let before = place.world();
    assert!(
        ended.err.contains("c_nginx, c_bg_a, c_instance_a"),
        "{}",
        ended.err
    );
    assert!(ended.err.contains("--yes"), "{}", ended.err);
    let listed = place.link("c/cluster.sh", &["boot", "--dry-run"]).done();
    for line in [
        "stop the container c_nginx and set it aside",
        "start the container c_mysql from mariadb:10.11",
        "fill the search index kor_a if it lacks anything",
        "remove the container c_elastic_before_adopt",
    ] {
        assert!(listed.out.contains(line), "{line}: {}", listed.out);
    }
    assert!(place.world() == before, "nothing was done");

    let ended = place.link("c/cluster.sh", &["boot", "--yes", "--json"]);
    assert_eq!(ended.done().json()["changed"], true);
    let world = place.world();
    let names: Vec<&str> = world.containers.keys().map(String::as_str).collect();
    assert_eq!(names, ["c_elastic", "c_instance_a", "c_mysql", "c_nginx"]);
    for container in world.containers.values() {
        assert_eq!(
            container.spec.network, "c_network",
            "{}",
            container.spec.name
        );
        assert!(!container.spec.labels.is_empty(), "{}", container.spec.name);
        assert_eq!(container.state, State::Running, "{}", container.spec.name);
    }
    assert_eq!(world.searches["c_elastic"]["kor_a"], 3);
    let proxy = &world.containers["c_nginx"].spec;
    assert_eq!(proxy.mounts[0].target, "/etc/nginx/nginx.conf");
    assert_eq!(proxy.published[0].host_port, 18080);
    assert_eq!(proxy.links[0].alias, "instance_a");
    let config = fs::read_to_string(place.join("c/instances/a/config.sh")).unwrap();
    assert!(config.contains("SERVER_NAME=kor.example.org\nSHOULD_RUN=true\n"));
    let status = place.link("c/cluster.sh", &["status", "--json"]).done();
    let status = status.json();
    assert_eq!(status["take_over"], serde_json::Value::Null);
    assert_eq!(status["proxy"]["condition"], "up");
    assert_eq!(status["instances"][0]["condition"], "up");

    let again = place.link("c/cluster.sh", &["boot", "--json"]).done();
    assert_eq!(again.json()["changed"], false);
    place.link("c/cluster.sh", &["shutdown"]).done();
    assert!(place.world().containers.is_empty());
    place.link("c/cluster.sh", &["boot"]).done();
    assert!(place.world().runs("c_nginx"), "the proxy comes back");
    assert!(place.world().runs("c_instance_a"));
}

#[test]
fn with_the_containers_gone_boot_asks_nothing_and_start_makes_the_index() {
    let place = Place::new();
    adopted_down(&place);
    place.link("c/cluster.sh", &["boot"]).done();
    assert!(
        !place.world().runs("c_instance_a"),
        "nobody knows that it should run"
    );
    let ended = place.link("c/instances/a/instance.sh", &["start"]).done();
    assert!(ended.err.contains("has 0 documents of 3"), "{}", ended.err);
    assert_eq!(place.world().searches["c_elastic"]["kor_a"], 3);
    place.change_world(|world| {
        world.searches.get_mut("c_elastic").unwrap().clear();
    });
    let again = place.link("c/instances/a/instance.sh", &["start", "--json"]);
    assert_eq!(again.done().json()["changed"], false);
    assert!(
        place.world().searches["c_elastic"].is_empty(),
        "once it was compared, the index is the application's"
    );
}

#[test]
fn a_failure_brings_the_original_s_containers_back() {
    let place = Place::new();
    adopted(&place);
    let before = place.world();
    place.change_world(|world| world.fails.push("start c_instance_a".to_owned()));
    // The old one does not start either then, so it is mended in between.
    place.link("c/cluster.sh", &["boot", "--yes"]).with(7);
    place.change_world(|world| world.fails.clear());
    for words in [&["start", "a"][..], &["new", "b"]] {
        let ended = place.link("c/cluster.sh", words).with(7);
        assert!(ended.err.contains("recover"), "{}", ended.err);
    }
    place.link("c/cluster.sh", &["recover"]).done();
    let after = place.world();
    let states = |world: &kor_cluster::engine::fake::World| {
        let containers = world.containers.iter();
        containers
            .map(|(name, c)| (name.clone(), c.state, c.spec.clone()))
            .collect::<Vec<_>>()
    };
    assert_eq!(states(&after), states(&before));
    assert_eq!(after.networks, before.networks);
    assert_eq!(after.searches, before.searches);
}

#[test]
fn an_instance_that_cannot_start_is_no_reason_to_stop_it() {
    let place = Place::new();
    adopted(&place);
    let before = place.world();
    let file = place.join("c/instances/a/.env");
    let text = fs::read_to_string(&file).unwrap();
    fs::write(&file, text.replace("DATA_DIR=", "X=")).unwrap();
    let ended = place.link("c/cluster.sh", &["boot", "--yes"]).with(6);
    assert!(ended.err.contains("lacks DATA_DIR"), "{}", ended.err);
    assert!(place.world() == before, "nothing was done");
}
