//! `snapshots prune`: what goes, what stays, and what is not its own.

use std::collections::BTreeSet;
use std::fs;

use crate::place::Place;

const CLUSTER: &str = "c/cluster.sh";

/// A cluster with a snapshot of `a` on each of these days, all of them the same.
fn with_snapshots(days: &[&str]) -> Place {
    let place = Place::with_cluster();
    place.link(CLUSTER, &["new", "a", "--port", "18061"]).done();
    place.link(CLUSTER, &["-i", "a", "snapshot"]).done();
    let directory = place.join("c/snapshots");
    let first = fs::read_dir(&directory).unwrap().next().unwrap();
    let taken = fs::read(first.as_ref().unwrap().path()).unwrap();
    fs::remove_file(first.unwrap().path()).unwrap();
    for day in days {
        fs::write(directory.join(name(day)), &taken).unwrap();
    }
    place
}

fn name(day: &str) -> String {
    format!("a.{day}_020000.v5.0.1.tar.zst")
}

fn there(place: &Place) -> BTreeSet<String> {
    fs::read_dir(place.join("c/snapshots"))
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect()
}

fn names(days: &[&str]) -> BTreeSet<String> {
    days.iter().map(|day| name(day)).collect()
}

const DAYS: [&str; 5] = ["20260105", "20260106", "20260201", "20260202", "20260203"];

#[test]
fn what_no_rule_keeps_goes_and_is_told() {
    let place = with_snapshots(&DAYS);
    place.link(CLUSTER, &["snapshots", "prune"]).with(2);
    place
        .link(CLUSTER, &["snapshots", "prune", "--keep-last", "0"])
        .with(2);
    let prune = [
        "snapshots",
        "prune",
        "--keep-last",
        "2",
        "--keep-monthly",
        "2",
    ];
    let dry = place.link(CLUSTER, &[&prune[..], &["--dry-run"]].concat());
    let dry = dry.done();
    assert!(
        dry.out.contains("would delete a.20260105") && dry.out.contains("its month"),
        "{}",
        dry.out
    );
    assert_eq!(there(&place), names(&DAYS));
    let said = place
        .link(CLUSTER, &[&prune[..], &["--json"]].concat())
        .done()
        .json();
    let kept = ["20260106", "20260202", "20260203"];
    assert_eq!(there(&place), names(&kept));
    assert_eq!(said["changed"], true);
    assert_eq!(said["snapshots"].as_array().unwrap().len(), 5);
    assert_eq!(said["snapshots"][0]["why"][0], "last");
    assert_eq!(said["snapshots"][0]["whole"], true);
    let again = place.link(CLUSTER, &[&prune[..], &["--json"]].concat());
    assert_eq!(again.done().json()["changed"], false);
    assert_eq!(there(&place), names(&kept));
}

#[test]
fn the_last_good_one_stays_also_when_newer_ones_are_damaged() {
    let place = with_snapshots(&DAYS);
    let newest = ["20260203", "20260202"];
    for day in newest {
        let path = place.join("c/snapshots").join(name(day));
        let bytes = fs::read(&path).unwrap();
        fs::write(&path, &bytes[..bytes.len() / 2]).unwrap();
    }
    let prune = ["snapshots", "prune", "--keep-last", "1"];
    let ended = place.link(CLUSTER, &prune).done();
    assert!(
        ended.out.contains("NOT whole") && ended.out.contains("the last good one"),
        "{}",
        ended.out
    );
    assert_eq!(there(&place), names(&["20260203", "20260201"]));
    // Where none is good, nobody can tell which are worth something.
    let path = place.join("c/snapshots").join(name("20260201"));
    fs::write(&path, "nothing").unwrap();
    place.link(CLUSTER, &prune).done();
    assert_eq!(there(&place), names(&["20260203", "20260201"]));
}

#[test]
fn only_snapshots_of_this_cluster_go_also_those_of_an_instance_that_is_gone() {
    let place = with_snapshots(&DAYS);
    let directory = place.join("c/snapshots");
    for strange in [
        // Of an instance that never was here; its name is not what it says of itself.
        "other.20250101_020000.v5.0.1.tar.zst",
        "other.20250102_020000.v5.0.1.tar.gz",
        // Being written, and no snapshots at all.
        ".a.20250101_020000.v5.0.1.tar.zst.new",
        "a.20250101_020000.v5.0.1.tar",
        "notes.txt",
    ] {
        fs::copy(directory.join(name(DAYS[0])), directory.join(strange)).unwrap();
    }
    let strangers: BTreeSet<String> = there(&place).difference(&names(&DAYS)).cloned().collect();
    place
        .link(CLUSTER, &["remove", "a", "--yes", "--no-snapshot"])
        .done();
    let words = ["-i", "b", "snapshots", "prune", "--keep-last", "1"];
    place.link(CLUSTER, &words).with(4);
    place
        .link(CLUSTER, &["snapshots", "prune", "--keep-last", "1"])
        .done();
    let mut left = names(&DAYS[4..]);
    left.extend(strangers);
    assert_eq!(there(&place), left);
}

#[test]
fn an_instance_that_is_gone_can_be_named() {
    let place = with_snapshots(&DAYS);
    let remove = ["remove", "a", "--yes", "--no-snapshot"];
    place.link(CLUSTER, &remove).done();
    let of_a = |words: &[&str]| place.link(CLUSTER, &[&["-i", "a", "snapshots"], words].concat());
    let listed = of_a(&["list", "--json"]).done().json();
    assert_eq!(listed["snapshots"].as_array().unwrap().len(), DAYS.len());
    of_a(&["verify"]).done();
    let said = of_a(&["prune", "--keep-last", "1", "--json"]).done();
    assert_eq!(said.json()["instances"][0], "a");
    assert_eq!(there(&place), names(&DAYS[4..]));
}
