//! A cluster as the original leaves it, laid out by hand: no code of ours makes it.

use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};

use kor_cluster::engine::fake::FakeContainer;
use kor_cluster::model::container::{ContainerSpec, Mount, Published, State};

use crate::place::Place;

/// The cluster's `config.sh`: no newline at its end, a key of the operator's own, shell code.
pub const CONFIG: &str = "CLUSTER_ROOT=/var/c\nCLUSTER_NAME=c\nDB_USERNAME=root\n\
                          DB_PASSWORD=rootsecret\nMY_OWN_KEY=keep me  # as it is\n\
                          NOTE=$(touch /tmp/never)\nCLUSTER_PORT=18080";

/// The files of the cluster `c` with the instance `a`, and no containers.
pub fn laid_out(place: &Place) {
    let root = place.join("c");
    for directory in [
        "mysql/mysql",
        "elastic/data",
        "elastic/log",
        "elastic/plugins",
        "elastic/work",
        "ssmtp",
        "nginx/vhosts",
        "snapshots",
        "instances/a/data",
        "instances/a/log",
    ] {
        fs::create_dir_all(root.join(directory)).unwrap();
    }
    for (path, text) in [
        ("config.sh", CONFIG),
        (
            "mysql.cnf",
            "[client]\nhost=mysql\nuser=root\npassword=rootsecret\n",
        ),
        ("mysql/aria_log_control", ""),
        ("mysql/ibdata1", ""),
        ("mysql/mysql_upgrade_info", "10.11.6-MariaDB"),
        ("ssmtp/ssmtp.conf", "mailhub=mail:25\nAuthPass=mailsecret\n"),
        ("ssmtp/revaliases", ""),
        ("nginx/nginx.conf", "events {}\n"),
        ("nginx/vhosts/a.conf", "server {}\n"),
        ("nginx/certificate.pem", "-----BEGIN CERTIFICATE-----\n"),
        ("nginx/certificate.key", "-----BEGIN PRIVATE KEY-----\n"),
        (
            "instances/a/config.sh",
            "CLUSTER_NAME=c\nVERSION=v5.0.1\nNAME=a\nPORT=18001\nDB_USERNAME=kor_a\n\
             DB_PASSWORD=asecret\nDB_NAME=kor_a\nSERVER_NAME=kor.example.org",
        ),
        (
            "instances/a/.env",
            "ROOT_URL='http://localhost:18001'\n\
             DATABASE_URL='mysql2://kor_a:asecret@mysql:3306/kor_a?encoding=utf8'\n\
             DATA_DIR='/opt/kor/data'\nSECRET_KEY_BASE='key'\nMAIL_DELIVERY_METHOD='test'\n\
             ELASTIC_URL='http://elastic:9200'\nELASTIC_INDEX='kor_a'\n",
        ),
        (
            "instances/a/mysql.cnf",
            "[client]\nhost=mysql\nuser=kor_a\npassword=asecret\n",
        ),
        ("instances/a/kor.yml", "app:\n  title: mine\n"),
    ] {
        let text = text.replace("18001", &place.port('a').to_string());
        write(&root.join(path), &text, 0o644);
    }
    // The original's link leads to its script.
    write(&place.join("script.sh"), "#!/bin/bash\n", 0o755);
    symlink(place.join("script.sh"), root.join("cluster.sh")).unwrap();
    symlink("../../cluster.sh", root.join("instances/a/instance.sh")).unwrap();
}

pub fn write(path: &Path, text: &str, mode: u32) {
    fs::write(path, text).unwrap();
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
}

/// The same with its containers, tied by links on the engine's own network, and content.
pub fn running(place: &Place) {
    laid_out(place);
    let root = place.join("c").canonicalize().unwrap();
    place.change_world(|world| {
        for (name, image, source, target, port) in [
            ("c_mysql", "mariadb:10.11", "mysql", "/var/lib/mysql", None),
            ("c_elastic", "elasticsearch:2.2.1", "elastic", "/data", None),
            (
                "c_instance_a",
                "docker.coneda.net:443/kor:v5.0.1",
                "instances/a",
                "/opt/kor/shared",
                Some((place.port('a'), 8000)),
            ),
            (
                "c_bg_a",
                "docker.coneda.net:443/kor:v5.0.1",
                "instances/a",
                "/opt/kor/shared",
                None,
            ),
            (
                "c_nginx",
                "nginx",
                "nginx/nginx.conf",
                "/etc/nginx/nginx.conf",
                Some((18080, 80)),
            ),
        ] {
            let spec = original(name, image, root.join(source), target, port);
            let container = FakeContainer {
                spec,
                state: State::Running,
                started_at: Some(1),
            };
            world.containers.insert(name.to_owned(), container);
        }
        let database = world.databases.entry("c_mysql".to_owned()).or_default();
        let tables = database.schemas.entry("kor_a".to_owned()).or_default();
        tables.insert("entities".to_owned());
        let indices = world.searches.entry("c_elastic".to_owned()).or_default();
        indices.insert("kor_a".to_owned(), 3);
    });
}

/// A container as `docker run` of the original makes it.
fn original(
    name: &str,
    image: &str,
    source: PathBuf,
    target: &str,
    port: Option<(u16, u16)>,
) -> ContainerSpec {
    ContainerSpec {
        name: name.to_owned(),
        image: image.to_owned(),
        entrypoint: Vec::new(),
        command: Vec::new(),
        environment: std::collections::BTreeMap::new(),
        labels: std::collections::BTreeMap::new(),
        mounts: vec![Mount {
            source,
            target: target.to_owned(),
            read_only: false,
        }],
        network: "bridge".to_owned(),
        aliases: Vec::new(),
        links: Vec::new(),
        published: port
            .map(|(host_port, container_port)| Published {
                address: "0.0.0.0".parse().unwrap(),
                host_port,
                container_port,
            })
            .into_iter()
            .collect(),
        work_dir: None,
        hostname: None,
        memory: None,
        cpu_shares: None,
        restarts: true,
        stop_seconds: 10,
    }
}

/// Taken over, with the original's containers still at work.
pub fn adopted(place: &Place) {
    running(place);
    place.call(&["adopt", "c"]).done();
}

/// Taken over, with the original's containers gone.
pub fn adopted_down(place: &Place) {
    laid_out(place);
    place.change_world(|world| {
        let database = world.databases.entry("c_mysql".to_owned()).or_default();
        let tables = database.schemas.entry("kor_a".to_owned()).or_default();
        tables.insert("entities".to_owned());
    });
    place.call(&["adopt", "c"]).done();
}
