//! `shutdown` leaves nothing behind but the data, and `boot` brings back what should run.

use crate::cluster::{other, shared};
use crate::docker::{containers, networks};
use crate::web::Site;

#[test]
fn shutdown_leaves_nothing_behind_and_boot_brings_back_what_should_run() {
    let turn = shared();
    let second = other(&turn);
    let cluster = &second.cluster;
    let site = Site::of(cluster, "two", second.two);
    site.make("Wiederkehrer");
    let stopped = cluster.call(["stop", "one", "--json"]).ok().json();
    assert_eq!(stopped["changed"], true);

    let down = cluster.call(["shutdown", "--json"]).ok().json();
    assert_eq!(down["changed"], true);
    assert_eq!(containers(cluster.path()), [""; 0]);
    assert_eq!(networks(cluster.path()), [""; 0]);
    let status = cluster.call(["status", "--json"]).ok().json();
    assert_eq!(status["database"]["condition"], "down");
    assert_eq!(status["instances"][1]["condition"], "down");
    assert_eq!(status["instances"][1]["should_run"], true);
    let again = cluster.call(["shutdown", "--json"]).ok().json();
    assert_eq!(again["changed"], false);
    for words in [
        &["start", "two"][..],
        &["new", "three"],
        &["-i", "two", "db", "select 1"],
        &["-i", "two", "run", "true"],
        &["-i", "two", "migrate"],
    ] {
        cluster
            .call(words.iter().copied())
            .expect(6)
            .says(&["cluster.sh boot"]);
    }

    let up = cluster.call(["boot", "--json"]).ok().json();
    assert_eq!(up["instances"], serde_json::json!(["two"]));
    // No pause: what boot brought back is healthy when it returns.
    assert_eq!(cluster.condition("two"), "up");
    assert_eq!(cluster.condition("one"), "down");
    assert_eq!(site.found("Wiederkehrer"), 1);
    assert_eq!(
        cluster.call(["boot", "--json"]).ok().json()["changed"],
        false
    );
    cluster.call(["start", "one"]).ok();
}

#[test]
fn services_that_run_are_not_touched_by_another_cluster() {
    let turn = shared();
    let second = other(&turn);
    let before = crate::docker::container_states(turn.cluster.path());
    second.cluster.call(["restart", "--all"]).ok();
    assert_eq!(crate::docker::container_states(turn.cluster.path()), before);
}
