//! What of an upgrade is done while the old version still serves: the new one's search index, and most
//! of what guards the copy. What is written after that has to be in the new content all the same.

use std::collections::BTreeMap;
use std::fs;

use serde_json::Value;

use crate::call::Ran;
use crate::cluster::Cluster;
use crate::docker::address;
use crate::harness::{called_plainly, free_port, until};
use crate::index::search;
use crate::upgrading::{assert_nothing_left, meanwhile};
use crate::web::Site;

/// Rows that nothing happens to.
const ROWS: usize = 300;

fn running(version: &str) -> (Cluster, Site) {
    let cluster = Cluster::booted();
    let port = free_port().to_string();
    let words = ["new", "main", "--version", version, "--port", &port];
    cluster.call(words).ok();
    cluster.instance("main", ["start"]).ok();
    let site = Site::of(&cluster, "main", port.parse().unwrap());
    site.upload();
    until("the picture is processed", 60, || {
        cluster.sql("select count(*) from kor_main.media where image_processing") == "0"
    });
    site.make("Ankhesenamun");
    add(
        &cluster,
        "kor_main",
        &format!("join seq_1_to_{ROWS}"),
        "row ",
    );
    cluster
        .instance("main", ["run_headless", "bundle exec bin/kor index-all"])
        .ok();
    (cluster, site)
}

/// Makes entities as nobody does who goes through the application: without documents.
fn add(cluster: &Cluster, schema: &str, times: &str, name: &str) {
    cluster.sql(&format!(
        "use {schema}; insert into entities (uuid, kind_id, collection_id, name, \
         no_name_statement, created_at, updated_at) select uuid(), e.kind_id, e.collection_id, \
         concat('{name}', uuid()), 'enter_name', e.created_at, e.updated_at \
         from entities e {times} where e.name = 'Ankhesenamun'"
    ));
}

/// Writes a document anew whose row keeps its time, as the application does when a neighbour or a
/// picture changes.
fn rewrite(cluster: &Cluster) {
    let found = search(cluster, "/kor_main/_search?q=name:Ankhesenamun");
    let hit = &found["hits"]["hits"][0];
    let text = hit["_source"]
        .to_string()
        .replace("Ankhesenamun", "Hatschepsut");
    let url = format!(
        "http://{}:9200/kor_main/{}/{}",
        address(&cluster.search()),
        hit["_type"].as_str().unwrap(),
        hit["_id"].as_str().unwrap()
    );
    called_plainly("curl", &["-sf", "-XPUT", &url, "-d", &text]).ok();
}

/// Whether a step of the operation that is under way is over.
fn is_over(cluster: &Cluster, step: &str) -> bool {
    let journal = cluster.root.join(".kor-cluster/journal");
    let Some(file) = fs::read_dir(journal).unwrap().next() else {
        return false;
    };
    let text = fs::read_to_string(file.unwrap().path()).unwrap_or_default();
    let mut records = text
        .lines()
        .filter_map(|line| serde_json::from_str::<Value>(line).ok());
    let Some(begin) = records.next() else {
        return false;
    };
    let mut steps = begin["steps"].as_array().into_iter().flatten();
    let at = steps.position(|one| one["step"] == step).unwrap();
    records.any(|record| record["record"] == "did" && record["step"] == at)
}

/// Upgrades, and does something between the last look at the copy and the moment in which writing
/// ends: work that is waited for keeps it there.
fn upgraded_while(cluster: &Cluster, version: &str, deed: impl FnOnce()) -> Ran {
    cluster.sql("update kor_main.media set image_processing = 1");
    let words = ["upgrade", version, "--yes", "--no-snapshot"];
    let running = cluster.instance("main", words).spawn();
    until("it follows", 300, || is_over(cluster, "follow_copy"));
    deed();
    cluster.sql("update kor_main.media set image_processing = 0");
    running.end()
}

/// The rows that have documents, with the seconds of their last change.
fn rows(cluster: &Cluster) -> BTreeMap<String, i64> {
    let rows = cluster.sql(&format!(
        "select uuid, timestampdiff(second, '1970-01-01', updated_at) from {}.entities \
         where deleted_at is null",
        cluster.schema("main")
    ));
    let pair = |line: &str| {
        let (uuid, changed) = line.split_once('\t').unwrap();
        (uuid.to_owned(), changed.parse().unwrap())
    };
    rows.lines().map(pair).collect()
}

