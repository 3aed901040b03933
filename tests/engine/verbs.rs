//! The verbs, called as the cluster and as the instance.

use crate::cluster::{Cluster, shared};
use crate::docker::containers;
use crate::harness::{PLACE, Ran, VERSION, called_plainly, free_port, fresh_name};
use crate::web::Site;

#[test]
fn the_lines_of_the_originals_readme_work_in_their_order_without_a_pause() {
    let _turn = crate::cluster::turn();
    let name = fresh_name();
    let cluster = Cluster {
        root: PLACE.join(&name),
        name,
    };
    let port = free_port();
    let script = format!(
        "set -e\n\
         export KOR_CLUSTER_STATE={state}\n\
         {tool} create {root} --app-repository kor-sample --port {proxy}\n\
         {root}/cluster.sh boot\n\
         VERSION={VERSION} PORT={port} {root}/cluster.sh new my_instance\n\
         {root}/instances/instance.sh start\n",
        state = PLACE.join("state").display(),
        tool = env!("CARGO_BIN_EXE_kor-cluster"),
        root = cluster.path(),
        proxy = free_port(),
    );
    called_plainly("bash", &["-c", &script])
        .ok()
        .says(&[&port.to_string()]);
    let site = Site::of(&cluster, "my_instance", port);
    assert_eq!(site.get("/").status, 200);
    assert_eq!(
        site.json("/info")["info"]["version"],
        VERSION.trim_start_matches('v')
    );

    // What `instances/instance.sh` means with one instance and with two.
    let only = cluster.root.join("instances/instance.sh");
    let of_only = |words: &[&str]| crate::harness::called(&only).args(words.to_vec()).run();
    of_only(&["stop"]).ok();
    of_only(&["config", "get", "NAME"])
        .ok()
        .says(&["my_instance"]);

    // An emptied schema is set up again, a full one is not.
    cluster.sql("drop database kor_my_instance; create database kor_my_instance");
    of_only(&["init", "--keep-default-admin", "--json"]).ok();
    of_only(&["init"]).expect(6);
    of_only(&["start"]).ok();

    cluster
        .call([
            "new",
            "second",
            "--json",
            "--port",
            &free_port().to_string(),
        ])
        .ok();
    let both = ["my_instance", "second"];
    of_only(&["stop"]).expect(2).says(&both);
    of_only(&["config", "get", "NAME"]).expect(2).says(&both);
    of_only(&["stop", "my_instance"]).ok();
    assert_eq!(
        containers(cluster.path()),
        [cluster.search(), cluster.database()]
    );
}

#[test]
fn start_stop_and_restart_say_what_they_did_in_both_ways_of_calling() {
    let turn = shared();
    let cluster = &turn.cluster;
    let calls: [&[&str]; 3] = [&["a_b"], &["-i", "a_b"], &[]];
    for words in calls {
        let run = |verb: &str| -> Ran {
            let words = words.iter().copied().chain([verb, "--json"]);
            // Words of the cluster's link go behind the verb.
            match words.clone().next() {
                Some("a_b") => cluster.call([verb, "a_b", "--json"]).run(),
                Some("-i") => cluster.call(words).run(),
                _ => cluster.instance("a_b", [verb, "--json"]).run(),
            }
            .ok()
        };
        for (verb, condition) in [("stop", "down"), ("start", "up"), ("restart", "up")] {
            let said = run(verb).json();
            assert_eq!(said["command"], verb);
            assert_eq!(said["instances"], serde_json::json!(["a_b"]));
            assert_eq!(said["changed"], true);
            assert_eq!(cluster.condition("a_b"), condition, "{verb}");
        }
    }
    assert_eq!(cluster.condition("axb"), "up");
    let all = cluster.call(["restart", "--all", "--json"]).ok().json();
    assert_eq!(all["instances"], serde_json::json!(["a_b", "axb"]));
}

#[test]
fn status_and_list_show_what_is_and_what_should_be() {
    let turn = shared();
    let cluster = &turn.cluster;
    let status = cluster.call(["status", "--json"]).ok().json();
    assert_eq!(status["cluster"], cluster.name.as_str());
    assert_eq!(status["root"], cluster.path());
    for service in ["database", "search"] {
        assert_eq!(status[service]["condition"], "up", "{status}");
    }
    assert!(
        status["database"]["version"]
            .as_str()
            .unwrap()
            .starts_with("10.11")
    );
    for (at, (name, port)) in [("a_b", turn.a_b), ("axb", turn.axb)].iter().enumerate() {
        let instance = &status["instances"][at];
        assert_eq!(instance["name"], *name);
        assert_eq!(instance["port"], *port);
        assert_eq!(instance["condition"], "up");
        assert_eq!(instance["should_run"], true);
        assert_eq!(instance["asked_version"], VERSION);
        assert_eq!(instance["unfinished"], 0);
        assert!(instance["sizes"].is_object(), "{instance}");
    }
    assert_eq!(status["interrupted"], serde_json::json!([]));
    let one = cluster.instance("axb", ["status", "--json"]).ok().json();
    assert_eq!(one["instances"].as_array().unwrap().len(), 1);
    let list = cluster.call(["list", "--json"]).ok().json();
    assert_eq!(list["clusters"][0]["instances"][0]["web"], "running");
    let list = cluster.instance("axb", ["list", "--json"]).ok().json();
    assert_eq!(list["clusters"][0]["instances"][0]["name"], "axb");
    cluster.call(["status"]).ok().says(&["a_b", "axb", "up"]);
    cluster.call(["list"]).ok().says(&["a_b", "axb", "running"]);
}
