//! `snapshots prove` of what does not say of which version it is.

use std::fs;
use std::path::PathBuf;
use std::process::Command;

use crate::place::Place;
use crate::snapshot::State;

const CLUSTER: &str = "c/cluster.sh";

/// A cluster with an instance of v5.0.1, and a snapshot of it.
fn with_snapshot(form: &str) -> (Place, PathBuf) {
    let place = Place::with_cluster();
    place.link(CLUSTER, &["new", "a", "--port", "{a}"]).done();
    let words = ["-i", "a", "snapshot", "--format", form, "--json"];
    let said = place.link(CLUSTER, &words).done().json();
    let path = said["snapshots"][0]["path"].as_str().unwrap();
    let path = PathBuf::from(path);
    (place, path)
}

#[test]
fn another_version_than_it_says_itself_is_refused_also_where_only_all_of_it_tells() {
    let (place, taken) = with_snapshot("tar.zst");
    let prove = |name: &str, version: &str| {
        let words = ["snapshots", "prove", name, "--version", version];
        place.link(CLUSTER, &words)
    };
    let refused = prove(taken.to_str().unwrap(), "v5.1.0").with(2);
    assert!(refused.err.contains("is of v5.0.1"), "{}", refused.err);
    // Packed anew its end says nothing any more, and its name neither.
    let packed = place.join("c/snapshots/packed-anew.tar.zst");
    let script = "zstd -dqc \"$1\" | zstd -qc >\"$2\"";
    let status = Command::new("bash")
        .args(["-ec", script, "pack"])
        .args([&taken, &packed])
        .status();
    assert!(status.unwrap().success());
    let before = State::of(&place);
    let refused = prove("packed-anew.tar.zst", "v4.1.0").with(2);
    assert!(refused.err.contains("is of v5.0.1"), "{}", refused.err);
    assert_eq!(State::of(&place), before);
    prove("packed-anew.tar.zst", "v5.0.1").done();
}

#[test]
fn where_nobody_says_the_version_its_migrations_are_compared() {
    let (place, taken) = with_snapshot("tar.gz");
    let name = "unknown.tar.gz";
    fs::rename(&taken, taken.with_file_name(name)).unwrap();
    place.link(CLUSTER, &["snapshots", "prove", name]).with(2);
    let prove = ["snapshots", "prove", name, "--version", "v5.0.1"];
    let plan = place.link(CLUSTER, &[&prove[..], &["--dry-run"]].concat());
    let step = "compare the schema's migrations with those of v5.0.1";
    assert!(plan.done().out.contains(step));
    let done = place.link(CLUSTER, &prove).done();
    let said = "its migrations are those of v5.0.1";
    assert!(done.out.contains(said), "{}", done.out);
    let before = State::of(&place);
    place.change_world(|world| world.fails.push("db:migrate:status".to_owned()));
    let failed = place.link(CLUSTER, &prove).with(1);
    assert!(failed.err.contains("migrations"), "{}", failed.err);
    place.change_world(|world| world.fails.clear());
    assert_eq!(State::of(&place), before);
    // Where its name says it, that is believed.
    fs::rename(taken.with_file_name(name), &taken).unwrap();
    let words = ["snapshots", "prove", taken.to_str().unwrap(), "--dry-run"];
    assert!(!place.link(CLUSTER, &words).done().out.contains(step));
}
