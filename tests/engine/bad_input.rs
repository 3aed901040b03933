//! What does not fit is refused before anything changes, with the exit code that says why.

use crate::cluster::{assert_same, shared};
use crate::harness::{PLACE, fresh_name, tool};

const BAD_NAMES: [&str; 14] = [
    "../x",
    "a b",
    "Foo",
    "a__b",
    "müller",
    "x'; drop table users; --",
    "$(id)",
    "`id`",
    "a;b",
    "a/b",
    "",
    ".",
    "a\"b",
    "%",
];

#[test]
fn names_that_do_not_fit_are_wrong_use() {
    let turn = shared();
    let cluster = &turn.cluster;
    let long = "a".repeat(65);
    let before = cluster.picture();
    for name in BAD_NAMES.iter().copied().chain([long.as_str(), "-x"]) {
        cluster
            .call(["new", "--version", "v5.0.1", "--", name])
            .expect(2);
        let root = PLACE.join(fresh_name());
        tool()
            .args(["create", root.to_str().unwrap(), "--", name])
            .expect(2);
        assert!(!root.exists(), "{name:?}");
    }
    cluster.call(["new", "-x"]).expect(2);
    cluster.call(["new", &long[..41]]).expect(2);
    for name in ["../axb", "a b", "-x", ""] {
        cluster.call(["start", "--", name]).expect(2);
    }
    assert_same(&cluster.picture(), &before);
}

#[test]
fn ports_and_versions_that_are_none_are_wrong_use() {
    let turn = shared();
    let cluster = &turn.cluster;
    let before = cluster.picture();
    for port in ["0", "70000", "65536", "http", "80a", "", "-1", "8001 "] {
        cluster
            .call(["new", "fits", &format!("--port={port}")])
            .expect(2);
        cluster
            .call(["-i", "a_b", "config", "set", "--", "PORT", port])
            .expect(2);
        if !port.is_empty() {
            cluster.call(["new", "fits"]).env("PORT", port).expect(2);
        }
        let root = PLACE.join(fresh_name());
        tool()
            .args(["create", root.to_str().unwrap(), &format!("--port={port}")])
            .expect(2);
        assert!(!root.exists());
    }
    for version in ["a b", "-x", "v1;rm", "v1/2", "ü", "$(id)", "v5:latest"] {
        cluster
            .call(["new", "fits", &format!("--version={version}")])
            .expect(2);
        cluster.call(["contract", "show", "--", version]).expect(2);
    }
    for name in ["a b", "-kor.example.org", "a..b", "kor;id"] {
        cluster
            .call(["new", "fits", &format!("--server-name={name}")])
            .expect(2);
    }
    cluster.call(["frobnicate"]).expect(2);
    cluster.call(["start", "--all", "--wait", "soon"]).expect(2);
    cluster.instance("a_b", ["run", " "]).expect(2);
    assert_same(&cluster.picture(), &before);
}

#[test]
fn what_is_not_there_is_not_found() {
    let turn = shared();
    let cluster = &turn.cluster;
    let before = cluster.picture();
    let nowhere = "/nowhere/at/all";
    cluster
        .call(["new", "fits", "--admin-password-file", nowhere])
        .expect(4)
        .says(&[nowhere]);
    for verb in ["start", "stop", "restart", "migrate", "init"] {
        cluster
            .call([verb, "nobody"])
            .expect(4)
            .says(&["nobody", "a_b, axb"]);
    }
    for words in [
        &["run", "true"][..],
        &["db"],
        &["logs"],
        &["config", "get"],
        &["job", "true"],
    ] {
        cluster
            .call(["-i", "nobody"].iter().chain(words).copied())
            .expect(4);
    }
    cluster.call(["config", "get", "NO_SUCH_KEY"]).expect(4);
    cluster.call(["config", "unset", "NO_SUCH_KEY"]).expect(4);
    let root = PLACE.join(fresh_name());
    let root_text = root.to_str().unwrap();
    let smtp = [
        "--smtp-address",
        "mail",
        "--smtp-user",
        "me",
        "--smtp-password-file",
        nowhere,
    ];
    tool()
        .args(["create", root_text])
        .args(smtp)
        .expect(4)
        .says(&[nowhere]);
    tool()
        .args(["create", &format!("{root_text}/deeper/still")])
        .expect(4);
    assert!(!root.exists());
    assert_same(&cluster.picture(), &before);
}
