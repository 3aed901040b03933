//! Versions that misbehave: the old one answers again, with every row that was acknowledged.

use std::collections::BTreeSet;
use std::time::Duration;

use crate::cluster::Cluster;
use crate::harness::until;
use crate::upgrading::{assert_nothing_left, meanwhile, names, running};

/// What is to be upgraded to, how, and what is said of it.
type Upgrade = (&'static str, &'static [&'static str], &'static str);

const FAILS_HALF_WAY: Upgrade = ("v5.1.91", &[], "this migration fails half-way");
const NEVER_ENDS: Upgrade = ("v5.1.92", &["--timeout", "20"], "20 s");
const NEVER_ANSWERS: Upgrade = ("v5.1.93", &["--timeout", "20"], "20 s");

fn upgrade(cluster: &Cluster, version: &str, more: &[&str]) -> crate::call::Ran {
    let words = ["upgrade", version, "--yes", "--no-snapshot"];
    let words = words.into_iter().chain(more.iter().copied());
    cluster.instance("main", words).run()
}

#[test]
fn the_old_version_answers_again_with_every_row() {
    let (cluster, site) = running();
    site.make("Ankhesenamun");
    for (version, more, said) in [FAILS_HALF_WAY, NEVER_ENDS, NEVER_ANSWERS] {
        let met = meanwhile(&site, 2, || upgrade(&cluster, version, more));
        met.assert_nothing_lost(&cluster);
        assert!(met.unread < Duration::from_secs(5), "{:?}", met.unread);
        met.ran.expect(1).says(&[said]);
        assert_eq!(cluster.condition("main"), "up");
        assert_eq!(cluster.status_of("main")["version"], "5.0.1");
        assert_eq!(cluster.sql("show databases like 'kor%'"), "kor_main");
        assert!(!names(&cluster).contains("spoilt"));
        assert_nothing_left(&cluster);
        // It can be written to.
        site.make(version);
        until("it is found", 20, || site.found(version) > 0);
    }
}

#[test]
fn one_that_dies_after_a_minute_is_seen_in_the_status_and_undone_with_what_was_written() {
    let (cluster, site) = running();
    site.make("Ankhesenamun");
    upgrade(&cluster, "v5.1.94", &[]).ok();
    site.make("Nofretete");
    until("it dies", 180, || cluster.condition("main") != "up");
    cluster
        .instance("main", ["status"])
        .ok()
        .says(&["`upgrade --undo`"]);
    cluster
        .instance("main", ["upgrade", "--undo"])
        .expect(6)
        .says(&["entities", "--discard-new"]);
    let said = cluster
        .instance("main", ["upgrade", "--undo", "--discard-new", "--json"])
        .ok()
        .json();
    assert_eq!(cluster.condition("main"), "up");
    assert_eq!(cluster.status_of("main")["version"], "5.0.1");
    let there = names(&cluster);
    assert!(there.contains("Ankhesenamun") && !there.contains("Nofretete"));
    // What was written in that minute is in the snapshot.
    let snapshot = said["snapshot"].as_str().unwrap();
    cluster.call(["new", "beside", "--from", snapshot]).ok();
    let beside = cluster.schema("beside");
    let found = cluster.sql(&format!(
        "select count(*) from {beside}.entities where name = 'Nofretete'"
    ));
    assert_eq!(found, "1");
}

/// So many upgrades that fail and so many that succeed, with a writer that never pauses. The way
/// down changes no schema, so that nothing has to be given up between two of them.
fn there_and_back(rounds: usize) {
    let (cluster, site) = running();
    let mut acknowledged = BTreeSet::new();
    for round in 0..rounds {
        let (fails, more, _) = [FAILS_HALF_WAY, NEVER_ANSWERS][round / 2 % 2];
        let (to, force) = [("v5.1.0", None), ("v5.0.1", Some("--force"))][round % 2];
        let force: Vec<&str> = force.into_iter().collect();
        for (version, more, code) in [(fails, more, 1), (to, force.as_slice(), 0)] {
            let met = meanwhile(&site, 1, || upgrade(&cluster, version, more));
            met.assert_nothing_lost(&cluster);
            met.ran.expect(code);
            assert!(!met.acknowledged.is_empty());
            acknowledged.extend(met.acknowledged);
        }
        assert_eq!(cluster.status_of("main")["version"], to[1..]);
        assert_nothing_left(&cluster);
    }
    let lost: Vec<_> = acknowledged.difference(&names(&cluster)).cloned().collect();
    assert!(lost.is_empty(), "lost: {lost:?}");
    assert_ne!(cluster.schema("main"), "kor_main");
    println!(
        r#"{{"failed":{rounds},"succeeded":{rounds},"acknowledged":{},"lost":{}}}"#,
        acknowledged.len(),
        lost.len()
    );
}

#[test]
fn no_row_is_lost_by_two_upgrades_that_fail_and_two_that_succeed() {
    there_and_back(2);
}

#[test]
#[ignore = "takes a quarter of an hour"]
fn no_row_is_lost_by_twenty_upgrades_that_fail_and_twenty_that_succeed() {
    there_and_back(20);
}
