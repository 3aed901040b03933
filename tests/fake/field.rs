//! A cluster as the original leaves it, laid out by hand: no code of ours makes it.

use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};

use kor_cluster::engine::fake::FakeContainer;
use kor_cluster::model::container::{ContainerSpec, Mount, Published, State};

use crate::place::{Place, binary};

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
        write(&root.join(path), text, 0o644);
    }
    // The original's link leads to its script.
    write(&place.join("script.sh"), "#!/bin/bash\n", 0o755);
    symlink(place.join("script.sh"), root.join("cluster.sh")).unwrap();
    symlink("../../cluster.sh", root.join("instances/a/instance.sh")).unwrap();
}

fn write(path: &Path, text: &str, mode: u32) {
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
                Some((18001, 8000)),
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
        restarts: true,
        stop_seconds: 10,
    }
}

fn mode(place: &Place, path: &str) -> u32 {
    let meta = fs::metadata(place.join(path)).unwrap();
    meta.permissions().mode() & 0o777
}

#[test]
fn before_adopt_only_what_reads_works() {
    let place = Place::new();
    running(&place);
    for words in [
        &["boot", "--yes"][..],
        &["shutdown"],
        &["start", "a"],
        &["stop", "a"],
        &["restart", "a"],
        &["new", "b"],
        &["config", "set", "APP_MEMORY", "2g"],
        &["-i", "a", "run", "true"],
        &["-i", "a", "db", "select 1"],
    ] {
        let words: Vec<&str> = [&["-C", "c"], words].concat();
        let ended = place.call(&words).with(6);
        assert!(ended.err.contains("original script"), "{}", ended.err);
        assert!(ended.err.contains(" adopt "), "{}", ended.err);
    }
    assert!(!place.join("c/.kor-cluster").exists());
    let list = place.call(&["-C", "c", "list", "--json"]).done().json();
    let cluster = &list["clusters"][0];
    assert_eq!(cluster["take_over"], "adopt");
    assert_eq!(cluster["database"], "running");
    assert_eq!(cluster["instances"][0]["web"], "running");
    assert_eq!(cluster["instances"][0]["worker"], "running");
    let status = place.call(&["-C", "c", "status", "--json"]).done().json();
    assert_eq!(status["take_over"], "adopt");
    assert_eq!(status["instances"][0]["condition"], "up");
    let ended = place
        .call(&["-C", "c", "config", "get", "MY_OWN_KEY"])
        .done();
    assert_eq!(ended.out, "keep me\n");
    place.call(&["-C", "c", "history"]).done();
    place.call(&["-C", "c", "contract", "list"]).done();
    place.call(&["-C", "c", "recover"]).done();
    place
        .call(&["-C", "c", "logs", "--service", "database"])
        .done();
    assert!(!place.join("c/.kor-cluster").exists());
    let hosts = place.call(&["list", "--json"]).done().json();
    assert_eq!(hosts["clusters"].as_array().unwrap().len(), 0);
}

