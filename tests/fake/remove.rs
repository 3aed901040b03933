//! `remove`: what it wants to be told, what it refuses, and what it leaves.

use std::fs;

use crate::place::Place;

const CLUSTER: &str = "c/cluster.sh";
const A: &str = "c/instances/a/instance.sh";

fn with_two() -> Place {
    let place = Place::with_cluster();
    for (name, port) in [("a", "18051"), ("b", "18052")] {
        place.link(CLUSTER, &["new", name, "--port", port]).done();
        place.link(CLUSTER, &["start", name]).done();
    }
    place
}

fn snapshots(place: &Place) -> usize {
    fs::read_dir(place.join("c/snapshots")).unwrap().count()
}

#[test]
fn it_wants_a_yes_and_leaves_the_neighbours_alone() {
    let place = with_two();
    let ended = place.link(A, &["remove"]).with(6);
    assert!(ended.err.contains("--yes"), "{}", ended.err);
    place.link(CLUSTER, &["remove", "--yes"]).with(2);
    place.link(CLUSTER, &["remove", "--yes", "--all"]).with(2);
    place.link(CLUSTER, &["remove", "--yes", "x"]).with(4);
    place.link(A, &["remove", "b", "--yes"]).with(2);
    let before = place.world();
    place.link(A, &["remove", "--dry-run"]).done();
    assert_eq!(place.world(), before);

    let ended = place.link(A, &["remove", "--yes", "--json"]).done();
    assert_eq!(snapshots(&place), 1);
    assert!(std::path::Path::new(ended.json()["snapshot"].as_str().unwrap()).is_file());
    assert!(!place.join("c/instances/a").exists());
    assert!(!place.join("c/.kor-cluster/measured/a.json").exists());
    let world = place.world();
    let text = serde_json::to_string(&world).unwrap();
    for gone in ["c_instance_a", "kor_a"] {
        assert!(!text.contains(gone), "{gone} is still there: {text}");
    }
    assert!(world.runs("c_instance_b") && text.contains("kor_b"));

    // Its port and its name are free again.
    place.link(CLUSTER, &["new", "a", "--port", "18051"]).done();
    place
        .link(CLUSTER, &["remove", "a", "--yes", "--no-snapshot"])
        .done();
    assert_eq!(snapshots(&place), 1);
}

#[test]
fn what_another_instance_works_with_stays() {
    let place = with_two();
    let file = place.join("c/instances/b/config.sh");
    let text = fs::read_to_string(&file).unwrap();
    for (key, word) in [
        ("DB_NAME", "database is"),
        ("DB_USERNAME", "database user is"),
    ] {
        let shared = text.replace(&format!("{key}=kor_b"), &format!("{key}=kor_a"));
        fs::write(&file, shared).unwrap();
        let ended = place.link(A, &["remove", "--yes"]).with(6);
        assert!(ended.err.contains(word), "{}", ended.err);
    }
    fs::write(&file, &text).unwrap();
    let own = place.join("c/instances/a/config.sh");
    let of_a = fs::read_to_string(&own).unwrap();
    fs::write(&own, of_a.replace("DB_USERNAME=kor_a", "DB_USERNAME=root")).unwrap();
    let ended = place.link(A, &["remove", "--yes"]).with(6);
    assert!(ended.err.contains("administrator"), "{}", ended.err);
    assert!(place.join("c/instances/a").exists());
}

#[test]
fn a_version_that_nobody_covers_can_go_without_a_snapshot() {
    let place = with_two();
    let file = place.join("c/instances/a/config.sh");
    let text = fs::read_to_string(&file).unwrap();
    fs::write(&file, text.replace("VERSION=v5.0.1", "VERSION=v9.0.0")).unwrap();
    let ended = place.link(A, &["remove", "--yes"]).with(6);
    assert!(ended.err.contains("--no-snapshot"), "{}", ended.err);
    place.link(A, &["remove", "--yes", "--no-snapshot"]).done();
    assert!(!place.world().containers.contains_key("c_instance_a"));
    assert!(!place.join("c/instances/a").exists());
}

#[test]
fn services_that_are_down_and_commands_at_work_are_in_the_way() {
    let place = with_two();
    place.change_world(|world| {
        let mut job = world.containers["c_instance_a"].clone();
        job.spec.name = "c_job_a_x".to_owned();
        let role = "net.coneda.kor-cluster.role".to_owned();
        job.spec.labels.insert(role, "job".to_owned());
        world.containers.insert(job.spec.name.clone(), job);
    });
    let ended = place.link(A, &["remove", "--yes"]).with(6);
    assert!(ended.err.contains("c_job_a_x"), "{}", ended.err);
    place.link(CLUSTER, &["shutdown"]).done();
    let ended = place.link(A, &["remove", "--yes"]).with(6);
    assert!(ended.err.contains("boot"), "{}", ended.err);
    assert!(place.join("c/instances/a").exists());
}

#[test]
fn files_behind_a_link_are_left_and_a_link_of_an_instance_is_refused() {
    let place = with_two();
    let (data, away) = (place.join("c/instances/a/data"), place.join("away"));
    fs::rename(&data, &away).unwrap();
    std::os::unix::fs::symlink(&away, &data).unwrap();
    let ended = place.link(A, &["remove", "--yes"]).done();
    assert!(ended.out.contains("still there"), "{}", ended.out);
    assert!(away.is_dir());

    let (root, away) = (place.join("c/instances/b"), place.join("b"));
    fs::rename(&root, &away).unwrap();
    std::os::unix::fs::symlink(&away, &root).unwrap();
    let ended = place.link(CLUSTER, &["remove", "b", "--yes"]).with(6);
    assert!(ended.err.contains("is a link"), "{}", ended.err);
}
