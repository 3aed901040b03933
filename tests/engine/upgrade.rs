//! Another version: with the content, while others read and write, and back.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use crate::cluster::{Cluster, assert_same};
use crate::harness::{files_below, until};
use crate::upgrading::{assert_nothing_left, meanwhile, names, running};

const NEXT: &str = "v5.1.0";

#[test]
fn no_acknowledged_row_is_lost_on_the_way_to_another_version_and_back() {
    let (cluster, site) = running();
    site.upload();
    site.make("Ankhesenamun");
    until("the picture is processed", 30, || {
        cluster.sql("select count(*) from kor_main.media where image_processing") == "0"
    });
    let media = cluster.instance_root("main").join("data/media");
    let pictures = files_below(&media);

    // Tried out first: nobody notices, and nothing of it stays.
    let before = cluster.picture();
    let met = meanwhile(&site, 0, || {
        let words = ["upgrade", NEXT, "--yes", "--rehearse", "--json"];
        cluster.instance("main", words).run()
    });
    let said = met.ran.ok().json();
    assert!(said["write_refused_ms"].as_u64().unwrap() > 0, "{said}");
    assert!(met.unread < Duration::from_secs(5), "{:?}", met.unread);
    let records = |line: &&String| {
        !line.contains("history.jsonl")
            && !line.contains("measured/")
            && *line != ".kor-cluster/next"
    };
    let now = cluster.picture();
    let bare = |lines: &[String]| lines.iter().filter(records).cloned().collect::<Vec<_>>();
    assert_same(&bare(&now), &bare(&before));
    assert_eq!(cluster.sql("show databases like 'kor%'"), "kor_main");
    assert_nothing_left(&cluster);

    let met = meanwhile(&site, 2, || {
        cluster
            .instance("main", ["upgrade", NEXT, "--yes", "--json"])
            .run()
    });
    met.assert_nothing_lost(&cluster);
    // The copy could follow.
    let ran = met.ran.ok();
    assert!(!ran.err.contains("the copy is"), "{}", ran.err);
    let said = ran.json();
    assert_eq!(said["version"], NEXT);
    assert_eq!(cluster.status_of("main")["version"], "5.1.0");
    assert_eq!(cluster.condition("main"), "up");
    assert!(met.acknowledged.len() > 5, "{}", met.acknowledged.len());
    // The new version's own start, with room for a busy machine; a migration takes no part in it.
    assert!(met.unread < Duration::from_secs(60), "{:?}", met.unread);
    assert_eq!(site.found("Ankhesenamun"), 1);
    assert_eq!(files_below(&media), pictures);
    let columns = cluster.sql(&format!(
        "select count(*) from information_schema.columns \
         where table_schema = '{}' and column_name = 'sort_name'",
        cluster.schema("main")
    ));
    assert_eq!(columns, "1");
    assert_nothing_left(&cluster);

    // Something was written since: it is counted, and not given up unasked.
    site.make("Nofretete");
    cluster
        .instance("main", ["upgrade", "--undo"])
        .expect(6)
        .says(&["entities", "--discard-new"]);
    cluster
        .instance("main", ["import", "--undo"])
        .expect(6)
        .says(&["upgrade --undo"]);
    let said = cluster
        .instance("main", ["upgrade", "--undo", "--discard-new", "--json"])
        .ok()
        .json();
    assert_eq!(cluster.condition("main"), "up");
    assert_eq!(cluster.status_of("main")["version"], "5.0.1");
    assert_eq!(cluster.schema("main"), "kor_main");
    let there = names(&cluster);
    assert!(there.contains("Ankhesenamun") && !there.contains("Nofretete"));
    site.make("Thutmosis");
    until("it is found", 20, || site.found("Thutmosis") == 1);
    let given_up = said["snapshot"].as_str().unwrap();
    cluster.call(["snapshots", "verify", given_up]).ok();
    let words = ["import", given_up, "--yes"];
    cluster.instance("main", words).expect(6).says(&["newer"]);
    assert_nothing_left(&cluster);
}

