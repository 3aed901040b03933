//! Snapshots while the site serves and is written to.

use std::collections::BTreeSet;
use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
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

/// A client of the database that is talked with.
struct Client {
    child: Child,
    answers: BufReader<std::process::ChildStdout>,
}

impl Client {
    fn of(cluster: &Cluster, schema: &str) -> Self {
        let mut child = Command::new("docker")
            .args(["exec", "-i", &cluster.database(), "mariadb"])
            .arg("--defaults-extra-file=/etc/kor-cluster/client.cnf")
            .args(["--host=localhost", "-BN", "--unbuffered", schema])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let answers = BufReader::new(child.stdout.take().unwrap());
        Client { child, answers }
    }

    /// Does statements, and waits until they are done.
    fn does(&mut self, statements: &str) {
        let input = self.child.stdin.as_mut().unwrap();
        writeln!(input, "{statements} select 'done';").unwrap();
        input.flush().unwrap();
        let mut line = String::new();
        self.answers.read_line(&mut line).unwrap();
        assert_eq!(line.trim(), "done", "{statements}");
    }
}

impl Drop for Client {
    fn drop(&mut self) {
        drop(self.child.stdin.take());
        let _ = self.child.wait();
    }
}

/// Writes as the application does, as fast as it can: a file before its row's commit, and its end
/// after it.
fn write_without_a_pause(cluster: &Cluster, over: &AtomicBool) -> u32 {
    let media = cluster.instance_root("axb").join("data/media/kct");
    fs::create_dir_all(&media).unwrap();
    let mut client = Client::of(cluster, "kor_axb");
    let mut number = 0;
    while !over.load(Ordering::Relaxed) {
        number += 1;
        client.does(&format!(
            "begin; insert into kct values ({number}, {number});"
        ));
        fs::write(media.join(number.to_string()), number.to_string()).unwrap();
        client.does("commit;");
        if number > 20 {
            let old = number - 20;
            client.does(&format!("delete from kct where id = {old};"));
            fs::remove_file(media.join(old.to_string())).unwrap();
        }
    }
    number
}

/// The rows that a snapshot has, and the files.
fn rows_and_files(cluster: &Cluster, path: &str) -> (BTreeSet<String>, BTreeSet<String>) {
    let place = unpacked(path);
    let schema = fresh_name();
    cluster.sql(&format!("create database {schema}"));
    let script = "cat \"$1\"/db.sql.* | docker exec -i \"$0\" mariadb \
                  --defaults-extra-file=/etc/kor-cluster/client.cnf --host=localhost \"$2\"";
    let (database, place_text) = (cluster.database(), place.to_str().unwrap());
    called_plainly("bash", &["-ec", script, &database, place_text, &schema]).ok();
    let rows = cluster.sql(&format!("select id from {schema}.kct"));
    cluster.sql(&format!("drop database {schema}"));
    let files = fs::read_dir(place.join("data/media/kct")).unwrap();
    let files = files
        .flatten()
        .map(|f| f.file_name().to_string_lossy().into_owned());
    (rows.lines().map(str::to_owned).collect(), files.collect())
}

/// Sets a flag at its end.
pub struct EndOf<'a>(pub &'a AtomicBool);

impl Drop for EndOf<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// How many snapshots of several have a row without its file, or with another content.
fn torn(cluster: &Cluster, count: usize, words: &[&'static str]) -> usize {
    let mut torn = 0;
    for _ in 0..count {
        let taken = take(cluster, "axb", words);
        let path = taken["path"].as_str().unwrap();
        let (rows, files) = rows_and_files(cluster, path);
        assert!(rows.len() > 5, "{}", rows.len());
        torn += usize::from(!rows.is_subset(&files));
        fs::remove_file(path).unwrap();
        // Names have the second in them.
        std::thread::sleep(Duration::from_millis(1100));
    }
    torn
}

#[test]
fn every_row_has_its_file_while_others_write_without_a_pause_and_not_without_the_hold() {
    let turn = shared();
    let cluster = &turn.cluster;
    cluster.sql("create table kor_axb.kct (id int primary key, content int)");
    let over = AtomicBool::new(false);
    let (held, not_held, written) = std::thread::scope(|scope| {
        let writing = scope.spawn(|| write_without_a_pause(cluster, &over));
        // However this ends, the writer has to end with it.
        let _end = EndOf(&over);
        std::thread::sleep(Duration::from_secs(1));
        let held = torn(cluster, 5, &[]);
        let not_held = torn(cluster, 5, &["--hold", "none"]);
        over.store(true, Ordering::Relaxed);
        (held, not_held, writing.join().unwrap())
    });
    cluster.sql("drop table kor_axb.kct");
    fs::remove_dir_all(cluster.instance_root("axb").join("data/media/kct")).unwrap();
    assert!(written > 200, "{written}");
    assert_eq!(held, 0);
    assert!(not_held > 0, "the test does not see what a hold is for");
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
