//! Snapshots that come back: into their instance, and as new ones, also on another cluster.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use crate::cluster::{Cluster, assert_same};
use crate::docker::address;
use crate::harness::{PLACE, called_plainly, files_below, fresh_name, until};
use crate::web::Site;

/// A cluster with an instance that runs, and its port.
fn running() -> (Cluster, u16) {
    let cluster = Cluster::booted();
    let port = cluster.add("main");
    cluster.instance("main", ["start"]).ok();
    (cluster, port)
}

fn snapshot(cluster: &Cluster, words: &[&'static str]) -> String {
    let words = ["--json", "snapshot"].iter().chain(words).copied();
    let said = cluster.instance("main", words).ok().json();
    said["snapshots"][0]["path"].as_str().unwrap().to_owned()
}

fn setting(cluster: &Cluster, key: &str) -> String {
    let file = fs::read_to_string(cluster.instance_root("main").join("config.sh")).unwrap();
    let line = file
        .lines()
        .find_map(|line| line.strip_prefix(key))
        .unwrap();
    line.trim_start_matches('=').trim_matches('\'').to_owned()
}

/// All that there is but for the tool's own records.
fn picture(cluster: &Cluster) -> Vec<String> {
    let mut lines = cluster.picture();
    lines.retain(|line| !line.contains("history.jsonl") && line != ".kor-cluster/next");
    lines
}

/// Schemas, users and indices of a cluster, and the content of an instance.
fn everything(cluster: &Cluster) -> Vec<String> {
    let schema = setting(cluster, "DB_NAME");
    let address = address(&cluster.search());
    let indices = format!("http://{address}:9200/_cat/indices?h=index");
    let mut indices: Vec<String> = called_plainly("curl", &["-sf", &indices])
        .ok()
        .text()
        .lines()
        .map(|line| line.trim().to_owned())
        .collect();
    indices.sort();
    let tables = cluster.sql(&format!(
        "select table_name from information_schema.tables where table_schema = '{schema}' \
         and table_type = 'BASE TABLE' order by 1"
    ));
    let mut all = vec![
        cluster.sql("show databases"),
        cluster.sql("select user, host from mysql.global_priv order by 1, 2"),
        cluster.sql("select db, user from mysql.db order by 1, 2"),
        indices.join(" "),
    ];
    all.extend(
        tables
            .lines()
            .map(|table| cluster.sql(&format!("checksum table {schema}.{table}"))),
    );
    all
}

#[test]
fn an_import_brings_rows_pictures_and_index_and_can_be_undone() {
    let (cluster, port) = running();
    let site = Site::of(&cluster, "main", port);
    site.upload();
    site.make("Ankhesenamun");
    until("the picture is processed", 30, || {
        cluster.sql("select count(*) from kor_main.media where image_processing") == "0"
    });
    until("it is found", 20, || site.found("Ankhesenamun") == 1);
    cluster.sql(
        "use kor_main; create view seen as select id from users; \
         create trigger keep before delete on tags for each row set @a = 1",
    );
    let path = snapshot(&cluster, &[]);
    let media = cluster.instance_root("main").join("data/media");
    let (pictures, of_then) = (files_below(&media), everything(&cluster));
    site.make("Thutmosis");
    fs::write(media.join("later"), "later").unwrap();
    until("it is found", 20, || site.found("Thutmosis") == 1);
    let of_later = everything(&cluster);

    let schema = setting(&cluster, "DB_NAME");
    let key = env_line(&cluster, "SECRET_KEY_BASE");
    let said = cluster
        .instance("main", ["import", &path, "--json"])
        .ok()
        .json();
    assert_eq!(said["changed"], true);
    assert_eq!(site.found("Ankhesenamun"), 1);
    assert_eq!(site.found("Thutmosis"), 0);
    assert_eq!(files_below(&media), pictures);
    assert!(!media.join("later").exists());
    let next = setting(&cluster, "DB_NAME");
    assert_ne!(next, schema);
    assert_eq!(env_line(&cluster, "SECRET_KEY_BASE"), key);
    let of_now = everything(&cluster);
    let content = |all: &[String]| -> Vec<String> {
        let lines = all[4..].iter();
        lines
            .map(|line| line.split_once('.').unwrap().1.to_owned())
            .collect()
    };
    assert_eq!(content(&of_now), content(&of_then));
    let definers = cluster.sql(&format!(
        "select definer from information_schema.views where table_schema = '{next}' \
         union select definer from information_schema.triggers where trigger_schema = '{next}'"
    ));
    assert_eq!(definers, format!("{next}@%"));
    assert_eq!(left_behind(&cluster), Vec::<PathBuf>::new());
    assert_eq!(cluster.status_of("main")["undo"]["from"], path);

    // Nothing was written since: the way back is free. The second time it is not.
    cluster.instance("main", ["import", "--undo"]).ok();
    assert_eq!(everything(&cluster), of_later);
    assert_eq!(site.found("Thutmosis"), 1);
    assert!(media.join("later").exists());
    cluster.instance("main", ["import", "--undo"]).expect(4);

    cluster.instance("main", ["import", &path]).ok();
    Site::of(&cluster, "main", port).make("Nofretete");
    cluster
        .instance("main", ["import", "--undo"])
        .expect(6)
        .says(&["entities", "--discard-new"]);
    let said = cluster
        .instance("main", ["import", "--undo", "--discard-new", "--json"])
        .ok()
        .json();
    assert_eq!(everything(&cluster), of_later);
    let given_up = said["snapshot"].as_str().unwrap();
    cluster.call(["snapshots", "verify", given_up]).ok();
    cluster.instance("main", ["import", given_up]).ok();
    assert_eq!(site.found("Nofretete"), 1);
    cluster.instance("main", ["import", "--forget"]).ok();
    cluster.instance("main", ["import", "--undo"]).expect(4);
    let schemas = cluster.sql("show databases like 'kor%'");
    assert_eq!(schemas, setting(&cluster, "DB_NAME"));
}

fn env_line(cluster: &Cluster, key: &str) -> String {
    let file = fs::read_to_string(cluster.instance_root("main").join(".env")).unwrap();
    file.lines()
        .find(|line| line.starts_with(key))
        .unwrap()
        .to_owned()
}

/// What lies about in the tool's own directories that no operation has.
fn left_behind(cluster: &Cluster) -> Vec<PathBuf> {
    ["next", "work", "exchange"]
        .iter()
        .filter_map(|name| fs::read_dir(cluster.root.join(".kor-cluster").join(name)).ok())
        .flatten()
        .map(|entry| entry.unwrap().path())
        .collect()
}

#[test]
fn readers_are_served_while_an_import_is_made_and_one_that_fails_is_not_noticed() {
    let (cluster, port) = running();
    let site = Site::of(&cluster, "main", port);
    site.make("Ankhesenamun");
    let path = snapshot(&cluster, &[]);
    let before = (picture(&cluster), everything(&cluster));
    let over = AtomicBool::new(false);
    let longest = Mutex::new(Duration::ZERO);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            while !over.load(Ordering::Relaxed) {
                let begun = Instant::now();
                assert_eq!(site.get("/info").status, 200);
                let mut longest = longest.lock().unwrap();
                *longest = (*longest).max(begun.elapsed());
            }
        });
        let _end = EndOf(&over);
        // No application comes to life in no time.
        cluster
            .instance("main", ["import", &path, "--timeout", "0"])
            .expect(1);
        let hostile = with_dump(&path, "USE mysql;\nDELETE FROM global_priv;\n");
        cluster
            .instance("main", ["import", hostile.to_str().unwrap()])
            .expect(8)
            .says(&["denied"]);
        // Cut off in the middle.
        let cut = PLACE.join(format!("{}.20260101_000000.v5.0.1.tar.zst", fresh_name()));
        let bytes = fs::read(&path).unwrap();
        fs::write(&cut, &bytes[..bytes.len() / 2]).unwrap();
        cluster
            .instance("main", ["import", cut.to_str().unwrap()])
            .expect(8);
    });
    let longest = *longest.lock().unwrap();
    assert!(longest < Duration::from_secs(3), "{longest:?}");
    assert_same(&picture(&cluster), &before.0);
    assert_eq!(everything(&cluster), before.1);
}

