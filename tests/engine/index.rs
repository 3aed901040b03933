//! The search index of what was imported: made of the snapshot's documents, mended where they differ.

use std::fs;
use std::path::Path;

use serde_json::Value;

use crate::cluster::Cluster;
use crate::docker::address;
use crate::harness::{PLACE, called_plainly, free_port, until};
use crate::repacked::repacked;
use crate::web::Site;

/// Rows beside those that a set-up makes.
const ROWS: u64 = 1200;

/// An answer of the search server's.
pub fn search(cluster: &Cluster, path: &str) -> Value {
    let address = address(&cluster.search());
    let url = format!("http://{address}:9200{path}");
    serde_json::from_str(called_plainly("curl", &["-sf", &url]).ok().text()).unwrap()
}

/// The documents of an index, as a snapshot has them.
fn documents(cluster: &Cluster, index: &str) -> Vec<String> {
    let answer = search(cluster, &format!("/{index}/_search?size=10000"));
    let hits = answer["hits"]["hits"].as_array().unwrap();
    let line = |hit: &Value| {
        let (id, kind, source) = (&hit["_id"], &hit["_type"], &hit["_source"]);
        format!(r#"{{"id":{id},"type":{kind},"source":{source}}}"#)
    };
    hits.iter().map(line).collect()
}

#[test]
fn documents_travel_with_the_snapshot_and_what_differs_is_mended() {
    let cluster = Cluster::booted();
    let port = cluster.add("main");
    cluster.instance("main", ["start"]).ok();
    let site = Site::of(&cluster, "main", port);
    site.make("Ankhesenamun");
    cluster.sql(&format!(
        "use kor_main; insert into entities (uuid, kind_id, collection_id, name, no_name_statement, \
         created_at, updated_at) select uuid(), e.kind_id, e.collection_id, concat('row ', seq), \
         'enter_name', e.created_at, e.updated_at from entities e join seq_1_to_{ROWS} \
         where e.name = 'Ankhesenamun'"
    ));
    cluster
        .instance("main", ["run_headless", "bundle exec bin/kor index-all"])
        .ok();
    site.make("Thutmosis");
    until("it is found", 20, || site.found("Thutmosis") == 1);
    let all = documents(&cluster, "kor_main");
    assert!(all.len() as u64 >= ROWS + 2, "{}", all.len());
    let said = cluster.instance("main", ["--json", "snapshot"]).ok().json();
    let taken = said["snapshots"][0]["path"].as_str().unwrap().to_owned();
    let mut lines: Vec<String> = all
        .iter()
        .filter(|line| !line.contains("Thutmosis"))
        .map(|line| line.replace(r#""name":"row 7""#, r#""name":"taken""#))
        .collect();
    lines.push(lines[0].replace(r#"{"id":""#, r#"{"id":"x"#));
    let to = PLACE.join("carried.20260101_000000.v5.0.1.tar.zst");
    let count = lines.len() as u64;
    repacked(Path::new(&taken), &to, Some(count), |unpacked| {
        fs::write(&unpacked.documents, lines.join("\n") + "\n").unwrap();
    });

    cluster
        .instance("main", ["import", to.to_str().unwrap()])
        .ok()
        .says(&["are those of the snapshot, 1 were written anew"]);
    assert_eq!(site.found("Ankhesenamun"), 1);
    assert_eq!(site.found("Thutmosis"), 1);
    // It is the document that was taken, and not one that the application made.
    assert_eq!(site.found("taken"), 1);
    let schema = cluster.sql("show databases like 'kor%__%'");
    let index = schema.lines().last().unwrap();
    assert_eq!(documents(&cluster, index).len(), all.len());
    let mapping = |index: &str| search(&cluster, &format!("/{index}/_mapping"))[index].clone();
    assert_eq!(mapping(index), mapping("kor_main"));

    let other = free_port().to_string();
    let words = [
        "new",
        "other",
        "--port",
        &other,
        "--from",
        to.to_str().unwrap(),
    ];
    cluster
        .call(words)
        .ok()
        .says(&["are those of the snapshot"]);
    cluster.instance("other", ["start"]).ok();
    let copy = Site::of(&cluster, "other", other.parse().unwrap());
    assert_eq!(copy.found("taken"), 1);
    assert_eq!(copy.found("Thutmosis"), 1);

    // The shell script's form has none: those of the index that is given up are taken.
    let said = cluster
        .instance("main", ["--json", "snapshot", "--format", "tar.gz"])
        .ok()
        .json();
    let plain = said["snapshots"][0]["path"].as_str().unwrap().to_owned();
    cluster
        .instance("main", ["import", &plain])
        .ok()
        .says(&["are those of the index kor_main__"]);
    assert_eq!(site.found("Thutmosis"), 1);
    assert_eq!(site.found("taken"), 1);
}
