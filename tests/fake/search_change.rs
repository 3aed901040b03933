//! An upgrade that brings another search server along, which all instances of the cluster share.

use std::collections::BTreeSet;
use std::fs;

use crate::place::Place;
use crate::snapshot::State;

const CLUSTER: &str = "c/cluster.sh";
const INSTANCE: &str = "c/instances/a/instance.sh";
const OLD: &str = "elasticsearch:2.2.1";
const NEW: &str = "elasticsearch:5.6.16";

fn made(place: &Place, other: &str) {
    place.call(&["create", "c", "--search-image", OLD]).done();
    place.link(CLUSTER, &["boot"]).done();
    for (name, version, port) in [("a", "v2.1.0", "18001"), ("b", other, "18002")] {
        let words = ["new", name, "--version", version, "--port", port];
        place.link(CLUSTER, &words).done();
    }
    place.link(INSTANCE, &["start"]).done();
}

/// Of two instances one works with the old server alone, the other with both.
pub fn with_old_server(place: &Place) {
    made(place, "v3.0.5");
}

/// The same, upgraded with the server.
pub fn with_new_server(place: &Place) {
    with_old_server(place);
    let words = ["upgrade", "v5.0.1", "--search", NEW, "--no-snapshot"];
    place.link(INSTANCE, &words).done();
}

fn image(place: &Place) -> String {
    let world = place.world();
    let runs = &world.containers["c_elastic"];
    let config = fs::read_to_string(place.join("c/config.sh")).unwrap();
    assert!(config.contains(&runs.spec.image), "{config}");
    runs.spec.image.clone()
}

/// Whose index is there. (What the fake engine's server knows does not go with its directory.)
fn indices(place: &Place) -> BTreeSet<String> {
    let world = place.world();
    let names = world.searches["c_elastic"].keys();
    names
        .map(|name| name.split("__").next().unwrap().to_owned())
        .collect()
}

fn named(names: &[&str]) -> BTreeSet<String> {
    names.iter().map(|name| (*name).to_owned()).collect()
}

#[test]
fn another_instance_that_excludes_it_is_named() {
    let place = Place::new();
    made(&place, "v2.0.1");
    let before = State::of(&place);
    let words = ["upgrade", "v5.0.1", "--search", NEW];
    let refused = place.link(INSTANCE, &words).with(6);
    assert!(refused.err.contains("b (v2.0.1)"), "{}", refused.err);
    assert!(!refused.err.contains("a (v2.1.0)"), "{}", refused.err);
    // Without it the version is refused, with what to say; and a server that it does not work with.
    let refused = place.link(INSTANCE, &["upgrade", "v5.0.1"]).with(6);
    let said = format!("--search {NEW}");
    assert!(refused.err.contains(&said), "{}", refused.err);
    let words = ["upgrade", "v5.0.1", "--search", "elasticsearch:2.4.6"];
    place.link(INSTANCE, &words).with(6);
    assert_eq!(State::of(&place), before);
}

#[test]
fn the_server_comes_with_the_version_and_goes_back_with_it() {
    let place = Place::new();
    with_old_server(&place);
    let words = ["upgrade", "v5.0.1", "--search", NEW, "--json"];
    let said = place.link(INSTANCE, &words).done().json();
    assert_eq!(said["search"], NEW);
    assert_eq!(image(&place), NEW);
    assert_eq!(indices(&place), named(&["kor_a", "kor_b"]));
    assert!(!place.join("c/elastic/data.before").exists());
    place.link(INSTANCE, &["upgrade", "--undo"]).done();
    assert_eq!(image(&place), OLD);
    assert_eq!(indices(&place), named(&["kor_a", "kor_b"]));
    assert!(!place.join("c/elastic/data.before").exists());
}

#[test]
fn a_server_that_both_versions_work_with_stays_on_the_way_back() {
    let place = Place::new();
    crate::crossing::by_files(&place);
    let other = "elasticsearch:5.6.9";
    let words = ["upgrade", "v5.0.1", "--search", other];
    place.link(INSTANCE, &words).done();
    place.link(INSTANCE, &["upgrade", "--undo"]).done();
    assert_eq!(image(&place), other);
    assert_eq!(indices(&place), named(&["kor_a"]));
}

#[test]
fn what_was_cut_off_is_undone_by_who_has_the_cluster_and_blocks_all_others() {
    let place = Place::new();
    with_old_server(&place);
    let before = State::of(&place);
    let cut = |at: usize| {
        let mut command = place.tool(place.join(INSTANCE));
        command.args(["upgrade", "v5.0.1", "--search", NEW, "--no-snapshot"]);
        command.env("KOR_CLUSTER_CRASH_AT", at.to_string());
        assert_eq!(command.output().unwrap().status.code(), None);
    };
    // Somewhere between the two servers.
    let between = (1..).find(|at| {
        cut(*at);
        let there = place.join("c/elastic/data.before").exists();
        if !there {
            place.call(&["recover", "-C", "c"]).done();
        }
        there
    });
    assert!(between.is_some());
    place.link("c/instances/b/instance.sh", &["start"]).with(7);
    place
        .link("c/instances/b/instance.sh", &["snapshot"])
        .with(7);
    place.link(CLUSTER, &["boot"]).done();
    assert_eq!(State::of(&place), before);
}

/// The journal as a tool wrote it that did not know yet what holds the whole cluster.
fn written_by_an_older_tool(place: &Place) {
    let directory = fs::read_dir(place.join("c/.kor-cluster/journal")).unwrap();
    let path = directory.last().unwrap().unwrap().path();
    let text = fs::read_to_string(&path).unwrap();
    let (first, rest) = text.split_once('\n').unwrap();
    let (_, record) = first.split_once(',').unwrap();
    let key = r#""holds_cluster":true,"#;
    assert!(record.contains(key), "{record}");
    let record = record.replace(key, "");
    let crc = crc32fast::hash(format!("{{{record}").as_bytes());
    fs::write(&path, format!("{{\"crc\":{crc},{record}\n{rest}")).unwrap();
}

#[test]
fn one_that_an_older_tool_began_blocks_and_is_undone_as_well() {
    let place = Place::new();
    place.call(&["create", "c", "--search-image", OLD]).done();
    place.link(CLUSTER, &["boot"]).done();
    let words = ["new", "b", "--version", "v3.0.5", "--port", "18002"];
    place.link(CLUSTER, &words).done();
    let before = State::of(&place);
    let mut command = place.tool(place.join(CLUSTER));
    command.args(["services", "set", "--search", NEW]);
    command.env("KOR_CLUSTER_CRASH_AT", "12");
    assert_eq!(command.output().unwrap().status.code(), None);
    assert!(place.join("c/elastic/data.before").exists());
    written_by_an_older_tool(&place);
    place.link("c/instances/b/instance.sh", &["start"]).with(7);
    place.link(CLUSTER, &["boot"]).done();
    assert_eq!(State::of(&place), before);
}
