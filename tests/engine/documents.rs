//! The search index's documents in a snapshot.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::cluster::{Cluster, shared};
use crate::docker::address;
use crate::snapshots::{take, unpacked};
use crate::web::Site;

/// What the search server answers to a request.
fn asked(cluster: &Cluster, path: &str, body: Option<&Value>) -> Value {
    let url = format!("http://{}:9200{path}", address(&cluster.search()));
    let mut answer = match body {
        Some(body) => ureq::post(url)
            .content_type("application/json")
            .send(body.to_string())
            .unwrap(),
        None => ureq::get(url).call().unwrap(),
    };
    serde_json::from_str(&answer.body_mut().read_to_string().unwrap()).unwrap()
}

/// An index's documents by their ids, with their types.
fn in_index(cluster: &Cluster, index: &str) -> BTreeMap<String, Value> {
    let found = asked(cluster, &format!("/{index}/_search?size=1000"), None);
    let hits = found["hits"]["hits"].as_array().unwrap();
    let pair = |hit: &Value| {
        let id = hit["_id"].as_str().unwrap().to_owned();
        (id, json!([hit["_type"], hit["_source"]]))
    };
    hits.iter().map(pair).collect()
}

/// The same of a snapshot; each line has exactly the keys that are documented.
fn in_snapshot(path: &str) -> BTreeMap<String, Value> {
    let text = std::fs::read_to_string(unpacked(path).join("index.ndjson.00000")).unwrap();
    let pair = |line: &str| {
        let document: Value = serde_json::from_str(line).unwrap();
        assert_eq!(document.as_object().unwrap().len(), 3, "{line}");
        let id = document["id"].as_str().unwrap().to_owned();
        (id, json!([document["type"], document["source"]]))
    };
    text.lines().map(pair).collect()
}

#[test]
fn the_documents_in_a_snapshot_are_those_of_the_index_also_behind_an_alias() {
    let turn = shared();
    let cluster = &turn.cluster;
    let site = Site::of(cluster, "a_b", turn.a_b);
    site.make("Tutankhamun");
    // More than a page, and seen at once, though the server makes it visible a second later.
    for n in 0..150 {
        let body = json!({"uuid": format!("kct-{n}"), "name": "äöü\n\"", "n": n});
        asked(cluster, &format!("/kor_a_b/entities/kct-{n}"), Some(&body));
    }
    let taken = take(cluster, "a_b", &[]);
    let index = in_index(cluster, "kor_a_b");
    assert!(index.len() > 150);
    let path = taken["path"].as_str().unwrap();
    assert_eq!(in_snapshot(path), index);
    assert_eq!(taken["manifest"]["documents"], index.len());
    cluster.call(["snapshots", "verify", path]).ok();

    let alias = json!({"actions": [{"add": {"index": "kor_a_b", "alias": "kct_alias"}}]});
    asked(cluster, "/_aliases", Some(&alias));
    let env = cluster.instance_root("a_b").join(".env");
    let before = std::fs::read_to_string(&env).unwrap();
    std::fs::write(&env, before.replace("'kor_a_b'", "'kct_alias'")).unwrap();
    std::thread::sleep(std::time::Duration::from_millis(1100));
    let taken = take(cluster, "a_b", &[]);
    std::fs::write(&env, before).unwrap();
    assert_eq!(in_snapshot(taken["path"].as_str().unwrap()), index);
    let open = asked(cluster, "/_nodes/stats/indices/search", None);
    for node in open["nodes"].as_object().unwrap().values() {
        let contexts = &node["indices"]["search"]["open_contexts"];
        assert_eq!(*contexts, 0, "scrolls are left open");
    }
    let alias = json!({"actions": [{"remove": {"index": "kor_a_b", "alias": "kct_alias"}}]});
    asked(cluster, "/_aliases", Some(&alias));
    let ours = json!({"query": {"exists": {"field": "n"}}});
    asked(
        cluster,
        "/kor_a_b/_delete_by_query?refresh=true",
        Some(&ours),
    );
}
