//! Snapshots for which an instance can be read and not written to.

use std::sync::atomic::{AtomicBool, Ordering};

use crate::cluster::{Cluster, shared};
use crate::harness::{PLACE, fresh_name, until};
use crate::snapshots::take;
use crate::web::Site;
use crate::writers::EndOf;

fn grants(cluster: &Cluster) -> String {
    cluster.sql("show grants for 'kor_axb'@'%'")
}

/// Kills a snapshot at the first place of this name.
fn kill_at(cluster: &Cluster, place: &str) {
    let log = PLACE.join(fresh_name());
    cluster
        .instance("axb", ["snapshot", "--hold", "read-only"])
        .env("KOR_CLUSTER_CRASH_LOG", &log)
        .ok();
    let places = std::fs::read_to_string(&log).unwrap();
    let at = places.lines().position(|line| line.ends_with(place));
    let at = at.unwrap_or_else(|| panic!("no {place} in {places}")) + 1;
    std::thread::sleep(std::time::Duration::from_millis(1100));
    cluster
        .instance("axb", ["snapshot", "--hold", "read-only"])
        .env("KOR_CLUSTER_CRASH_AT", at.to_string())
        .expect(128 + 9);
}

#[test]
fn readers_read_on_while_nobody_writes_and_the_rights_come_back() {
    let turn = shared();
    let cluster = &turn.cluster;
    let site = Site::of(cluster, "axb", turn.axb);
    site.make("Nefertiti");
    let before = grants(cluster);
    let over = AtomicBool::new(false);
    let (taken, answers) = std::thread::scope(|scope| {
        let reading = scope.spawn(|| {
            let mut answers = Vec::new();
            while !over.load(Ordering::Relaxed) {
                answers.push(site.get("/info").status);
            }
            answers
        });
        let _end = EndOf(&over);
        let taken = take(cluster, "axb", &["--hold", "read-only"]);
        over.store(true, Ordering::Relaxed);
        (taken, reading.join().unwrap())
    });
    assert!(answers.iter().all(|status| *status == 200), "{answers:?}");
    assert_eq!(taken["manifest"]["hold"], "read_only");
    assert_eq!(taken["manifest"]["consistent"], true);
    assert_eq!(grants(cluster), before);
    site.make("Semenchkare");
}

#[test]
fn a_kill_in_the_middle_leaves_a_site_that_reads_and_recover_gives_the_rights_back() {
    let turn = shared();
    let cluster = &turn.cluster;
    let site = Site::of(cluster, "axb", turn.axb);
    let before = grants(cluster);

    kill_at(cluster, "before the hold");
    let meanwhile = grants(cluster);
    assert!(!meanwhile.contains("ALL PRIVILEGES") && !meanwhile.contains("INSERT"));
    assert_eq!(site.get("/info").status, 200);
    assert_eq!(site.get("/statistics").status, 200);
    assert_eq!(site.tries_to_make("Teje"), 500);
    cluster.call(["recover"]).ok();
    assert_eq!(grants(cluster), before);
    site.make("Teje");

    // The next one sweeps up by itself.
    kill_at(cluster, "before connections end");
    take(cluster, "axb", &[]);
    assert_eq!(grants(cluster), before);
    until("the site writes", 10, || site.tries_to_make("Eje") == 200);
}

#[test]
fn who_has_less_than_all_rights_has_the_same_ones_again() {
    let turn = shared();
    let cluster = &turn.cluster;
    let of_it = r"on `kor\_a\_b`.*";
    let grants = || cluster.sql("show grants for 'kor_a_b'@'%'");
    cluster.sql(&format!(
        "revoke show view, lock tables {of_it} from 'kor_a_b'@'%'"
    ));
    let before = grants();
    take(cluster, "a_b", &["--hold", "read-only"]);
    let after = grants();
    cluster.sql(&format!("grant all {of_it} to 'kor_a_b'@'%'"));
    assert_eq!(after, before);
    assert!(!before.contains("SHOW VIEW") && grants().contains("ALL PRIVILEGES"));
}

/// What would be left to him cannot be taken away for a while.
#[test]
fn who_can_write_in_other_ways_is_refused() {
    let turn = shared();
    let cluster = &turn.cluster;
    let account = "'kor_a_b'@'%'";
    let all = r"on `kor\_a\_b`.*";
    let role = format!("create role kct; grant kct to {account}");
    for (given, taken, said) in [
        (
            format!("grant insert on kor_a_b.tags to {account}"),
            format!("revoke insert on kor_a_b.tags from {account}"),
            "single tables",
        ),
        (
            format!("grant insert (name) on kor_a_b.tags to {account}"),
            format!("revoke insert (name) on kor_a_b.tags from {account}"),
            "single",
        ),
        (role, "drop role kct".to_owned(), "the role kct"),
        (
            format!(r"revoke all {all} from {account}; grant all on `kor\_a%`.* to {account}"),
            format!(r"revoke all on `kor\_a%`.* from {account}; grant all {all} to {account}"),
            "no rights",
        ),
    ] {
        cluster.sql(&given);
        let call = cluster.instance("a_b", ["snapshot", "--hold", "read-only"]);
        let ran = call.run();
        cluster.sql(&taken);
        ran.expect(6).says(&[said]);
    }
    take(cluster, "a_b", &["--hold", "read-only"]);
}

#[test]
fn who_is_gone_keeps_nobody_from_going_on() {
    let turn = shared();
    let cluster = &turn.cluster;
    let before = grants(cluster);
    kill_at(cluster, "before the hold");
    let rename = |from: &str, to: &str| cluster.sql(&format!("rename user {from} to {to}"));
    rename("'kor_axb'@'%'", "'kct'@'%'");
    let ran = cluster.call(["recover"]).run();
    rename("'kct'@'%'", "'kor_axb'@'%'");
    cluster.sql("grant all on `kor\\_axb`.* to 'kor_axb'@'%'");
    ran.expect(0).says(&["'kor_axb'@'%' is gone"]);
    assert_eq!(grants(cluster), before);
}