/// Sets a flag at its end.
struct EndOf<'a>(&'a AtomicBool);

impl Drop for EndOf<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// A snapshot as the original packs it, with something done to its files before.
fn spoilt(path: &str, spoil: impl FnOnce(&Path)) -> PathBuf {
    let place = PLACE.join(fresh_name());
    fs::create_dir_all(&place).unwrap();
    let file = PLACE.join(format!("{}.20260101_000000.v5.0.1.tar.gz", fresh_name()));
    let unpack = "zstd -dqc \"$0\" | tar -xf - -C \"$1\"; cd \"$1\"; \
                  cat db.sql.* | gzip >db.sql.gz; rm -f db.sql.0* index.* SHA256SUMS snapshot.json";
    called_plainly("bash", &["-ec", unpack, path, place.to_str().unwrap()]).ok();
    spoil(&place);
    let pack = "cd \"$1\"; tar -czf \"$0\" .";
    called_plainly(
        "bash",
        &["-ec", pack, file.to_str().unwrap(), place.to_str().unwrap()],
    )
    .ok();
    file
}

/// The same with these statements at the dump's beginning.
fn with_dump(path: &str, statements: &str) -> PathBuf {
    spoilt(path, |place| {
        let script =
            "(printf '%s' \"$1\"; gzip -dc \"$0\") | gzip >\"$0.new\"; mv \"$0.new\" \"$0\"";
        let dump = place.join("db.sql.gz");
        called_plainly("bash", &["-ec", script, dump.to_str().unwrap(), statements]).ok();
    })
}

