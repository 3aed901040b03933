//! `new` is all or nothing, and what was interrupted is tidied up.

use std::fs;

use serde_json::json;

use crate::cluster::{Cluster, Turn, shared};
use crate::docker::{address, containers, docker};
use crate::harness::{Call, NEWER, PLACE, Running, VERSION, free_port, until};
use crate::web::Site;

/// An image made from the sample application with one of its commands broken.
fn broken_image(version: &str, lines: &str) -> String {
    let repository = PLACE.file_name().unwrap().to_str().unwrap();
    let directory = PLACE.join(format!("image-{version}"));
    fs::create_dir_all(&directory).unwrap();
    let label = PLACE.display();
    let recipe = format!("FROM kor-sample:{version}\nLABEL kor-cluster-test={label}\n{lines}");
    fs::write(directory.join("Dockerfile"), recipe).unwrap();
    let tag = format!("{repository}:{version}");
    docker(&["build", "-q", "-t", &tag, directory.to_str().unwrap()]).ok();
    repository.to_owned()
}

/// Nothing of an instance is left: no directory, container, schema, user or index.
#[track_caller]
fn assert_gone(cluster: &Cluster, instance: &str) {
    assert!(!cluster.instance_root(instance).exists());
    let named = containers(cluster.path());
    assert!(
        !named
            .iter()
            .any(|name| name.contains(&format!("_{instance}"))),
        "{named:?}"
    );
    let schema = format!("kor_{instance}");
    assert_eq!(cluster.sql(&format!("show databases like '{schema}'")), "");
    assert_eq!(
        cluster.sql(&format!(
            "select user from mysql.user where user = '{schema}'"
        )),
        ""
    );
    let address = address(&cluster.search());
    let agent: ureq::Agent = ureq::Agent::config_builder()
        .http_status_as_error(false)
        .build()
        .into();
    let answer = agent
        .get(format!("http://{address}:9200/{schema}"))
        .call()
        .unwrap();
    assert_eq!(answer.status(), 404, "the index {schema}");
    let open = cluster.root.join(".kor-cluster/journal");
    assert_eq!(
        fs::read_dir(open).unwrap().count(),
        0,
        "an operation is open"
    );
}

fn new(turn: &Turn, name: &str) -> Call {
    turn.cluster.call([
        "new",
        name,
        "--version",
        VERSION,
        "--port",
        &free_port().to_string(),
    ])
}

/// A `new` whose first set-up is under way in its container.
fn new_at_work(turn: &Turn, name: &str) -> Running {
    let cluster = &turn.cluster;
    let mut running = new(turn, name).spawn();
    until("the set-up runs", 60, || {
        assert!(!running.is_over(), "it ended before");
        containers(cluster.path())
            .iter()
            .any(|c| c.contains(&format!("_{name}")))
    });
    running
}

#[test]
fn a_set_up_that_fails_leaves_nothing_and_shows_what_the_container_said() {
    let turn = shared();
    let cluster = &turn.cluster;
    let broken = "RUN printf '\\nRake::Task[\"db:setup\"].enhance { puts \"the-set-up-broke\"; exit 3 }\\n' >> Rakefile\n";
    let repository = broken_image(VERSION, broken);
    broken_image(
        NEWER,
        "RUN mv bin/kor bin/kor-whole && printf '#!/bin/sh\\nruby bin/kor-whole \"$@\"\\necho the-index-broke\\nexit 4\\n' > bin/kor && chmod +x bin/kor\n",
    );
    cluster
        .call(["config", "set", "APP_REPOSITORY", &repository])
        .ok();
    let port = free_port().to_string();
    let set_up = cluster
        .call(["new", "broken", "--version", VERSION, "--port", &port])
        .run();
    let index = cluster
        .call(["new", "broken2", "--version", NEWER, "--port", &port])
        .args(["--yes"])
        .run();
    cluster
        .call(["config", "set", "APP_REPOSITORY", "kor-sample"])
        .ok();
    set_up.expect(1).says(&["the-set-up-broke", "exit code 3"]);
    index.expect(1).says(&["the-index-broke", "exit code 4"]);
    assert_gone(cluster, "broken");
    assert_gone(cluster, "broken2");
    cluster.call(["history", "--json"]).ok().says(&["undone"]);
}

