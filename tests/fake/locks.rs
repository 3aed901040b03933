//! Two operations at once: one works, the other says who does.

use std::fs::File;

use crate::place::Place;

#[test]
fn a_lock_that_is_held_is_said_with_its_holder_and_waited_for() {
    let place = Place::with_cluster();
    place
        .link("c/cluster.sh", &["new", "a", "--port", "18011"])
        .done();
    let path = place.join("c/.kor-cluster/locks/instance-a");
    let file = File::options().read(true).write(true).open(&path).unwrap();
    let held_by = |pid: u32| {
        let text = format!(r#"{{"pid":{pid},"verb":"snapshot","since":0}}"#);
        std::fs::write(&path, text).unwrap();
    };
    let own = std::process::id();
    held_by(own);
    file.lock().unwrap();
    // An operation on an instance holds the cluster's lock too, beside others.
    let cluster = File::open(place.join("c/.kor-cluster/locks/cluster")).unwrap();
    cluster.lock_shared().unwrap();

    let ended = place.link("c/instances/a/instance.sh", &["start"]).with(3);
    let holder = format!("`snapshot` (process {own})");
    assert!(ended.err.contains(&holder), "{}", ended.err);
    // Who held it before, and is gone, is not who holds it now. No process has such a number.
    held_by(4_194_305);
    let ended = place.link("c/instances/a/instance.sh", &["start"]).with(3);
    assert!(!ended.err.contains("snapshot"), "{}", ended.err);
    assert!(ended.err.contains("has not said yet"), "{}", ended.err);
    held_by(own);
    place.link("c/cluster.sh", &["shutdown"]).with(3);
    place.link("c/cluster.sh", &["list"]).done();
    place.link("c/cluster.sh", &["status"]).done();

    let waiting = std::thread::spawn(move || {
        std::thread::sleep(std::time::Duration::from_millis(300));
        drop((file, cluster));
    });
    place
        .link("c/instances/a/instance.sh", &["start", "--wait", "20"])
        .done();
    waiting.join().unwrap();
}

#[test]
fn an_interrupted_new_blocks_what_needs_its_content_and_nothing_else() {
    let place = Place::with_cluster();
    place
        .link("c/cluster.sh", &["new", "b", "--port", "18012"])
        .done();
    let mut command = place.tool(place.join("c/cluster.sh"));
    command
        .args(["new", "a", "--port", "18013"])
        .env("KOR_CLUSTER_CRASH_AT", "30");
    assert_eq!(
        command.output().unwrap().status.code(),
        None,
        "it was killed"
    );

    let ended = place.link("c/cluster.sh", &["new", "a"]).with(7);
    assert!(ended.err.contains("interrupted `new`"), "{}", ended.err);
    assert!(ended.err.contains("recover"), "{}", ended.err);
    place.link("c/cluster.sh", &["start", "b"]).done();
    place.link("c/cluster.sh", &["stop", "b"]).done();
    place.link("c/cluster.sh", &["shutdown"]).done();
    place.link("c/cluster.sh", &["boot"]).done();
    let status = place
        .link("c/cluster.sh", &["status", "--json"])
        .done()
        .json();
    assert_eq!(status["interrupted"][0]["verb"], "new");

    place.link("c/cluster.sh", &["recover"]).done();
    place.link("c/cluster.sh", &["new", "a"]).done();
    let history = place
        .link("c/cluster.sh", &["history", "--json"])
        .done()
        .json();
    let outcomes: Vec<&str> = history["operations"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|o| o["verb"] == "new")
        .map(|o| o["outcome"].as_str().unwrap())
        .collect();
    assert_eq!(outcomes, ["done", "undone", "done"]);
}

#[test]
fn an_interrupted_start_is_taken_over_by_the_next_one() {
    let place = Place::with_cluster();
    place
        .link("c/cluster.sh", &["new", "a", "--port", "18014"])
        .done();
    let link = "c/instances/a/instance.sh";
    let mut command = place.tool(place.join(link));
    command.arg("start").env("KOR_CLUSTER_CRASH_AT", "6");
    assert_eq!(
        command.output().unwrap().status.code(),
        None,
        "it was killed"
    );
    let ended = place.link(link, &["start"]).done();
    assert!(ended.err.contains("taken over"), "{}", ended.err);
    let again = place.link("c/cluster.sh", &["recover", "--json"]).done();
    assert_eq!(again.json()["changed"], false);
}
