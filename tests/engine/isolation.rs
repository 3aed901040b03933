//! Instances and clusters cannot reach each other.

use crate::cluster::{other, shared};
use crate::docker::{docker, inspect};

#[test]
fn an_instance_reads_its_own_schema_and_no_other() {
    let turn = shared();
    let cluster = &turn.cluster;
    // With its underscore taken for a wildcard, the grant of a_b would reach axb.
    for (mine, theirs) in [("a_b", "axb"), ("axb", "a_b")] {
        cluster
            .instance(mine, ["db", "select count(*) from users"])
            .ok();
        for statement in [
            format!("select count(*) from kor_{theirs}.users"),
            format!("use kor_{theirs}"),
            format!("drop table kor_{theirs}.users"),
            format!("create table kor_{theirs}.x (a int)"),
            "select user, authentication_string from mysql.user".to_owned(),
            "create database kor_mine".to_owned(),
        ] {
            let ran = cluster.call(["-i", mine, "db", &statement]).run();
            assert_ne!(ran.code, 0, "{mine}: {statement}\n{}", ran.out);
            ran.says(&["denied"]);
        }
        let schemas = cluster.instance(mine, ["db", "show databases"]).ok();
        assert!(
            !schemas.out.contains(&format!("kor_{theirs}")),
            "{}",
            schemas.out
        );
    }
}

#[test]
fn no_port_of_a_service_is_published() {
    let turn = shared();
    for container in [turn.cluster.database(), turn.cluster.search()] {
        let ports = inspect(
            &container,
            "{{json .HostConfig.PortBindings}} {{json .NetworkSettings.Ports}}",
        );
        assert!(!ports.contains("HostPort"), "{container}: {ports}");
    }
}

#[test]
fn a_container_of_another_cluster_reaches_no_service() {
    let turn = shared();
    let stranger = other(&turn);
    let knock = |network: &str, address: &str, port: &str| {
        let script = format!("timeout 3 bash -c '</dev/tcp/{address}/{port}'");
        docker(&[
            "run",
            "--rm",
            "--network",
            network,
            "--entrypoint",
            "bash",
            "kor-sample:v5.0.1",
            "-c",
            &script,
        ])
        .code
    };
    let network_of = |container: &str| {
        inspect(
            container,
            "{{range $name, $net := .NetworkSettings.Networks}}{{$name}} {{$net.IPAddress}}{{end}}",
        )
    };
    for (container, port) in [
        (turn.cluster.database(), "3306"),
        (turn.cluster.search(), "9200"),
    ] {
        let found = network_of(&container);
        let (own, address) = found.split_once(' ').unwrap();
        let foreign = network_of(&stranger.cluster.database());
        let foreign = foreign.split_once(' ').unwrap().0;
        assert_ne!(own, foreign);
        assert_eq!(
            knock(own, address, port),
            0,
            "its own cluster reaches {container}"
        );
        assert_ne!(
            knock(foreign, address, port),
            0,
            "a stranger reached {container}"
        );
    }
}