#[test]
fn what_fails_on_the_way_leaves_the_old_version_with_every_row() {
    let (cluster, site) = running();
    site.make("Ankhesenamun");
    // The column that the migration wants to add is there already.
    cluster.sql("alter table kor_main.entities add column sort_name varchar(10)");
    let settings = cluster.sql("show grants for kor_main");
    for words in [
        &["upgrade", NEXT, "--yes", "--no-snapshot"][..],
        // Nothing is done as fast.
        &["upgrade", NEXT, "--yes", "--no-snapshot", "--timeout", "1"],
    ] {
        let met = meanwhile(&site, 2, || cluster.instance("main", words.to_vec()).run());
        met.assert_nothing_lost(&cluster);
        met.ran.expect(1);
        assert_eq!(cluster.condition("main"), "up");
        assert!(met.unread < Duration::from_secs(5), "{:?}", met.unread);
        let grants = cluster.sql("show grants for kor_main");
        assert_eq!(grants, settings);
        assert_eq!(cluster.sql("show databases like 'kor%'"), "kor_main");
        assert_nothing_left(&cluster);
        site.make("Thutmosis");
    }
}

#[test]
fn an_upgrade_that_is_not_allowed_changes_nothing() {
    let cluster = Cluster::booted();
    cluster.add("main");
    let before = cluster.picture();
    for (words, code, says) in [
        (&["upgrade"][..], 2, "VERSION"),
        (&["upgrade", "v9.0.0", "--yes"], 6, "covers"),
        (&["upgrade", "v3.0.5", "--yes"], 6, "older"),
        (&["upgrade", NEXT], 6, "known fault"),
        (&["upgrade", "--undo"], 4, "no former content"),
    ] {
        cluster
            .instance("main", words.to_vec())
            .expect(code)
            .says(&[says]);
    }
    assert_same(&cluster.picture(), &before);
    // What is there already is no fault; and one that does not run is not started.
    cluster.instance("main", ["upgrade", "v5.0.1"]).ok();
    cluster
        .instance("main", ["upgrade", NEXT, "--yes", "--no-snapshot"])
        .ok();
    assert_eq!(cluster.condition("main"), "down");
    assert!(cluster.schema("main").starts_with("kor_main__"));
}

#[test]
fn what_the_log_holds_for_other_schemas_or_against_this_one_is_not_replayed() {
    let (cluster, site) = running();
    cluster.sql("create database kct_other; create table kct_other.t (id int)");
    site.make("Ankhesenamun");
    // Done again and again while the copy is made, by somebody who may do everything.
    let over = AtomicBool::new(false);
    let met = std::thread::scope(|scope| {
        scope.spawn(|| {
            while !over.load(Ordering::Relaxed) {
                cluster.sql(
                    "use kct_other; insert into kor_main.tags (name) values (uuid()); \
                     truncate table kor_main.downloads; \
                     insert into t select 1; use kor_main; create table kct_x (id int); \
                     drop table kct_x;",
                );
                std::thread::sleep(Duration::from_millis(50));
            }
        });
        let met = meanwhile(&site, 1, || {
            let words = ["upgrade", NEXT, "--yes", "--no-snapshot"];
            let ran = cluster.instance("main", words).run();
            over.store(true, Ordering::Relaxed);
            ran
        });
        over.store(true, Ordering::Relaxed);
        met
    });
    // Either it was done rightly, or it was not done.
    met.assert_nothing_lost(&cluster);
    assert!(names(&cluster).contains("Ankhesenamun"));
    assert!(matches!(met.ran.code, 0 | 1), "{}", met.ran.err);
    assert!(met.ran.err.contains("begun anew"), "{}", met.ran.err);
    assert_eq!(cluster.condition("main"), "up");
    assert_nothing_left(&cluster);
}