#[test]
fn adopt_changes_what_it_lists_and_nothing_else() {
    let place = Place::new();
    running(&place);
    let world = place.world();
    let listed = place.call(&["adopt", "c", "--dry-run"]).done();
    for line in [
        "narrow config.sh to 0600 (it is 0644)",
        "narrow instances/a/.env to 0600",
        "point the link cluster.sh at",
        "point the link instances/a/instance.sh at",
        "add DATABASE_IMAGE=mariadb:10.11 and SEARCH_IMAGE=elasticsearch:2.2.1 to config.sh",
    ] {
        assert!(listed.out.contains(line), "{line}: {}", listed.out);
    }
    assert!(!place.join("c/.kor-cluster").exists());
    assert!(!place.join("state").exists(), "--dry-run makes nothing");

    let ended = place.call(&["adopt", "c"]).done();
    assert!(ended.err.contains("NOTE"), "{}", ended.err);
    assert!(
        ended.out.contains("consider new passwords"),
        "{}",
        ended.out
    );
    assert!(place.world() == world, "no container is touched");
    assert_eq!(
        fs::read_to_string(place.join("c/config.sh")).unwrap(),
        format!("{CONFIG}\nDATABASE_IMAGE=mariadb:10.11\nSEARCH_IMAGE=elasticsearch:2.2.1\n")
    );
    for (path, expected) in [
        ("c/config.sh", 0o600),
        ("c/mysql.cnf", 0o600),
        ("c/ssmtp/ssmtp.conf", 0o600),
        ("c/ssmtp/revaliases", 0o644),
        ("c/nginx/certificate.key", 0o600),
        ("c/nginx/certificate.pem", 0o644),
        ("c/instances/a/config.sh", 0o600),
        ("c/instances/a/mysql.cnf", 0o600),
        ("c/instances/a/kor.yml", 0o644),
        ("c/.kor-cluster/database_root_password", 0o600),
    ] {
        assert_eq!(mode(&place, path), expected, "{path}");
    }
    let target = fs::read_link(place.join("c/instances/a/instance.sh")).unwrap();
    assert_eq!(target, binary().canonicalize().unwrap());
    let status = place.link("c/cluster.sh", &["status", "--json"]).done();
    let status = status.json();
    assert_eq!(status["take_over"], "boot");
    let readable = status["was_readable"].as_array().unwrap();
    let paths: Vec<_> = readable
        .iter()
        .map(|r| r["path"].as_str().unwrap())
        .collect();
    assert!(paths.contains(&"ssmtp/ssmtp.conf"), "{paths:?}");
    let status = place.link("c/cluster.sh", &["status"]).done();
    assert!(
        status.out.contains("consider new passwords"),
        "{}",
        status.out
    );

    let again = place.link("c/cluster.sh", &["adopt", "--json"]).done();
    assert_eq!(again.json()["changed"], false);
    for words in [&["start", "a"][..], &["stop", "a"], &["shutdown"]] {
        let ended = place.link("c/cluster.sh", words).with(6);
        assert!(ended.err.contains("cluster.sh boot"), "{}", ended.err);
    }
    assert!(place.world() == world, "no container is touched");
}

#[test]
fn adopt_again_takes_up_a_new_instance() {
    let place = Place::new();
    running(&place);
    place.call(&["adopt", "c"]).done();
    let status = std::process::Command::new("cp")
        .arg("-a")
        .args([place.join("c/instances/a"), place.join("c/instances/b")])
        .status();
    assert!(status.unwrap().success());
    let config = place.join("c/instances/b/config.sh");
    let text = fs::read_to_string(&config).unwrap();
    let text = text.replace("NAME=a\n", "NAME=b\n");
    write(&config, &text, 0o644);
    let ended = place.link("c/cluster.sh", &["adopt"]).with(6);
    assert!(ended.err.contains("one schema, kor_a"), "{}", ended.err);
    write(&config, &text.replace("kor_a", "kor_b"), 0o644);
    fs::remove_file(place.join("c/instances/b/instance.sh")).unwrap();
    symlink(
        place.join("script.sh"),
        place.join("c/instances/b/instance.sh"),
    )
    .unwrap();
    let ended = place.link("c/cluster.sh", &["adopt", "--json"]).done();
    assert_eq!(ended.json()["changed"], true);
    assert_eq!(mode(&place, "c/instances/b/config.sh"), 0o600);
    let target = fs::read_link(place.join("c/instances/b/instance.sh")).unwrap();
    assert_eq!(target, binary().canonicalize().unwrap());
}

#[test]
fn what_is_in_the_way_is_listed_before_anything_changes() {
    let place = Place::new();
    laid_out(&place);
    fs::remove_file(place.join("c/mysql.cnf")).unwrap();
    fs::remove_file(place.join("c/mysql/aria_log_control")).unwrap();
    fs::remove_file(place.join("c/mysql/mysql_upgrade_info")).unwrap();
    write(&place.join("c/instances/a/config.sh"), "rm -rf /\n", 0o644);
    let ended = place.call(&["adopt", "c"]).with(6);
    for text in [
        "3 things are in the way",
        "mysql.cnf is missing",
        "line 1 is not KEY=value",
        "--database-image",
    ] {
        assert!(ended.err.contains(text), "{text}: {}", ended.err);
    }
    assert!(!place.join("c/.kor-cluster").exists());
    assert_eq!(mode(&place, "c/config.sh"), 0o644);
}

