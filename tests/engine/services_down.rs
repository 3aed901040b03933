//! What is said while a service is away, and how fast.

use std::time::Duration;

use crate::cluster::shared;
use crate::docker::docker;
use crate::harness::until;

#[test]
fn a_database_that_stands_still_is_named_within_the_limit_and_list_is_not_slowed() {
    let turn = shared();
    let cluster = &turn.cluster;
    docker(&["pause", &cluster.database()]).ok();
    let status = cluster.call(["status", "--json", "--timeout", "5"]).ok();
    let list = cluster.call(["list", "--json"]).ok();
    docker(&["unpause", &cluster.database()]).ok();
    let said = status.json();
    for instance in said["instances"].as_array().unwrap() {
        assert_eq!(instance["condition"], "unhealthy", "{instance}");
        assert!(
            instance["why"].as_str().unwrap().contains("database"),
            "{instance}"
        );
    }
    assert_ne!(said["database"]["condition"], "up");
    assert!(
        status.took < Duration::from_millis(6500),
        "{:?}",
        status.took
    );
    assert!(list.took < Duration::from_secs(1), "{:?}", list.took);
    assert_eq!(list.json()["clusters"][0]["database"], "paused");
    until("everything is up again", 60, || {
        cluster.condition("a_b") == "up"
    });
}

#[test]
fn a_database_that_is_gone_is_named_and_everything_comes_back_with_it() {
    let turn = shared();
    let cluster = &turn.cluster;
    docker(&["stop", &cluster.database()]).ok();
    let status = cluster.call(["status", "--json", "--timeout", "5"]).ok();
    let list = cluster.call(["list", "--json"]).ok();
    let words = cluster.call(["status", "--timeout", "5"]).ok();
    // The site's own start page is a file and answers all the same.
    let refused = cluster.call(["new", "other"]).run();
    cluster.call(["boot"]).ok();
    let said = status.json();
    assert_eq!(said["database"]["condition"], "down");
    for instance in said["instances"].as_array().unwrap() {
        assert_eq!(instance["condition"], "unhealthy", "{instance}");
        assert!(
            instance["why"].as_str().unwrap().contains("database"),
            "{instance}"
        );
    }
    words.says(&["up but not healthy", "the database is down"]);
    refused.expect(6).says(&["boot"]);
    assert!(
        status.took < Duration::from_millis(6500),
        "{:?}",
        status.took
    );
    assert!(list.took < Duration::from_secs(1), "{:?}", list.took);
    assert_eq!(list.json()["clusters"][0]["database"], "down");
    until("everything is up again", 60, || {
        cluster.condition("axb") == "up"
    });
}

#[test]
fn a_search_server_that_is_gone_is_named() {
    let turn = shared();
    let cluster = &turn.cluster;
    docker(&["stop", &cluster.search()]).ok();
    let status = cluster
        .call(["status", "--json", "--timeout", "5"])
        .ok()
        .json();
    cluster.call(["boot"]).ok();
    assert_eq!(status["search"]["condition"], "down");
    assert_eq!(status["database"]["condition"], "up");
}
