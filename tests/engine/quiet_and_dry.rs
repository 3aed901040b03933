//! `--dry-run` changes nothing, `--quiet` says nothing but results, and a result is one object.

use crate::cluster::{assert_same, shared};
use crate::harness::{PLACE, fresh_name, tool};

#[test]
fn a_dry_run_of_every_changing_verb_changes_nothing() {
    let turn = shared();
    let cluster = &turn.cluster;
    let before = cluster.picture();
    let schemas = cluster.sql("show databases");
    let calls: [&[&str]; 13] = [
        &["boot"],
        &["shutdown"],
        &["new", "dry"],
        &["start", "a_b"],
        &["stop", "--all"],
        &["restart", "a_b", "axb"],
        &["migrate", "a_b"],
        &[
            "-i",
            "a_b",
            "config",
            "set",
            "SERVER_NAME",
            "kor.example.org",
        ],
        &[
            "-i",
            "a_b",
            "config",
            "set",
            "NOTIFY_SENDER",
            "x@example.org",
        ],
        &["-i", "a_b", "config", "unset", "RAILS_SERVE_STATIC_FILES"],
        &["config", "set", "REQUIRE_MAIL", "true"],
        &["recover"],
        &["stop", "a_b"],
    ];
    for words in calls {
        let ran = cluster
            .call(words.iter().copied().chain(["--dry-run", "--json"]))
            .ok();
        assert_eq!(ran.json()["dry_run"], true, "{words:?}");
        cluster
            .call(words.iter().copied().chain(["--dry-run"]))
            .ok();
        assert_same(&cluster.picture(), &before);
    }
    cluster
        .instance("a_b", ["stop", "--dry-run"])
        .ok()
        .says(&["would", "stop and remove the container"]);
    cluster.instance("a_b", ["init", "--dry-run"]).expect(6);
    assert_same(&cluster.picture(), &before);
    assert_eq!(cluster.sql("show databases"), schemas);

    let root = PLACE.join(fresh_name());
    tool()
        .args(["create", root.to_str().unwrap(), "--dry-run"])
        .ok();
    assert!(!root.exists());
}

#[test]
fn a_quiet_verb_says_nothing_of_its_steps() {
    let turn = shared();
    let cluster = &turn.cluster;
    for words in [
        &["restart", "a_b", "--quiet"][..],
        &["boot", "-q"],
        &["migrate", "a_b", "-q"],
        &["config", "get", "CLUSTER_NAME", "-q"],
    ] {
        let ran = cluster.call(words.iter().copied()).ok();
        let chatter: Vec<&str> = ran
            .err
            .lines()
            .filter(|line| !line.starts_with("warning"))
            .collect();
        assert!(chatter.is_empty(), "{words:?}: {chatter:?}");
        assert!(!ran.out.is_empty(), "{words:?}");
    }
    let loud = cluster.call(["restart", "a_b"]).ok();
    assert!(loud.err.contains("[1/"), "{}", loud.err);
}

#[test]
fn results_go_to_standard_output_and_everything_else_does_not() {
    let turn = shared();
    let cluster = &turn.cluster;
    let calls: [&[&str]; 8] = [
        &["boot"],
        &["start", "--all"],
        &["status"],
        &["list"],
        &["config", "get"],
        &["history"],
        &["contract", "list"],
        &["recover"],
    ];
    for words in calls {
        let ran = cluster.call(words.iter().copied().chain(["--json"])).ok();
        assert!(ran.json().is_object(), "{words:?}: {}", ran.out);
    }
    let error = cluster.call(["start", "nobody", "--json"]).expect(4).json();
    assert_eq!(error["error"]["kind"], "not_found", "{error}");
    assert_eq!(error["error"]["exit_code"], 4);
    let plain = cluster.call(["start", "nobody"]).expect(4);
    assert_eq!(plain.out, "");
    assert!(plain.err.lines().count() <= 3, "{}", plain.err);
    let colourless = cluster
        .call(["start", "nobody"])
        .env("NO_COLOR", "1")
        .expect(4);
    assert!(!colourless.err.contains('\x1b'));
}
