//! What another has, and what nobody may write to, is refused with the reason.

use std::fs;
use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt;

use crate::cluster::{Cluster, assert_same, shared, turn};
use crate::docker::docker;
use crate::harness::{PLACE, called, called_plainly, free_port, fresh_name, tool};

#[test]
fn a_port_that_somebody_listens_on_is_refused_with_its_holder() {
    let turn = shared();
    let cluster = &turn.cluster;
    let me = format!("process {}", std::process::id());
    for address in ["0.0.0.0", "127.0.0.1"] {
        let port = free_port();
        let _mine = TcpListener::bind((address, port)).unwrap();
        let before = cluster.picture();
        let refused = cluster
            .call(["new", "fits", "--port", &port.to_string()])
            .expect(6);
        refused.says(&[&port.to_string(), &me]);
        cluster
            .call(["new", "fits"])
            .env("PORT", port.to_string())
            .expect(6);
        assert_same(&cluster.picture(), &before);
    }
    // Port 80: the test's own listener, or whoever has it.
    let _mine = TcpListener::bind(("0.0.0.0", 80));
    cluster
        .call(["new", "fits", "--port", "80"])
        .expect(6)
        .says(&["port 80 is taken"]);
    // Between `new` and `start` somebody may have taken it.
    cluster.instance("a_b", ["stop"]).ok();
    let taken = TcpListener::bind(("0.0.0.0", turn.a_b)).unwrap();
    cluster
        .instance("a_b", ["start"])
        .expect(6)
        .says(&[&turn.a_b.to_string(), &me]);
    drop(taken);
    cluster.instance("a_b", ["start"]).ok();
}

#[test]
fn what_another_has_is_refused_with_its_holder() {
    let turn = shared();
    let cluster = &turn.cluster;
    let before = cluster.picture();
    let port = turn.axb.to_string();
    for call in [
        cluster.call(["new", "fits", "--port", &port]),
        cluster.instance("a_b", ["config", "set", "PORT", &port]),
    ] {
        call.expect(6).says(&[&port, "instance axb of cluster"]);
    }
    cluster
        .call(["new", "axb"])
        .expect(6)
        .says(&["instances/axb"]);
    cluster.sql("create database kor_schema1; create user kor_user1@localhost");
    let refused = [
        cluster.call(["new", "schema1"]).run(),
        cluster.call(["new", "user1"]).run(),
    ];
    cluster.sql("drop database kor_schema1; drop user kor_user1@localhost");
    for (ran, holder) in refused
        .into_iter()
        .zip(["schema kor_schema1", "database user kor_user1"])
    {
        ran.expect(6).says(&[holder]);
    }
    let stranger = cluster.web("held");
    docker(&[
        "create",
        "--name",
        &stranger,
        "--entrypoint",
        "true",
        "kor-sample:v5.0.1",
    ])
    .ok();
    let refused = cluster.call(["new", "held"]).run();
    docker(&["rm", &stranger]).ok();
    refused.expect(6).says(&[&stranger]);
    assert_same(&cluster.picture(), &before);
}

#[test]
fn a_directory_or_a_name_that_is_in_use_is_refused_and_stays_as_it_was() {
    let turn = shared();
    let cluster = &turn.cluster;
    let before = cluster.picture();
    tool()
        .args(["create", cluster.path()])
        .expect(6)
        .says(&["is a cluster already"]);
    let root = PLACE.join(fresh_name());
    tool()
        .args(["create", root.to_str().unwrap(), &cluster.name])
        .expect(6)
        .says(&[&cluster.name, cluster.path()]);
    assert!(!root.exists());
    fs::create_dir(&root).unwrap();
    fs::write(root.join("diary"), "mine").unwrap();
    tool()
        .args(["create", root.to_str().unwrap()])
        .expect(6)
        .says(&["holds something else"]);
    assert_eq!(fs::read_dir(&root).unwrap().count(), 1);
    assert_eq!(fs::read_to_string(root.join("diary")).unwrap(), "mine");
    tool()
        .args(["create", root.join("diary").to_str().unwrap()])
        .expect(6);
    assert_same(&cluster.picture(), &before);
}

#[test]
fn a_version_without_a_contract_is_refused_with_what_is_covered() {
    let turn = shared();
    let cluster = &turn.cluster;
    let before = cluster.picture();
    for version in ["v0.9.0", "v9.9.9", "nightly"] {
        cluster
            .call(["new", "fits", "--version", version])
            .expect(6)
            .says(&[version, "v5"]);
        cluster
            .call(["contract", "show", version])
            .expect(6)
            .says(&[version]);
    }
    // Covered, but there is no such image here or anywhere.
    let absent = cluster
        .call(["new", "fits", "--version", "v5.7.7"])
        .expect(1);
    absent.says(&["kor-sample:v5.7.7", "images/build"]);
    assert_same(&cluster.picture(), &before);
}

#[test]
fn a_directory_that_cannot_be_written_is_refused() {
    let turn = shared();
    let cluster = &turn.cluster;
    let instances = cluster.root.join("instances");
    let path = instances.to_str().unwrap();
    // The attempt and its undoing stand in the history.
    let without_history = || {
        let mut picture = cluster.picture();
        picture.retain(|line| !line.starts_with(".kor-cluster/history"));
        picture
    };
    let before = without_history();
    let schemas = cluster.sql("show databases");
    called_plainly("mount", &["--bind", path, path]).ok();
    called_plainly("mount", &["-o", "remount,bind,ro", path]).ok();
    let ran = cluster
        .call(["new", "fits", "--port", &free_port().to_string()])
        .run();
    called_plainly("umount", &[path]).ok();
    ran.expect(6).says(&["instances"]);
    assert_same(&without_history(), &before);
    assert_eq!(cluster.sql("show databases"), schemas);
    assert_eq!(
        cluster.sql("select user from mysql.user where user = 'kor_fits'"),
        ""
    );
}

#[test]
fn a_missing_right_is_refused() {
    let _turn = turn();
    let cluster = Cluster::created();
    let state = PLACE.join(fresh_name());
    fs::create_dir(&state).unwrap();
    fs::set_permissions(&state, fs::Permissions::from_mode(0o777)).unwrap();
    let nobody = || {
        called("setpriv")
            .args([
                "--reuid=65534",
                "--regid=65534",
                "--clear-groups",
                env!("CARGO_BIN_EXE_kor-cluster"),
            ])
            .env("KOR_CLUSTER_STATE", &state)
    };
    let root = PLACE.join(fresh_name());
    nobody().args(["create", root.to_str().unwrap()]).expect(6);
    assert!(!root.exists());
    // Its files hold passwords, so others cannot even read them.
    nobody()
        .args(["-C", cluster.path(), "status"])
        .expect(6)
        .says(&["config.sh"]);
}

#[test]
fn an_engine_that_is_not_there_is_said_in_three_lines() {
    let _turn = turn();
    let cluster = Cluster::created();
    let before = cluster.picture();
    for verb in ["boot", "list", "status", "shutdown"] {
        let ran = cluster
            .call([verb])
            .env("DOCKER_HOST", "unix:///nowhere/docker.sock")
            .expect(5);
        assert!(ran.err.lines().count() <= 3, "{}", ran.err);
    }
    assert_same(&cluster.picture(), &before);
}
