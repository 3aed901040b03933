//! Where a verb is killed: a cluster with an instance that serves, or a directory without one.

use std::fs;
use std::path::{Path, PathBuf};

use crate::call::{Call, Ran};
use crate::cluster::Cluster;
use crate::docker::docker;
use crate::harness::{PLACE, free_port, fresh_name, tool, until};
use crate::picture::Picture;
use crate::web::Site;

/// A cluster with the instance `main`, which has content and serves; its snapshot stands beside.
pub struct Ground {
    pub cluster: Cluster,
    /// For an instance `b` that a verb makes.
    port: u16,
    /// Files of this ground alone.
    pub beside: PathBuf,
}

/// The name of the snapshot of `main`.
const SNAPSHOT: &str = "main.20260101_000000.v5.0.1.tar.zst";

impl Ground {
    pub fn made() -> Self {
        Self::made_in(Cluster::booted())
    }

    /// In a cluster that is up and has no instance yet.
    pub fn made_in(cluster: Cluster) -> Self {
        let ground = Self::bare(cluster);
        let cluster = &ground.cluster;
        let port = cluster.add("main");
        cluster.instance("main", ["start"]).ok();
        let site = Site::of(cluster, "main", port);
        site.upload();
        site.make("Ankhesenamun");
        until("the picture is processed", 60, || {
            cluster.sql("select count(*) from kor_main.media where image_processing") == "0"
        });
        until("it is found", 60, || site.found("Ankhesenamun") == 1);
        let taken = cluster.instance("main", ["snapshot"]).ok();
        fs::copy(taken.text(), ground.snapshot()).unwrap();
        ground.forget_snapshots();
        ground
    }

    /// With nothing in it yet.
    pub fn bare(cluster: Cluster) -> Self {
        let beside = PLACE.join(fresh_name());
        fs::create_dir(&beside).unwrap();
        Ground {
            cluster,
            port: free_port(),
            beside,
        }
    }

    pub fn snapshot(&self) -> PathBuf {
        self.beside.join(SNAPSHOT)
    }

    /// The same as the original packs it, without what the tool says about it.
    pub fn snapshot_of_original(&self) -> PathBuf {
        self.snapshot().with_extension("gz")
    }

    pub fn snapshots(&self) -> PathBuf {
        self.cluster.root.join("snapshots")
    }

    pub fn picture(&self) -> Picture {
        Picture::of(&self.cluster.name, &self.cluster.root)
    }

    /// A call in words as they are typed: `cluster.sh new b --port PORT`.
    pub fn typed(&self, words: &str) -> Call {
        let (root, port) = (self.cluster.path(), self.port.to_string());
        let snapshot = self.snapshot().display().to_string();
        let of_original = self.snapshot_of_original().display().to_string();
        let mut words = words.split_whitespace().map(|word| match word {
            "ROOT" => root,
            "PORT" => &port,
            "SNAPSHOT" => &snapshot,
            "SNAPSHOT_OF_ORIGINAL" => &of_original,
            "SEARCH" => OTHER_SEARCH,
            "DATABASE" => OTHER_DATABASE,
            other => other,
        });
        match words.next().unwrap() {
            "cluster.sh" => self.cluster.call(words),
            "kor-cluster" => tool().args(words),
            instance => self.cluster.instance(instance, words),
        }
    }

    pub fn does(&self, words: &str) -> Ran {
        self.typed(words).ok()
    }

    /// `recover` in a fresh process.
    pub fn recovery(&self) -> Call {
        tool().args(["recover", "--json", "-C", self.cluster.path()])
    }

    /// Whether the instance `main` serves as it should, and can be written to: tried out by its own
    /// user, and taken back.
    pub fn is_writable(&self) -> Result<(), String> {
        let statement = "begin; insert into tags (name) values ('kct'); rollback";
        let ran = self
            .cluster
            .instance("main", ["--timeout", "60", "db", statement])
            .run();
        match ran.code {
            0 => Ok(()),
            _ => Err(format!("main cannot be written to: {}", ran.err)),
        }
    }

    pub fn forget_snapshots(&self) {
        for entry in fs::read_dir(self.snapshots()).unwrap() {
            fs::remove_file(entry.unwrap().path()).unwrap();
        }
    }

    /// Four snapshots of other days.
    pub fn put_snapshots(&self) {
        self.forget_snapshots();
        for day in ["01", "02", "03", "04"] {
            let name = SNAPSHOT.replace("20260101", &format!("202601{day}"));
            fs::copy(self.snapshot(), self.snapshots().join(name)).unwrap();
        }
    }

    /// Takes the tables and the index of `b` away.
    pub fn empty_b(&self) {
        let tables = self.cluster.sql(
            "select group_concat('kor_b.', table_name) from information_schema.tables \
             where table_schema = 'kor_b'",
        );
        let tables = tables.trim();
        if tables != "NULL" {
            self.cluster
                .sql(&format!("set foreign_key_checks = 0; drop table {tables}"));
        }
        self.delete_index("kor_b");
    }

    pub fn delete_index(&self, index: &str) {
        let address = crate::docker::address(&self.cluster.search());
        let _ = ureq::delete(format!("http://{address}:9200/{index}")).call();
    }

    /// Writes another version into the configuration of `main`.
    pub fn say_version(&self, version: &str) {
        let file = self.cluster.instance_root("main").join("config.sh");
        let text = fs::read_to_string(&file).unwrap();
        let line = text.lines().find(|line| line.starts_with("VERSION="));
        let now = text.replace(line.unwrap(), &format!("VERSION={version}"));
        fs::write(file, now).unwrap();
    }

    pub fn save(&self) {
        copied(&self.cluster.root, &self.beside.join("saved"));
    }

    pub fn put_back(&self) {
        self.discard();
        copied(&self.beside.join("saved"), &self.cluster.root);
    }

    /// The directory goes, with its place in the registry.
    pub fn discard(&self) {
        let _ = fs::remove_dir_all(&self.cluster.root);
        let _ = fs::remove_file(PLACE.join("state/clusters").join(&self.cluster.name));
    }
}

/// In the range of all versions that run there.
pub const OTHER_SEARCH: &str = "elasticsearch:5.6.14";

/// The same for the database server, with which the data is copied as well.
pub const OTHER_DATABASE: &str = "mariadb:10.11.99";

pub fn tag_other_database() {
    docker(&["tag", "mariadb:10.11", OTHER_DATABASE]).ok();
}

pub fn tag_other_search() {
    docker(&["tag", "elasticsearch:5.6.16", OTHER_SEARCH]).ok();
}

fn copied(from: &Path, to: &Path) {
    crate::harness::called_plainly("cp", &["-a", from.to_str().unwrap(), to.to_str().unwrap()])
        .ok();
}
