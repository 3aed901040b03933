//! An instance with a neighbour that snapshots are handed over to, and proof that nothing changed.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use sha2::{Digest, Sha256};

use crate::archives::{gunzip, gzip};
use crate::cluster::{Cluster, assert_same};
use crate::docker::address;
use crate::harness::{PLACE, called_plainly, fresh_name, until};
use crate::web::Site;

/// What must not change, looked at after each attempt.
#[derive(Debug, PartialEq, Eq)]
pub struct State {
    /// Schemas, users, their rights, and the sum of every table.
    database: String,
    indices: String,
    files: Vec<String>,
    pages: Vec<String>,
    /// What lies about in the tool's own directories.
    left_behind: Vec<PathBuf>,
}

/// An instance that serves, with a neighbour, and its snapshots in both forms.
pub struct Ground {
    pub cluster: Cluster,
    pub site: Site,
    checksums: String,
    search: String,
    pub own: Vec<u8>,
    pub script: Vec<u8>,
    before: State,
    pub slowest: std::cell::RefCell<(Duration, String)>,
}

impl Ground {
    pub fn made() -> Self {
        let cluster = Cluster::booted();
        let port = cluster.add("main");
        cluster.add("other");
        cluster.instance("main", ["start"]).ok();
        let site = Site::of(&cluster, "main", port);
        site.upload();
        site.make("Ankhesenamun");
        until("the picture is processed", 30, || {
            cluster.sql("select count(*) from kor_main.media where image_processing") == "0"
        });
        until("it is found", 20, || site.found("Ankhesenamun") == 1);
        let own = snapshot(&cluster, &[]);
        let script = snapshot(&cluster, &["--format", "tar.gz"]);
        let tables = cluster.sql(
            "set session group_concat_max_len = 1000000; \
             select group_concat(concat('`', table_schema, '`.`', table_name, '`')) \
             from information_schema.tables where table_schema like 'kor%' and table_type = 'BASE TABLE'",
        );
        let mut ground = Ground {
            checksums: format!("checksum table {tables}"),
            search: format!(
                "http://{}:9200/_cat/indices?h=index,docs.count",
                address(&cluster.search())
            ),
            own,
            script,
            before: State {
                database: String::new(),
                indices: String::new(),
                files: Vec::new(),
                pages: Vec::new(),
                left_behind: Vec::new(),
            },
            cluster,
            site,
            slowest: std::cell::RefCell::default(),
        };
        ground.before = ground.state();
        assert!(
            ground
                .before
                .files
                .iter()
                .any(|line| line.contains("original"))
        );
        assert!(ground.before.database.contains("kor_other.users"));
        ground
    }

    fn state(&self) -> State {
        let database = self.cluster.sql(&format!(
            "show databases; select user, host, authentication_string, plugin from mysql.user order by 1, 2; \
             select db, user, select_priv, event_priv from mysql.db order by 1, 2; {}",
            self.checksums
        ));
        let mut files = Vec::new();
        for instance in ["main", "other"] {
            sums(&self.cluster.instance_root(instance), &mut files);
        }
        files.sort();
        let indices = called_plainly("curl", &["-sf", &self.search]).ok();
        let mut indices: Vec<&str> = indices.text().lines().map(str::trim).collect();
        indices.sort_unstable();
        let left_behind = ["next", "work", "exchange", "journal", "undo"]
            .iter()
            .filter_map(|name| fs::read_dir(self.cluster.root.join(".kor-cluster").join(name)).ok())
            .flatten()
            .map(|entry| entry.unwrap().path())
            .collect();
        State {
            database,
            indices: indices.join("\n"),
            files,
            pages: ["/", "/info"]
                .map(|path| {
                    let page = self.site.get(path);
                    format!("{} {}", page.status, page.body)
                })
                .to_vec(),
            left_behind,
        }
    }

    pub fn put(&self, suffix: &str, bytes: &[u8]) -> PathBuf {
        let path = PLACE.join(format!("{}.20260101_000000.v5.0.1.{suffix}", fresh_name()));
        fs::write(&path, bytes).unwrap();
        path
    }

    /// Hands a file over: it is refused as damaged, in these words, and nothing has changed.
    #[track_caller]
    pub fn is_refused(&self, what: &str, path: &Path, words: &[&str]) {
        let ran = self
            .cluster
            .instance("main", ["import", path.to_str().unwrap()])
            .run();
        assert_eq!(ran.code, 8, "{what}: {}\n{}", ran.out, ran.err);
        let took = ran.took;
        eprintln!("{took:?} {what}");
        ran.says(words);
        let now = self.state();
        assert_same(&now.files, &self.before.files);
        assert_eq!(now, self.before, "{what}");
        let mut slowest = self.slowest.borrow_mut();
        if took > slowest.0 {
            *slowest = (took, what.to_owned());
        }
    }

    #[track_caller]
    pub fn refuses(&self, what: &str, suffix: &str, bytes: &[u8], words: &[&str]) {
        let path = self.put(suffix, bytes);
        self.is_refused(what, &path, words);
        fs::remove_file(path).unwrap();
    }

    /// The shell script's form with these entries in front of what is in it.
    #[track_caller]
    pub fn refuses_entries(&self, what: &str, more: &[Vec<u8>], word: &str) {
        self.refuses(what, "tar.gz", &self.with_entries(more), &[word]);
    }

    pub fn with_entries(&self, more: &[Vec<u8>]) -> Vec<u8> {
        gzip(&[more.concat(), gunzip(&self.script)].concat())
    }
}

fn snapshot(cluster: &Cluster, words: &[&'static str]) -> Vec<u8> {
    let words = ["--json", "snapshot"].iter().chain(words).copied();
    let said = cluster.instance("main", words).ok().json();
    fs::read(said["snapshots"][0]["path"].as_str().unwrap()).unwrap()
}

/// Every file below a directory but for the log, with its rights, time and sum.
fn sums(directory: &Path, lines: &mut Vec<String>) {
    for entry in fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        if path.ends_with("log") {
            continue;
        }
        let meta = fs::symlink_metadata(&path).unwrap();
        let sum = match meta.is_file() {
            true => format!("{:x?}", Sha256::digest(fs::read(&path).unwrap())),
            false => String::new(),
        };
        let time = (meta.mtime(), meta.mtime_nsec());
        lines.push(format!(
            "{} {:o} {time:?} {sum}",
            path.display(),
            meta.mode()
        ));
        if meta.is_dir() {
            sums(&path, lines);
        }
    }
}