#[test]
fn data_of_mysql_is_not_opened_with_mariadb() {
    let place = Place::new();
    laid_out(&place);
    fs::remove_file(place.join("c/mysql/aria_log_control")).unwrap();
    write(&place.join("c/mysql/mysql_upgrade_info"), "5.7.44", 0o644);
    let ended = place
        .call(&["adopt", "c", "--database-image", "mariadb:10.11"])
        .with(6);
    assert!(ended.err.contains("written by MySQL 5.7"), "{}", ended.err);
    place.call(&["adopt", "c"]).done();
    let get = place.link("c/cluster.sh", &["config", "get", "DATABASE_IMAGE"]);
    assert_eq!(get.done().out, "mysql:5.7\n");
    let set = ["config", "set", "DATABASE_IMAGE", "mariadb:10.11"];
    place.link("c/cluster.sh", &set).done();
    let ended = place.link("c/cluster.sh", &["boot", "--yes"]).with(6);
    assert!(ended.err.contains("MySQL 5.7 wrote it"), "{}", ended.err);
    assert!(
        ended.err.contains("config set DATABASE_IMAGE mysql:5.7"),
        "{}",
        ended.err
    );
}

#[test]
fn a_copy_of_the_directory_has_no_containers() {
    let place = Place::new();
    running(&place);
    let status = std::process::Command::new("cp")
        .arg("-a")
        .args([place.join("c"), place.join("copy")])
        .status();
    assert!(status.unwrap().success());
    let list = place.call(&["-C", "copy", "list", "--json"]).done().json();
    assert_eq!(list["clusters"][0]["database"], "down");
    place.call(&["adopt", "c"]).done();
    let ended = place.call(&["adopt", "copy"]).with(6);
    assert!(ended.err.contains("is taken on this host"), "{}", ended.err);
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

#[test]
fn the_first_boot_asks_and_makes_everything_anew() {
    let place = Place::new();
    adopted(&place);
    place.change_world(|world| {
        world.missing_images.push("elasticsearch:2.2.1".to_owned());
    });
    let before = place.world();
    let ended = place.link("c/cluster.sh", &["boot"]).with(6);
    assert!(place.world() == before, "it asks before it pulls");
    place.change_world(|world| world.missing_images.clear());
    let before = place.world();
    assert!(
        ended.err.contains("c_nginx, c_bg_a, c_instance_a"),
        "{}",
        ended.err
    );
    assert!(ended.err.contains("--yes"), "{}", ended.err);
    let listed = place.link("c/cluster.sh", &["boot", "--dry-run"]).done();
    for line in [
        "stop the container c_nginx and set it aside",
        "start the container c_mysql from mariadb:10.11",
        "fill the search index kor_a if it lacks anything",
        "remove the container c_elastic_before_adopt",
    ] {
        assert!(listed.out.contains(line), "{line}: {}", listed.out);
    }
    assert!(place.world() == before, "nothing was done");

    let ended = place.link("c/cluster.sh", &["boot", "--yes", "--json"]);
    assert_eq!(ended.done().json()["changed"], true);
    let world = place.world();
    let names: Vec<&str> = world.containers.keys().map(String::as_str).collect();
    assert_eq!(names, ["c_elastic", "c_instance_a", "c_mysql", "c_nginx"]);
    for container in world.containers.values() {
        assert_eq!(
            container.spec.network, "c_network",
            "{}",
            container.spec.name
        );
        assert!(!container.spec.labels.is_empty(), "{}", container.spec.name);
        assert_eq!(container.state, State::Running, "{}", container.spec.name);
    }
    assert_eq!(world.searches["c_elastic"]["kor_a"], 3);
    let proxy = &world.containers["c_nginx"].spec;
    assert_eq!(proxy.mounts[0].target, "/etc/nginx/nginx.conf");
    assert_eq!(proxy.published[0].host_port, 18080);
    assert_eq!(proxy.links[0].alias, "instance_a");
    let config = fs::read_to_string(place.join("c/instances/a/config.sh")).unwrap();
    assert!(config.contains("SERVER_NAME=kor.example.org\nSHOULD_RUN=true\n"));
    let status = place.link("c/cluster.sh", &["status", "--json"]).done();
    let status = status.json();
    assert_eq!(status["take_over"], serde_json::Value::Null);
    assert_eq!(status["proxy"]["condition"], "up");
    assert_eq!(status["instances"][0]["condition"], "up");

    let again = place.link("c/cluster.sh", &["boot", "--json"]).done();
    assert_eq!(again.json()["changed"], false);
    place.link("c/cluster.sh", &["shutdown"]).done();
    assert!(place.world().containers.is_empty());
    place.link("c/cluster.sh", &["boot"]).done();
    assert!(place.world().runs("c_nginx"), "the proxy comes back");
    assert!(place.world().runs("c_instance_a"));
}

#[test]
fn with_the_containers_gone_boot_asks_nothing_and_start_makes_the_index() {
    let place = Place::new();
    adopted_down(&place);
    place.link("c/cluster.sh", &["boot"]).done();
    assert!(
        !place.world().runs("c_instance_a"),
        "nobody knows that it should run"
    );
    let ended = place.link("c/instances/a/instance.sh", &["start"]).done();
    assert!(ended.err.contains("has 0 documents of 3"), "{}", ended.err);
    assert_eq!(place.world().searches["c_elastic"]["kor_a"], 3);
    place.change_world(|world| {
        world.searches.get_mut("c_elastic").unwrap().clear();
    });
    let again = place.link("c/instances/a/instance.sh", &["start", "--json"]);
    assert_eq!(again.done().json()["changed"], false);
    assert!(
        place.world().searches["c_elastic"].is_empty(),
        "once it was compared, the index is the application's"
    );
}

#[test]
fn a_failure_brings_the_original_s_containers_back() {
    let place = Place::new();
    adopted(&place);
    let before = place.world();
    place.change_world(|world| world.fails.push("start c_instance_a".to_owned()));
    // The old one does not start either then, so it is mended in between.
    place.link("c/cluster.sh", &["boot", "--yes"]).with(7);
    place.change_world(|world| world.fails.clear());
    for words in [&["start", "a"][..], &["new", "b"]] {
        let ended = place.link("c/cluster.sh", words).with(7);
        assert!(ended.err.contains("recover"), "{}", ended.err);
    }
    place.link("c/cluster.sh", &["recover"]).done();
    let after = place.world();
    let states = |world: &kor_cluster::engine::fake::World| {
        let containers = world.containers.iter();
        containers
            .map(|(name, c)| (name.clone(), c.state, c.spec.clone()))
            .collect::<Vec<_>>()
    };
    assert_eq!(states(&after), states(&before));
    assert_eq!(after.networks, before.networks);
    assert_eq!(after.searches, before.searches);
}

#[test]
fn an_instance_that_cannot_start_is_no_reason_to_stop_it() {
    let place = Place::new();
    adopted(&place);
    let before = place.world();
    let file = place.join("c/instances/a/.env");
    let text = fs::read_to_string(&file).unwrap();
    fs::write(&file, text.replace("DATA_DIR=", "X=")).unwrap();
    let ended = place.link("c/cluster.sh", &["boot", "--yes"]).with(6);
    assert!(ended.err.contains("lacks DATA_DIR"), "{}", ended.err);
    assert!(place.world() == before, "nothing was done");
}

#[test]
fn in_the_script_s_place_the_binary_is_called_by_the_links_that_are_there() {
    let place = Place::new();
    running(&place);
    fs::copy(binary(), place.join("script.sh")).unwrap();
    let listed = place.link("c/cluster.sh", &["adopt", "--dry-run"]).done();
    assert!(!listed.out.contains("link"), "{}", listed.out);
    let ended = place.link("c/instances/a/instance.sh", &["start"]).with(6);
    assert!(ended.err.contains("c/cluster.sh adopt"), "{}", ended.err);
    place.link("c/instances/a/instance.sh", &["adopt"]).with(2);
    place.link("c/cluster.sh", &["adopt"]).done();
    assert_eq!(
        fs::read_link(place.join("c/instances/a/instance.sh")).unwrap(),
        std::path::Path::new("../../cluster.sh")
    );
    let status = place.link("c/cluster.sh", &["status", "--json"]).done();
    assert_eq!(status.json()["take_over"], "boot");
}

#[test]
fn an_image_whose_name_moved_on_is_taken_by_its_id() {
    let place = Place::new();
    running(&place);
    place.change_world(|world| {
        world.missing_images.push("mariadb:10.11".to_owned());
    });
    place.call(&["adopt", "c"]).done();
    let get = place.link("c/cluster.sh", &["config", "get", "DATABASE_IMAGE"]);
    assert_eq!(get.done().out, "sha256:mariadb:10.11\n");
}

#[test]
fn an_instance_s_directory_is_no_cluster() {
    let place = Place::new();
    laid_out(&place);
    let ended = place.call(&["adopt", "c/instances/a"]).with(2);
    for text in ["the instance a of the cluster c", "the cluster's directory"] {
        assert!(ended.err.contains(text), "{text}: {}", ended.err);
    }
    assert!(!place.join("c/instances/a/.kor-cluster").exists());
    place.call(&["adopt", "c"]).done();
}

#[test]
fn an_image_that_was_asked_for_is_the_one_that_wrote_the_data() {
    let place = Place::new();
    running(&place);
    for other in ["mariadb:10.3", "mariadb:11.4", "foo:1", "mysql"] {
        let ended = place.call(&["adopt", "c", "--database-image", other]);
        let ended = ended.with(6);
        assert!(ended.err.contains("c_mysql"), "{}", ended.err);
        assert!(ended.err.contains("mariadb:10.11"), "{}", ended.err);
    }
    let same = ["adopt", "c", "--database-image", "docker.io/mariadb:10.11"];
    place.call(&same).done();

    let place = Place::new();
    laid_out(&place);
    for other in ["mariadb:10.3", "mariadb:11.4", "foo:1"] {
        let ended = place.call(&["adopt", "c", "--database-image", other]);
        let ended = ended.with(6);
        assert!(ended.err.contains("MariaDB 10.11"), "{}", ended.err);
        assert!(ended.err.contains(other), "{}", ended.err);
    }
    let same = ["adopt", "c", "--database-image", "mariadb:10.11.6"];
    place.call(&same).done();
}

#[test]
fn an_image_without_a_version_is_taken_by_its_id() {
    for (image, id) in [
        ("mariadb", "sha256:mariadb\n"),
        ("mariadb:latest", "sha256:mariadb:latest\n"),
    ] {
        let place = Place::new();
        running(&place);
        place.change_world(|world| {
            let database = world.containers.get_mut("c_mysql").unwrap();
            database.spec.image = image.to_owned();
        });
        place.call(&["adopt", "c"]).done();
        let get = place.link("c/cluster.sh", &["config", "get", "DATABASE_IMAGE"]);
        assert_eq!(get.done().out, id);
    }
}

#[test]
fn a_copy_of_the_script_is_not_what_is_to_be_called_next() {
    let place = Place::new();
    running(&place);
    let link = place.join("c/cluster.sh");
    fs::remove_file(&link).unwrap();
    write(&link, "#!/bin/bash\n", 0o755);
    let ended = place.call(&["adopt", "c", "--json"]).done().json();
    let root = place.join("c").canonicalize().unwrap();
    let tool = binary().canonicalize().unwrap();
    let next = format!("{} -C {} boot", tool.display(), root.display());
    assert_eq!(ended["next"], next);
}

#[test]
fn a_directory_without_a_configuration_is_no_cluster() {
    let place = Place::new();
    fs::create_dir(place.join("empty")).unwrap();
    for (directory, why) in [
        ("empty", "there is no config.sh"),
        ("missing", "no such directory"),
    ] {
        let ended = place.call(&["adopt", directory]).with(4);
        for text in ["is no cluster", why, " create "] {
            assert!(ended.err.contains(text), "{text}: {}", ended.err);
        }
    }
}

#[test]
fn an_era_that_is_told_by_files_needs_the_schema_in_its_file() {
    let place = Place::new();
    laid_out(&place);
    let config = place.join("c/instances/a/config.sh");
    let text = fs::read_to_string(&config).unwrap();
    write(&config, &text.replace("v5.0.1", "v2.1.0"), 0o644);
    let file = place.join("c/instances/a/database.yml");
    let ended = place.call(&["adopt", "c"]).with(6);
    assert!(
        ended.err.contains("database.yml is missing"),
        "{}",
        ended.err
    );
    write(&file, "production:\n  database: other\n", 0o644);
    let ended = place.call(&["adopt", "c"]).with(6);
    for text in ["has other under production", "DB_NAME=kor_a"] {
        assert!(ended.err.contains(text), "{text}: {}", ended.err);
    }
    write(&file, "production:\n  database: kor_a\n", 0o644);
    place.call(&["adopt", "c"]).done();
}

#[test]
fn nobody_is_told_to_stop_a_container_of_the_original_s() {
    let place = Place::new();
    adopted(&place);
    let status = place.link("c/cluster.sh", &["status"]).done();
    assert!(
        status
            .out
            .contains("its container is the original script's"),
        "{}",
        status.out
    );
    assert!(!status.out.contains("`stop` it"), "{}", status.out);
    assert!(!status.out.contains("`restart` it"), "{}", status.out);
}
