//! `adopt`: what it takes over, what it changes, and what is in its way.

use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};

use crate::field::{CONFIG, adopted, laid_out, running, write};
use crate::place::{Place, binary};

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

#[test]
fn in_the_script_s_place_the_binary_is_called_by_the_links_that_are_there() {
    let place = Place::new();
    running(&place);
    // By another process: one that others are being started beside would have it open for writing in them.
    let copied = std::process::Command::new("cp")
        .arg(binary())
        .arg(place.join("script.sh"))
        .status();
    assert!(copied.unwrap().success());
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