fn documents(cluster: &Cluster) -> BTreeMap<String, i64> {
    let index = cluster.schema("main");
    let found = search(cluster, &format!("/{index}/_search?size=5000"));
    let hits = found["hits"]["hits"].as_array().unwrap();
    let pair = |hit: &Value| {
        let id = hit["_id"].as_str().unwrap().to_owned();
        (id, hit["_source"]["updated_at"].as_i64().unwrap())
    };
    hits.iter().map(pair).collect()
}

#[test]
fn an_index_that_was_made_ahead_has_what_was_written_since() {
    for (from, to) in [("v5.0.1", "v5.1.0"), ("v4.1.0", "v5.0.1")] {
        let (cluster, site) = running(from);
        let ran = upgraded_while(&cluster, to, || {
            site.make("Thutmosis");
            add(&cluster, "kor_main", "join seq_1_to_3", "new ");
            cluster.sql(
                "use kor_main; update entities set name = 'Nofretete', \
                 updated_at = updated_at + interval 100 second where name like 'row %' limit 1; \
                 update entities set deleted_at = now() where name like 'row %' limit 2; \
                 delete from entities where name like 'row %' limit 1",
            );
            rewrite(&cluster);
        });
        let ran = ran
            .expect(0)
            .says(&["documents are those of the index that was filled before"]);
        assert!(!ran.err.contains("the copy is"), "{}", ran.err);
        let (rows, documents) = (rows(&cluster), documents(&cluster));
        assert!(rows.len() > ROWS, "{}", rows.len());
        assert_eq!(rows, documents, "{from} to {to}");
        if from == "v5.0.1" {
            // Not the one that had been taken before.
            assert_eq!(site.found("Hatschepsut"), 1);
        }
        for name in ["Thutmosis", "Nofretete"] {
            assert_eq!(site.found(name), 1, "{from} to {to}: {name}");
        }
        assert_nothing_left(&cluster);
    }
}

#[test]
fn what_no_log_has_is_missed_in_the_copy() {
    let (cluster, _) = running("v5.0.1");
    cluster.sql("insert into kor_main.tags (name) values ('kct before')");
    // To empty a table is not to write to it.
    for (unlogged, left) in [
        (
            "insert into kor_main.tags (name) values ('kct unlogged')",
            "2",
        ),
        ("truncate table kor_main.tags", "0"),
    ] {
        // The time of the last change says no more than the second.
        std::thread::sleep(std::time::Duration::from_secs(3));
        let ran = upgraded_while(&cluster, "v5.1.0", || {
            cluster.sql(&format!("set session sql_log_bin = 0; {unlogged}"));
        });
        ran.expect(0)
            .says(&["the copy is made anew while nobody writes", "tags"]);
        let there = format!("select count(*) from {}.tags", cluster.schema("main"));
        assert_eq!(cluster.sql(&(there + " where name like 'kct %'")), left);
        assert_nothing_left(&cluster);
        // Nobody wrote since: it needs no leave.
        cluster.instance("main", ["upgrade", "--undo"]).ok();
        // A server that was just started knows of no table when it was written to.
        cluster.call(["shutdown"]).ok();
        cluster.call(["boot"]).ok();
    }
}

#[test]
fn without_a_log_of_rows_all_is_copied_while_nobody_writes_and_the_plan_says_so() {
    let (cluster, site) = running("v5.0.1");
    // As on a server that was taken over.
    cluster.sql("set global binlog_format = 'STATEMENT'");
    let dry = ["upgrade", "v5.1.0", "--yes", "--dry-run"];
    cluster
        .instance("main", dry)
        .ok()
        .says(&["while nobody writes", "keeps no binary log"]);
    let met = meanwhile(&site, 2, || {
        let words = ["upgrade", "v5.1.0", "--yes", "--no-snapshot"];
        cluster.instance("main", words).run()
    });
    met.assert_nothing_lost(&cluster);
    let ran = met.ran.expect(0);
    assert!(!ran.err.contains("anew while"), "{}", ran.err);
    // What was written last is seen a second later.
    until("all are found", 30, || {
        rows(&cluster).len() == documents(&cluster).len()
    });
    assert_eq!(cluster.status_of("main")["version"], "5.1.0");
    assert_nothing_left(&cluster);
}
