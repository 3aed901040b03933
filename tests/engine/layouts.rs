//! Snapshots between this tool and the shell script, with the programs that the script calls.

use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};

use crate::cluster::Cluster;
use crate::docker::docker;
use crate::harness::{PLACE, called_plainly, fresh_name};

/// What a dump has to carry: bytes of all kinds, letters of four bytes, and what is no table.
const CONTENT: &str = "
    create table kct (id int primary key, bytes longblob, letters text character set utf8mb4,
        small decimal(30, 10), day datetime(6), bits bit(9), shape point);
    insert into kct values
        (1, x'00ff0a0d5c27221a', '𝔎ör ''quoted'' \\\\ \\n', -0.0000000001, '1969-12-31 23:59:59.999999', b'101', point(1, 2)),
        (2, null, '', null, '0000-00-00', null, null),
        (3, repeat(x'00c3a9', 400000), repeat('🐘', 1000), 1, now(6), 0, null);
    create view kct_seen as select id, letters from kct;
    create trigger kct_kept before delete on kct for each row set @kct = 'DEFINER=`root`@`%`';
    create procedure kct_done() select '-- it''s; done';
    create function kct_one() returns int deterministic return 1;";

/// Odd files in the instance's directory.
fn fill(data: &Path) {
    let long = data.join("media").join("d".repeat(200));
    fs::create_dir_all(&long).unwrap();
    fs::write(long.join("f".repeat(120)), "long").unwrap();
    fs::write(data.join(" -rf *\n\\'\""), "odd").unwrap();
    fs::write(
        data.join(std::ffi::OsStr::from_bytes(b"\xff\xfe\x01")),
        "bytes",
    )
    .unwrap();
    fs::write(data.join("empty"), "").unwrap();
    fs::hard_link(data.join("empty"), data.join("empty too")).unwrap();
    std::os::unix::fs::symlink("../empty", data.join("media/link")).unwrap();
    let sparse = fs::File::create(data.join("sparse")).unwrap();
    sparse.set_len(3 << 20).unwrap();
}

/// Sums of every table and what else is in a schema, without its name.
fn rows(cluster: &Cluster, schema: &str) -> String {
    let tables = cluster.sql(&format!(
        "select group_concat('`{schema}`.`', table_name, '`' order by table_name) \
         from information_schema.tables where table_schema = '{schema}' and table_type = 'BASE TABLE'"
    ));
    let others = [
        format!("checksum table {tables}"),
        format!("select left(letters, 30), hex(left(bytes, 20)), small, day from {schema}.kct"),
        format!("select table_name from information_schema.views where table_schema = '{schema}'"),
        format!(
            "select trigger_name, action_statement from information_schema.triggers where trigger_schema = '{schema}'"
        ),
        format!(
            "select routine_name, routine_definition from information_schema.routines where routine_schema = '{schema}' order by 1"
        ),
    ];
    cluster.sql(&others.join("; ")).replace(schema, "SCHEMA")
}

/// Everything below a directory, by its path: a sum, or where it leads.
fn files(root: &Path) -> Vec<(PathBuf, String)> {
    let mut all = Vec::new();
    let mut left = vec![root.to_owned()];
    while let Some(directory) = left.pop() {
        for entry in fs::read_dir(&directory).unwrap() {
            let path = entry.unwrap().path();
            let meta = fs::symlink_metadata(&path).unwrap();
            let what = if meta.is_dir() {
                left.push(path.clone());
                String::new()
            } else if meta.is_symlink() {
                fs::read_link(&path).unwrap().display().to_string()
            } else {
                format!("{:x?}", Sha256::digest(fs::read(&path).unwrap()))
            };
            all.push((path.strip_prefix(root).unwrap().to_owned(), what));
        }
    }
    all.sort();
    all
}

fn shell(script: &str, words: &[&str]) {
    let words = [&["-euo", "pipefail", "-c", script, "bash"], words].concat();
    called_plainly("bash", &words).ok();
}

#[test]
fn each_takes_what_the_other_packs() {
    let cluster = Cluster::booted();
    cluster.add("main");
    let root = cluster.instance_root("main");
    fill(&root.join("data"));
    cluster.sql(&format!("use kor_main; set sql_mode = ''; {CONTENT}"));
    let (before, files_before) = (rows(&cluster, "kor_main"), files(&root.join("data")));
    assert!(
        before.contains("🐘") && before.contains("kct_one"),
        "{before}"
    );

    // Ours, as the script imports it: tar, gunzip, the client.
    let said = cluster
        .instance("main", ["snapshot", "--format", "tar.gz", "--json"])
        .ok()
        .json();
    let ours = said["snapshots"][0]["path"].as_str().unwrap();
    let place = PLACE.join(fresh_name());
    fs::create_dir_all(&place).unwrap();
    shell(
        "cd \"$1\" && tar xzf \"$2\"",
        &[place.to_str().unwrap(), ours],
    );
    assert_eq!(files(&place.join("data")), files_before);
    let database = cluster.database();
    cluster.sql("create database of_the_script");
    let load = "gunzip <\"$1\"/db.sql.gz | docker exec -i \"$2\" mariadb \
                --defaults-extra-file=/etc/kor-cluster/client.cnf --host=localhost of_the_script";
    shell(load, &[place.to_str().unwrap(), &database]);
    assert_eq!(rows(&cluster, "of_the_script"), before);
    cluster.sql("drop database of_the_script");
    // Older clients, and those of MySQL, end at the line that newer ones begin with.
    let dump = called_plainly("gzip", &["-dc", place.join("db.sql.gz").to_str().unwrap()]).ok();
    assert!(!dump.out.contains("sandbox"), "{}", &dump.out[..200]);
    assert!(!dump.out.contains("CREATE DATABASE") && !dump.out.contains("\nUSE "));

    // The script's, as it packs it, with all that lies about there.
    let theirs = PLACE.join(format!("{}.20260101_000000.v5.0.1.tar.gz", fresh_name()));
    fs::write(root.join("notes of mine"), "mine").unwrap();
    let pack = "docker exec \"$2\" mariadb-dump --defaults-extra-file=/etc/kor-cluster/client.cnf \
                --host=localhost --routines kor_main | gzip -c >\"$1/db.sql.gz\"
                cd \"$1\"
                tar cz --exclude=./instance.sh --exclude=./config.sh --exclude=./database.yml \
                  --exclude=./mysql.cnf -f \"$3\" .
                rm db.sql.gz";
    shell(
        pack,
        &[root.to_str().unwrap(), &database, theirs.to_str().unwrap()],
    );
    cluster.sql("use kor_main; drop table kct; delete from users");
    fs::remove_dir_all(root.join("data")).unwrap();
    cluster
        .instance("main", ["import", theirs.to_str().unwrap()])
        .ok()
        .says(&["notes of mine"]);
    // The application writes its settings when it starts.
    let mut files_now = files(&root.join("data"));
    files_now.retain(|(path, _)| !path.to_string_lossy().starts_with("settings.json"));
    assert_eq!(files_now, files_before);
    assert_eq!(rows(&cluster, &cluster.schema("main")), before);
    let left = docker(&["exec", &database, "ls", "/run/kor-cluster"]).ok();
    assert_eq!(left.text(), "");
}
