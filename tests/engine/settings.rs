//! What stands in the files: read, changed, and never run.

use std::fs::{self, OpenOptions};
use std::io::Write;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use crate::cluster::{Cluster, assert_same, shared, turn};
use crate::harness::{PLACE, fresh_name};

fn append(file: &Path, text: &str) {
    OpenOptions::new()
        .append(true)
        .open(file)
        .unwrap()
        .write_all(text.as_bytes())
        .unwrap();
}

#[test]
fn a_line_that_the_application_would_run_or_expand_is_refused_with_file_line_and_key() {
    let turn = shared();
    let cluster = &turn.cluster;
    let file = cluster.instance_root("a_b").join(".env");
    let before = fs::read_to_string(&file).unwrap();
    let marker = PLACE.join(fresh_name());
    let line = format!("line {}", before.lines().count() + 1);
    let file_name = file.to_str().unwrap();
    let bad = [
        format!("CUSTOM=\"$(touch {})\"\n", marker.display()),
        format!("CUSTOM=$(touch {})\n", marker.display()),
        "CUSTOM=\"${HOME}\"\n".to_owned(),
        "CUSTOM=$HOME\n".to_owned(),
        "export CUSTOM=x$HOME\n".to_owned(),
    ];
    for text in &bad {
        fs::write(&file, format!("{before}{text}")).unwrap();
        for call in [
            cluster.instance("a_b", ["start"]),
            cluster.instance("a_b", ["restart"]),
            cluster.call(["start", "--all"]),
            cluster.instance("a_b", ["config", "set", "NOTIFY_SENDER", "kor@example.org"]),
        ] {
            call.expect(6).says(&[file_name, &line, "CUSTOM"]);
        }
        assert_eq!(
            fs::read_to_string(&file).unwrap(),
            format!("{before}{text}")
        );
    }
    fs::write(&file, &before).unwrap();
    assert!(!marker.exists(), "it was run");
    assert_eq!(cluster.condition("a_b"), "up");
}

#[test]
fn a_setting_reaches_the_application_as_it_was_typed() {
    let turn = shared();
    let cluster = &turn.cluster;
    let value = "$(id) \"x\" ${HOME} `id` #5";
    let next = cluster
        .instance("a_b", ["config", "set", "NOTIFY_SENDER", value])
        .ok();
    next.says(&["restart"]);
    assert_eq!(
        cluster
            .instance("a_b", ["config", "get", "NOTIFY_SENDER"])
            .ok()
            .text(),
        value
    );
    let seen = cluster
        .call([
            "-i",
            "a_b",
            "run",
            "bundle exec rails r 'puts ENV[%(NOTIFY_SENDER)]'",
        ])
        .ok();
    assert_eq!(seen.text(), value);
    // From standard input, where a secret belongs.
    cluster
        .call(["-i", "a_b", "config", "set", "NOTIFY_SENDER", "-"])
        .input("it's\n")
        .ok();
    let seen = cluster
        .instance(
            "a_b",
            ["run", "bundle exec rails r 'puts ENV[%(NOTIFY_SENDER)]'"],
        )
        .ok();
    assert_eq!(seen.text(), "it's");
    cluster
        .instance("a_b", ["config", "unset", "NOTIFY_SENDER"])
        .ok();
    cluster
        .instance("a_b", ["config", "get", "NOTIFY_SENDER"])
        .expect(4);
    let file = cluster.instance_root("a_b").join(".env");
    assert_eq!(file.metadata().unwrap().permissions().mode() & 0o777, 0o600);
    let status = cluster.status_of("a_b");
    assert_eq!(status["restart_needed"], true, "{status}");
    cluster.instance("a_b", ["restart"]).ok();
    assert_eq!(cluster.status_of("a_b")["restart_needed"], false);
}

#[test]
fn what_is_not_to_be_changed_is_refused_and_secrets_are_starred() {
    let turn = shared();
    let cluster = &turn.cluster;
    let before = cluster.picture();
    for key in ["DB_PASSWORD", "CLUSTER_NAME", "CLUSTER_ROOT"] {
        cluster
            .call(["config", "set", key, "x"])
            .expect(6)
            .says(&[key]);
    }
    for key in [
        "DB_PASSWORD",
        "VERSION",
        "NAME",
        "DB_NAME",
        "SHOULD_RUN",
        "DATABASE_URL",
    ] {
        cluster
            .instance("a_b", ["config", "set", key, "x"])
            .expect(6)
            .says(&[key]);
    }
    cluster.call(["config", "set", "a b", "x"]).expect(2);
    cluster
        .call(["config", "set", "REQUIRE_MAIL", "perhaps"])
        .expect(2);
    cluster
        .call(["config", "set", "SEARCH_MEMORY", "much"])
        .expect(2);
    for ran in [
        cluster.call(["config", "get"]).ok(),
        cluster.instance("a_b", ["config", "get"]).ok(),
    ] {
        ran.says(&["DB_PASSWORD=****"]);
    }
    assert_same(&cluster.picture(), &before);
}

#[test]
fn a_line_without_an_equals_sign_is_named_with_its_file() {
    let _turn = turn();
    let cluster = Cluster::created();
    let config = cluster.root.join("config.sh");
    let line = fs::read_to_string(&config).unwrap().lines().count() + 1;
    append(&config, "this is no setting\n");
    let before = cluster.picture();
    let names = format!("{}, line {line}", config.display());
    for words in [
        &["status"][..],
        &["boot"],
        &["shutdown"],
        &["new", "fits"],
        &["config", "get"],
    ] {
        cluster
            .call(words.iter().copied())
            .expect(1)
            .says(&[&names]);
    }
    // A host's list goes on with the others.
    crate::harness::tool().args(["list"]).ok().says(&[&names]);
    assert_same(&cluster.picture(), &before);
}

#[test]
fn shell_code_in_a_setting_is_text_that_is_reported_and_kept() {
    let _turn = turn();
    let cluster = Cluster::created();
    let config = cluster.root.join("config.sh");
    let marker = PLACE.join(fresh_name());
    let marker = marker.display();
    let code =
        format!("MINE=$(touch {marker})\nYOURS=`touch {marker}`\nOURS=\"$(touch {marker})\"\n");
    append(&config, &code);
    for words in [
        &["status"][..],
        &["list"],
        &["config", "set", "BINLOG_LIMIT", "9g"],
    ] {
        let ran = cluster.call(words.iter().copied()).ok();
        ran.says(&["MINE", "YOURS", "OURS", "never run"]);
    }
    assert!(fs::read_to_string(&config).unwrap().contains(&code));
    assert!(!Path::new(&marker.to_string()).exists(), "it was run");
    let value = cluster.call(["config", "get", "MINE"]).ok();
    assert_eq!(value.text(), format!("$(touch {marker})"));
}

#[test]
fn mail_that_is_not_configured_is_a_warning_or_a_refusal_as_the_cluster_wants_it() {
    let turn = shared();
    let cluster = &turn.cluster;
    cluster
        .call(["start", "a_b"])
        .ok()
        .says(&["mail is not configured"]);
    cluster.call(["config", "set", "REQUIRE_MAIL", "true"]).ok();
    let refused = [
        cluster.call(["new", "fits"]).run(),
        cluster.call(["start", "a_b"]).run(),
    ];
    cluster.call(["config", "unset", "REQUIRE_MAIL"]).ok();
    for ran in refused {
        ran.expect(6)
            .says(&["mail is not configured", "REQUIRE_MAIL"]);
    }
}