#[test]
fn an_interrupted_new_leaves_nothing() {
    let turn = shared();
    for signal in ["INT", "TERM"] {
        let running = new_at_work(&turn, "cut");
        running.signal(signal);
        running.end().expect(1).says(&["interrupted"]);
        assert_gone(&turn.cluster, "cut");
    }
}

#[test]
fn a_killed_new_is_half_done_until_recover_tidies_it_up() {
    let turn = shared();
    let cluster = &turn.cluster;
    let running = new_at_work(&turn, "killed");
    running.signal("KILL");
    running.end();
    let status = cluster.call(["status", "--json"]).ok().json();
    assert_eq!(status["interrupted"][0]["verb"], "new", "{status}");
    new(&turn, "killed").expect(7).says(&["recover"]);
    cluster
        .call(["start", "killed"])
        .expect(7)
        .says(&["recover"]);
    cluster.call(["-i", "killed", "migrate"]).expect(7);
    // Others are not concerned, and whoever boots is not kept from it.
    cluster.call(["restart", "axb"]).ok();
    cluster.call(["boot"]).ok();
    cluster
        .call(["history"])
        .ok()
        .says(&["new killed", "not over"]);
    let recovered = cluster.call(["recover", "--json"]).ok().json();
    assert_eq!(recovered["changed"], true);
    assert_gone(cluster, "killed");
    cluster
        .call(["recover"])
        .ok()
        .says(&["nothing was interrupted"]);
    assert_eq!(
        cluster.call(["status", "--json"]).ok().json()["interrupted"],
        json!([])
    );
    let made = new(&turn, "killed").run();
    made.ok();
    cluster.instance("killed", ["start"]).ok();
    cluster.instance("killed", ["stop"]).ok();
    discard(cluster, "killed");
}

/// Takes an instance away by hand: the tool's own way is not what these tests are about.
pub fn discard(cluster: &Cluster, name: &str) {
    fs::remove_dir_all(cluster.instance_root(name)).unwrap();
    cluster.sql(&format!("drop database kor_{name}; drop user kor_{name}"));
    let address = address(&cluster.search());
    ureq::delete(format!("http://{address}:9200/kor_{name}"))
        .call()
        .unwrap();
}

#[test]
fn a_killed_boot_or_start_is_taken_over_by_the_next() {
    let turn = shared();
    let cluster = &turn.cluster;
    cluster.instance("a_b", ["stop"]).ok();
    let mut running = cluster.instance("a_b", ["start"]).spawn();
    until("its container is there", 30, || {
        assert!(!running.is_over(), "it ended before");
        containers(cluster.path()).contains(&cluster.web("a_b"))
    });
    running.signal("KILL");
    running.end();
    cluster.instance("a_b", ["start"]).ok();
    assert_eq!(cluster.condition("a_b"), "up");
    assert_eq!(
        cluster.call(["status", "--json"]).ok().json()["interrupted"],
        json!([])
    );
}

#[test]
fn an_instance_that_does_not_become_healthy_is_left_to_be_looked_at() {
    let turn = shared();
    let cluster = &turn.cluster;
    let file = cluster.instance_root("a_b").join(".env");
    let before = fs::read_to_string(&file).unwrap();
    fs::write(
        &file,
        before.replace("mysql2://kor_a_b:", "mysql2://kor_a_b:wrong"),
    )
    .unwrap();
    let failed = cluster.instance("a_b", ["restart", "--timeout", "8"]).run();
    let left = containers(cluster.path());
    let status = cluster.status_of("a_b");
    fs::write(&file, &before).unwrap();
    failed
        .expect(1)
        .says(&["a_b is not healthy", "docker logs"]);
    assert!(left.contains(&cluster.web("a_b")), "{left:?}");
    assert_ne!(status["condition"], "up");
    cluster.instance("a_b", ["restart"]).ok();
    assert_eq!(Site::of(cluster, "a_b", turn.a_b).get("/info").status, 200);
}
