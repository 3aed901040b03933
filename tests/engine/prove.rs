//! Snapshots that are tried out, and of which nothing is left.

use std::fs;

use crate::cluster::{Cluster, assert_same};
use crate::docker::{containers, docker, inspect, networks};
use crate::eras::eras;
use crate::harness::{PLACE, files_below, fresh_name, until};

fn snapshot(cluster: &Cluster, instance: &str) -> String {
    let said = cluster
        .instance(instance, ["snapshot", "--json"])
        .ok()
        .json();
    said["snapshots"][0]["path"].as_str().unwrap().to_owned()
}

/// All that a proof could leave.
fn traces(cluster: &Cluster) -> Vec<String> {
    let mut lines = cluster.picture();
    lines.retain(|line| !line.contains("history.jsonl") && line != ".kor-cluster/next");
    lines.push(cluster.sql("show databases"));
    lines.push(cluster.sql("select user, host from mysql.global_priv order by 1, 2"));
    lines.extend(networks(cluster.path()));
    lines
}

/// The container that the application is tried out in.
fn proof(cluster: &Cluster) -> Option<String> {
    let is_proof = |name: &String| name.contains("_run_proof__");
    containers(cluster.path()).into_iter().find(is_proof)
}

#[test]
fn a_snapshot_is_proven_where_nobody_is_reached_and_nothing_is_left() {
    let cluster = Cluster::booted();
    cluster.add("main");
    cluster.instance("main", ["start"]).ok();
    let path = snapshot(&cluster, "main");
    let before = traces(&cluster);
    let said = cluster
        .call(["snapshots", "prove", &path, "--json"])
        .ok()
        .json();
    assert_eq!(said["version"], "v5.0.1");
    assert_eq!(said["changed"], false);
    assert!(said["rows"].as_u64().unwrap() > 0 && said["tables"].as_u64().unwrap() > 0);
    assert_same(&traces(&cluster), &before);
    let dry = ["snapshots", "prove", &path, "--dry-run"];
    cluster.call(dry).ok().says(&["leads nowhere"]);

    // Killed when the application was started, and looked at.
    let log = PLACE.join(fresh_name());
    let prove = || cluster.call(["snapshots", "prove", &path]);
    prove().env("KOR_CLUSTER_CRASH_LOG", &log).ok();
    let places = fs::read_to_string(&log).unwrap();
    let places: Vec<&str> = places.lines().collect();
    let made = |line: &&str| line.ends_with("after a container was made, before its start");
    let made = places.iter().position(made).unwrap();
    let next = |line: &&str| line.ends_with("after the record, before the deed");
    let at = made + places[made..].iter().position(next).unwrap() + 1;
    prove()
        .env("KOR_CLUSTER_CRASH_AT", at.to_string())
        .expect(128 + 9);
    let container = proof(&cluster).unwrap();
    let format = "{{range $name, $_ := .NetworkSettings.Networks}}{{$name}}{{end}}";
    let network = inspect(&container, format);
    assert!(network.contains("_proof_"), "{network}");
    let internal = docker(&["network", "inspect", "-f", "{{.Internal}}", &network]).ok();
    assert_eq!(internal.text(), "true");
    let inside = |script: &str| docker(&["exec", &container, "bash", "-c", script]);
    inside("exec 3<>/dev/tcp/mysql/3306; exec 4<>/dev/tcp/elastic/9200").ok();
    let mail = inside("echo $MAIL_DELIVERY_METHOD").ok();
    assert_eq!(mail.text(), "test");
    cluster.call(["recover"]).ok();
    assert_same(&traces(&cluster), &before);

    // One that Ctrl-C ends, one that does not come to life in time, one that is damaged.
    let journal = cluster.root.join(".kor-cluster/journal");
    let running = prove().spawn();
    until("it is under way", 60, || files_below(&journal) > 0);
    running.signal("INT");
    assert!([0, 1].contains(&running.end().code));
    assert_same(&traces(&cluster), &before);
    let words = ["snapshots", "prove", &path, "--timeout", "0"];
    cluster.call(words).expect(1);
    let cut = PLACE.join(format!("{}.20260101_000000.v5.0.1.tar.zst", fresh_name()));
    let bytes = fs::read(&path).unwrap();
    fs::write(&cut, &bytes[..bytes.len() / 2]).unwrap();
    let cut = cut.to_str().unwrap();
    cluster.call(["snapshots", "prove", cut]).expect(8);
    let strange = PLACE.join("main.20260101_000000.v9.0.0.tar.gz");
    fs::write(&strange, [0x1f, 0x8b, 8, 0]).unwrap();
    let strange = strange.to_str().unwrap();
    cluster.call(["snapshots", "prove", strange]).expect(6);
    cluster.call(["snapshots", "prove", "nothing"]).expect(4);
    assert_same(&traces(&cluster), &before);
    cluster.call(["shutdown"]).ok();
    cluster
        .call(["snapshots", "prove", &path])
        .expect(6)
        .says(&["boot"]);
}

#[test]
fn snapshots_of_every_era_come_to_life() {
    let (_guard, eras) = eras();
    for (cluster, name) in [
        (&eras.old, "one"),
        (&eras.old, "two"),
        (&eras.new, "three"),
        (&eras.new, "four"),
    ] {
        let path = snapshot(cluster, name);
        let ran = cluster.call(["snapshots", "prove", &path]).ok();
        assert!(ran.text().contains("comes to life"), "{}", ran.out);
        assert_eq!(proof(cluster), None);
        assert_eq!(networks(cluster.path()).len(), 1);
        fs::remove_file(path).unwrap();
    }
}
