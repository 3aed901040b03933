//! The search index's documents in a snapshot, on the fake engine.

use std::path::PathBuf;
use std::process::Command;

use serde_json::Value;

use crate::place::Place;

fn started() -> Place {
    let place = Place::new();
    place.call(&["create", "c"]).done();
    place.link("c/cluster.sh", &["boot"]).done();
    place
        .link("c/cluster.sh", &["new", "a", "--port", "{a}"])
        .done();
    place
}

/// The one snapshot that this takes: what it says of itself, what was said meanwhile, its file.
fn taken(place: &Place, words: &[&str]) -> (Value, String, PathBuf) {
    let all: Vec<&str> = ["--json", "snapshot"]
        .iter()
        .chain(words)
        .copied()
        .collect();
    let ended = place.link("c/instances/a/instance.sh", &all);
    assert_eq!(ended.code, Some(0), "{ended:?}");
    let said = ended.json()["snapshots"][0].clone();
    let path = PathBuf::from(said["path"].as_str().unwrap());
    (said["manifest"].clone(), ended.err, path)
}

fn entries(path: &PathBuf) -> String {
    let listed = Command::new("sh")
        .args(["-c", "zstd -dqc \"$0\" | tar -t"])
        .arg(path)
        .output()
        .unwrap();
    String::from_utf8(listed.stdout).unwrap()
}

#[test]
fn all_pages_are_in_it_one_document_a_line() {
    let place = started();
    let (manifest, _, path) = taken(&place, &[]);
    assert_eq!(manifest["documents"], 3);
    let lines = Command::new("sh")
        .args(["-c", "zstd -dqc \"$0\" | tar -xO ./index.ndjson.00000"])
        .arg(&path)
        .output()
        .unwrap();
    let lines = String::from_utf8(lines.stdout).unwrap();
    let documents: Vec<Value> = lines
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    let expected: Vec<Value> = (0..3)
        .map(|n| {
            serde_json::json!({
                "id": kor_cluster::engine::fake::document_id(n),
                "type": "entities",
                "source": {"uuid": kor_cluster::engine::fake::document_id(n), "updated_at": n},
            })
        })
        .collect();
    assert_eq!(documents, expected);
    assert_eq!(
        manifest["content"]["index_bytes"].as_u64().unwrap(),
        lines.len() as u64
    );
}

#[test]
fn declined_or_not_there_or_broken_off_they_are_not_in_it_at_all() {
    for (words, fails, warned) in [
        (&["--no-index"][..], None, false),
        (&[], Some("http POST /kor_a/_search"), true),
        // After the first page.
        (&[], Some("http POST /_search/scroll"), true),
    ] {
        let place = started();
        if let Some(fails) = fails {
            place.change_world(|world| world.fails.push(fails.to_owned()));
        }
        let (manifest, said, path) = taken(&place, words);
        assert_eq!(manifest["documents"], Value::Null, "{fails:?}");
        assert!(!entries(&path).contains("index.ndjson"), "{fails:?}");
        assert_eq!(said.contains("search index"), warned, "{said}");
    }
}
