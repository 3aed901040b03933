//! A cluster of the original's with containers tied by `--link`: reading verbs, `adopt`, the first
//! `boot`, and everything after.

use std::collections::BTreeMap;
use std::fs;

use crate::cluster::assert_same;
use crate::docker::{containers, docker};
use crate::field::Field;
use crate::harness::{tool, until};
use crate::original::originals;
use crate::turns::turn;

/// Every file is as it was, but for what the manual names.
#[track_caller]
fn assert_kept(before: &BTreeMap<String, Vec<u8>>, now: &BTreeMap<String, Vec<u8>>) {
    for (name, bytes) in before {
        let there = now.get(name).unwrap_or_else(|| panic!("{name} is gone"));
        if ["config.sh", "instances/archiv/config.sh"].contains(&name.as_str()) {
            let mut grown = bytes.clone();
            grown.push(b'\n');
            assert!(
                there.starts_with(&grown),
                "{name}: {}",
                String::from_utf8_lossy(there)
            );
        } else {
            assert_eq!(there, bytes, "{name}");
        }
    }
    let new: Vec<_> = now
        .keys()
        .filter(|name| !before.contains_key(*name))
        .collect();
    assert_eq!(new, ["instances/archiv/secret_key_base"]);
}

#[test]
fn a_cluster_with_links_is_taken_over_and_keeps_everything() {
    let _turn = turn();
    let field = Field::at_work();
    let before = field.files();
    let content = field.dump();
    let at = field.root.to_str().unwrap().to_owned();

    // What reads works, what changes does not.
    let on = |words: &[&str]| tool().args(["-C", at.as_str()]).args(words);
    let list = on(&["list", "--json"]).ok().json();
    assert_eq!(list["clusters"][0]["take_over"], "adopt");
    assert_eq!(list["clusters"][0]["instances"][0]["web"], "running");
    let status = on(&["status", "--json"]).ok().json();
    assert_eq!(status["instances"][0]["condition"], "up", "{status}");
    assert_eq!(status["database"]["condition"], "up", "{status}");
    on(&["logs", "archiv"]).ok();
    on(&["logs", "--service", "database"]).ok();
    on(&["config", "get", "BACKUP_TO"])
        .ok()
        .says(&["/var/backup"]);
    on(&["contract", "show", "v3.0.5"]).ok();
    on(&["history"]).ok();
    for words in [&["boot", "--yes"][..], &["stop", "archiv"], &["shutdown"]] {
        on(words).expect(6).says(&["original script", "adopt"]);
    }
    assert_kept_but_new(&before, &field.files());

    tool().args(["adopt", &at, "--dry-run"]).ok().says(&[
        "narrow config.sh",
        "point the link instances/archiv/instance.sh",
        "DATABASE_IMAGE=sha256:",
    ]);
    assert_eq!(field.files(), before);
    tool()
        .args(["adopt", &at])
        .ok()
        .says(&["STARTED", "consider new passwords"]);
    assert!(!field.root.join("was-run").exists(), "shell code is text");
    assert!(field.answers().contains("3.0.5"), "it goes on serving");
    field
        .call(["stop", "archiv"])
        .expect(6)
        .says(&["cluster.sh boot"]);

    field.call(["boot"]).expect(6).says(&["--yes"]);
    // No search server answers within a second: the old ones run again, links and all.
    let old = originals(&field.name);
    field.call(["boot", "--yes", "--timeout", "1"]).expect(1);
    assert_eq!(originals(&field.name), old);
    assert_eq!(containers(&at), [""; 0]);
    until("the instance answers again", 60, || {
        field.answers().contains("3.0.5")
    });
    assert_same(&field.dump(), &content);

    field.call(["boot", "--yes"]).ok();
    assert_eq!(containers(&at).len(), 5, "{:?}", containers(&at));
    let left = docker(&["ps", "-a", "--format", "{{.Names}}"]).ok();
    assert!(!left.out.contains("before_adopt"), "{}", left.out);
    assert!(field.answers().contains("3.0.5"), "{}", field.answers());
    let rows = field.sql("select count(*) from entities where deleted_at is null");
    assert_eq!(field.documents().to_string(), rows);
    assert_same(&field.dump(), &content);
    let status = field.call(["status", "--json"]).ok().json();
    assert_eq!(status["instances"][0]["condition"], "up", "{status}");
    assert_eq!(status["proxy"]["condition"], "up", "{status}");
    assert!(
        status["was_readable"].as_array().unwrap().len() >= 6,
        "{status}"
    );

    field.instance(["start"]).ok();
    let rows = field
        .instance(["db", "select name from entities limit 1"])
        .ok();
    assert!(rows.out.contains("name"), "{}", rows.out);
    field
        .instance(["run", "cat /opt/kor/shared/version.txt"])
        .ok()
        .says(&["v3.0.5"]);
    assert_kept(&before, &field.files());
    field.instance(["stop"]).ok();
    field.call(["shutdown"]).ok();
    assert_eq!(containers(&at), [""; 0]);
    assert_kept(&before, &field.files());
    field.call(["boot"]).ok();
    assert_same(&field.dump(), &content);
}

/// Nothing at all has changed but for what the application wrote.
#[track_caller]
fn assert_kept_but_new(before: &BTreeMap<String, Vec<u8>>, now: &BTreeMap<String, Vec<u8>>) {
    assert_eq!(before, now);
}

#[test]
fn with_its_containers_gone_the_files_tell_the_image() {
    let _turn = turn();
    let field = Field::at_work();
    let before = field.files();
    let content = field.dump();
    let at = field.root.to_str().unwrap().to_owned();
    for part in ["nginx", "bg_archiv", "instance_archiv", "elastic", "mysql"] {
        let name = format!("{}_{part}", field.name);
        docker(&["stop", "-t", "60", &name]).ok();
        docker(&["rm", "-v", &name]).ok();
    }
    tool().args(["adopt", &at]).ok();
    let image = field.call(["config", "get", "DATABASE_IMAGE"]).ok();
    assert_eq!(image.text(), "mariadb:10.11");
    field.call(["boot"]).ok();
    field.instance(["start"]).ok();
    assert_same(&field.dump(), &content);
    let rows = field.sql("select count(*) from entities where deleted_at is null");
    assert_eq!(field.documents().to_string(), rows);
    field.instance(["db", "select 1"]).ok();
    field.instance(["run", "true"]).ok();
    field.instance(["stop"]).ok();
    field.call(["shutdown"]).ok();
    assert_kept(&before, &field.files());
}

#[test]
fn data_of_mysql_is_refused_for_mariadb() {
    let _turn = turn();
    let field = Field::laid_out();
    let at = field.root.to_str().unwrap().to_owned();
    for (name, text) in [
        ("ibdata1", ""),
        ("mysql.ibd", ""),
        (
            "mysql_upgrade_history",
            r#"{"file_format":"1","upgrade_history":[{"date":"2024-05-01","version":"8.4.0"}]}"#,
        ),
    ] {
        fs::write(field.root.join("mysql").join(name), text).unwrap();
    }
    tool()
        .args(["adopt", &at, "--database-image", "mariadb:10.11"])
        .expect(6)
        .says(&["MySQL 8.4"]);
    assert!(!field.root.join(".kor-cluster").exists());
    tool().args(["adopt", &at]).ok();
    field
        .call(["config", "set", "DATABASE_IMAGE", "mariadb:10.11"])
        .ok();
    field
        .call(["boot"])
        .expect(6)
        .says(&["MySQL 8.4", "config set DATABASE_IMAGE mysql:8.4"]);
    assert_eq!(containers(&at), [""; 0]);
}
