//! Snapshots while the site serves and is written to.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde_json::Value;

use crate::cluster::{Cluster, shared};
use crate::docker::docker;
use crate::harness::{PLACE, called_plainly, files_below, fresh_name, until};
use crate::web::Site;

/// Unpacks a snapshot with the programs that every host has.
pub fn unpacked(path: &str) -> PathBuf {
    let place = PLACE.join(fresh_name());
    fs::create_dir_all(&place).unwrap();
    let script = match path.ends_with(".gz") {
        true => "gzip -dc \"$0\" | tar -xf - -C \"$1\"",
        false => "zstd -dqc \"$0\" | tar -xf - -C \"$1\"",
    };
    called_plainly("bash", &["-ec", script, path, place.to_str().unwrap()]).ok();
    place
}

/// Takes a snapshot: what is said of it.
pub fn take(cluster: &Cluster, instance: &str, words: &[&'static str]) -> Value {
    let words = ["--json", "snapshot"].iter().chain(words).copied();
    let said = cluster.instance(instance, words).ok().json();
    said["snapshots"][0].clone()
}

#[test]
fn a_snapshot_has_all_files_and_rows_and_opens_with_tar_and_zstd() {
    let turn = shared();
    let cluster = &turn.cluster;
    let site = Site::of(cluster, "a_b", turn.a_b);
    site.upload();
    site.make("Ankhesenamun");
    until("the picture is processed", 30, || {
        cluster.sql("select count(*) from kor_a_b.media where image_processing") == "0"
    });
    let taken = take(cluster, "a_b", &[]);
    let path = taken["path"].as_str().unwrap();
    assert!(path.ends_with(".v5.0.1.tar.zst"), "{path}");
    let mode = fs::metadata(path).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    let manifest = &taken["manifest"];
    assert_eq!(manifest["hold"], "lock");
    assert_eq!(manifest["consistent"], true);
    let rows = cluster.sql("select count(*) from kor_a_b.entities");
    assert_eq!(manifest["rows"]["entities"].to_string(), rows);

    let place = unpacked(path);
    called_plainly(
        "bash",
        &[
            "-ec",
            "cd \"$0\" && sha256sum --quiet -c SHA256SUMS",
            place.to_str().unwrap(),
        ],
    )
    .ok();
    let live = cluster.instance_root("a_b").join("data/media");
    assert_eq!(files_below(&place.join("data/media")), files_below(&live));
    for missing in [
        "config.sh",
        "instance.sh",
        "mysql.cnf",
        "admin_password",
        "log",
    ] {
        assert!(!place.join(missing).exists(), "{missing}");
    }
    assert!(place.join(".env").exists());
    let dump = fs::read_to_string(place.join("db.sql.00000")).unwrap();
    assert!(dump.contains("Ankhesenamun"));

    let shown = cluster
        .call(["snapshots", "show", path, "--json"])
        .ok()
        .json();
    assert_eq!(shown["manifest"], *manifest);
    let file = Path::new(path).file_name().unwrap().to_str().unwrap();
    cluster.call(["snapshots"]).ok().says(&[file]);
    cluster
        .call(["snapshots", "show", file])
        .ok()
        .says(&["same moment"]);
    // What other tests left.
    for file in fs::read_dir(cluster.root.join("snapshots"))
        .unwrap()
        .flatten()
    {
        if file.file_name().to_string_lossy().starts_with("axb.") {
            fs::remove_file(file.path()).unwrap();
        }
    }
    cluster
        .instance("axb", ["snapshots"])
        .ok()
        .says(&["no snapshots"]);
    cluster
        .call(["snapshots", "verify", file])
        .ok()
        .says(&["whole"]);
    let damaged = PLACE.join(fresh_name());
    let mut bytes = fs::read(path).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    fs::write(&damaged, bytes).unwrap();
    cluster
        .call(["snapshots", "verify", damaged.to_str().unwrap()])
        .expect(8)
        .says(&["NOT whole"]);
    let left = cluster.root.join(".kor-cluster");
    assert!(!left.join("work/a_b").exists());
    assert_eq!(fs::read_dir(left.join("exchange")).unwrap().count(), 0);

    let old = take(cluster, "a_b", &["--format", "tar.gz"]);
    let place = unpacked(old["path"].as_str().unwrap());
    assert!(place.join("db.sql.gz").exists());
    assert_eq!(files_below(&place.join("data/media")), files_below(&live));
}

#[test]
fn bad_words_and_what_is_no_snapshot() {
    let turn = shared();
    let cluster = &turn.cluster;
    cluster.call(["snapshot"]).expect(2).says(&["a_b", "axb"]);
    cluster.call(["snapshot", "nobody"]).expect(4);
    cluster
        .call(["snapshots", "show", "nothing.tar.zst"])
        .expect(4);
    let file = PLACE.join(fresh_name());
    fs::write(&file, "no snapshot").unwrap();
    cluster
        .call(["snapshots", "show", file.to_str().unwrap()])
        .expect(8);
    let before = cluster.picture();
    cluster
        .call(["snapshot", "--all", "--dry-run"])
        .ok()
        .says(&["take the snapshot"]);
    crate::cluster::assert_same(&cluster.picture(), &before);
}

#[test]
fn a_snapshot_that_is_killed_while_it_holds_lets_go_at_once() {
    let turn = shared();
    let cluster = &turn.cluster;
    let log = PLACE.join(fresh_name());
    cluster
        .instance("axb", ["snapshot"])
        .env("KOR_CLUSTER_CRASH_LOG", &log)
        .ok();
    let places = fs::read_to_string(&log).unwrap();
    let at = places.lines().position(|line| line.contains("in the hold"));
    let at = at.expect("there is such a place") + 1;
    std::thread::sleep(Duration::from_millis(1100));
    cluster
        .instance("axb", ["snapshot"])
        .env("KOR_CLUSTER_CRASH_AT", at.to_string())
        .expect(128 + 9);
    // Fails where it has to wait for a table or a row longer than a second.
    cluster.sql(
        "set session lock_wait_timeout = 1; set session innodb_lock_wait_timeout = 1; \
         update kor_axb.users set name = name",
    );
    // The next one sweeps up and is whole.
    take(cluster, "axb", &[]);
    let status = cluster.call(["status", "--json"]).ok().json();
    assert_eq!(status["interrupted"], serde_json::json!([]));
    let images = docker(&[
        "exec",
        &cluster.database(),
        "sh",
        "-c",
        "pgrep -c dump; true",
    ])
    .ok();
    assert_eq!(images.text().trim(), "0", "no dump is left at work");
}

#[test]
fn one_that_fails_does_not_stop_the_others() {
    let turn = shared();
    let cluster = &turn.cluster;
    let lock = cluster.root.join(".kor-cluster/locks/instance-axb");
    let lock = fs::File::options().write(true).open(lock).unwrap();
    lock.lock().unwrap();
    let said = cluster
        .call(["snapshot", "--all", "--json", "--jobs", "2"])
        .expect(1)
        .json();
    drop(lock);
    let instances = |key: &str| {
        let list = said[key].as_array().unwrap();
        let names = list.iter().map(|one| one["instance"].as_str().unwrap());
        names.map(str::to_owned).collect::<Vec<_>>()
    };
    assert_eq!(instances("snapshots"), ["a_b"]);
    assert_eq!(instances("failed"), ["axb"]);
    std::thread::sleep(Duration::from_millis(1100));
    let both = cluster.call(["snapshot", "--all", "--json"]).ok().json();
    assert_eq!(both["snapshots"].as_array().unwrap().len(), 2);
    for taken in both["snapshots"].as_array().unwrap() {
        let path = taken["path"].as_str().unwrap();
        cluster.call(["snapshots", "verify", path]).ok();
    }
}