#[test]
fn the_originals_form_imports_and_an_instance_comes_back_on_another_cluster() {
    let (cluster, port) = running();
    let site = Site::of(&cluster, "main", port);
    site.upload();
    site.make("Ankhesenamun");
    until("the picture is processed", 30, || {
        cluster.sql("select count(*) from kor_main.media where image_processing") == "0"
    });
    let path = snapshot(&cluster, &[]);
    let of_original = snapshot(&cluster, &["--format", "tar.gz"]);
    cluster.instance("main", ["import", &of_original]).ok();
    until("it is found", 20, || site.found("Ankhesenamun") == 1);
    let pictures = files_below(&cluster.instance_root("main").join("data/media"));
    let key = env_line(&cluster, "SECRET_KEY_BASE");
    let password = fs::read_to_string(cluster.instance_root("main").join("admin_password"));
    let kept = PLACE.join(Path::new(&path).file_name().unwrap());
    fs::copy(&path, &kept).unwrap();
    cluster.call(["shutdown"]).ok();
    drop(cluster);

    let second = Cluster::booted();
    let port = crate::harness::free_port().to_string();
    let words = [
        "new",
        "main",
        "--port",
        &port,
        "--from",
        kept.to_str().unwrap(),
    ];
    second.call(words).ok();
    second.instance("main", ["start"]).ok();
    assert_eq!(env_line(&second, "SECRET_KEY_BASE"), key);
    assert_eq!(
        files_below(&second.instance_root("main").join("data/media")),
        pictures
    );
    fs::write(
        second.instance_root("main").join("admin_password"),
        password.unwrap(),
    )
    .unwrap();
    let site = Site::logged_in(&second, "main", port.parse().unwrap());
    assert_eq!(site.found("Ankhesenamun"), 1);
    let medium = second.sql("select id from kor_main.media limit 1");
    assert!(!medium.is_empty());
    assert_eq!(left_behind(&second), Vec::<PathBuf>::new());
}

#[test]
fn versions_that_do_not_fit_are_refused() {
    let cluster = Cluster::booted();
    cluster.add("main");
    let path = snapshot(&cluster, &[]);
    let newer = PLACE.join("main.20260101_000000.v5.1.0.tar.gz");
    let older = PLACE.join("main.20260101_000000.v3.0.5.tar.gz");
    let unknown = PLACE.join("upstream.tar.gz");
    let plain = spoilt(&path, |_| {});
    for (file, code, word) in [
        (&newer, 6, "newer"),
        (&older, 6, "another era"),
        (&unknown, 2, "--version"),
    ] {
        fs::copy(&plain, file).unwrap();
        cluster
            .instance("main", ["import", file.to_str().unwrap()])
            .expect(code)
            .says(&[word]);
    }
    cluster.instance("main", ["import", "nothing"]).expect(4);
    cluster.instance("main", ["import"]).expect(2);
    // An instance that does not run is not started by it.
    let words = ["import", unknown.to_str().unwrap(), "--version", "v5.0.1"];
    cluster.instance("main", words).ok();
    assert_eq!(cluster.condition("main"), "down");
    let status = cluster.status_of("main");
    assert_eq!(status["undo"]["from"], unknown.to_str().unwrap());
}
