//! The cluster that is operated on, and what is to be seen of it from outside.

use std::collections::BTreeSet;
use std::fs;
use std::path::PathBuf;

use super::operations::Names;
use crate::call::Call;
use crate::cluster::Cluster;
use crate::harness::{PLACE, entries, free_port, setting, until};
use crate::picture::Picture;
use crate::web::Site;

/// The cluster with the instances `a` and, at times, `b`.
pub struct World {
    pub cluster: Cluster,
    port: u16,
    port_of_b: u16,
    pub names: Names,
    /// What there was before the operation.
    snapshots: usize,
    kept: Vec<PathBuf>,
}

impl World {
    /// With content, a snapshot of it, and serving.
    pub fn made() -> Self {
        let cluster = Cluster::booted();
        let port = cluster.add("a");
        cluster.instance("a", ["start"]).ok();
        let site = Site::of(&cluster, "a", port);
        site.upload();
        site.make("first");
        until("the picture is processed", 120, || {
            cluster.sql("select count(*) from kor_a.media where image_processing") == "0"
        });
        let taken = cluster.instance("a", ["snapshot"]).ok();
        let mut world = World {
            cluster,
            port,
            port_of_b: free_port(),
            names: Names::default(),
            snapshots: 0,
            kept: Vec::new(),
        };
        fs::rename(taken.text(), world.snapshot()).unwrap();
        world.names.live.insert("first".to_owned());
        world.names.of_snapshot = world.names.live.clone();
        world
    }

    fn snapshot(&self) -> PathBuf {
        PLACE.join("a.20260101_000000.v5.0.1.tar.zst")
    }

    pub fn picture(&self) -> Picture {
        Picture::of(&self.cluster.name, &self.cluster.root)
    }

    /// A call in words as they are typed.
    pub fn typed(&self, words: &str) -> Call {
        let (port, snapshot) = (self.port_of_b.to_string(), self.snapshot());
        let mut words = words.split(' ').map(|word| match word {
            "PORT" => port.as_str(),
            "SNAPSHOT" => snapshot.to_str().unwrap(),
            other => other,
        });
        match words.next().unwrap() {
            "cluster.sh" => self.cluster.call(words),
            instance => self.cluster.instance(instance, words),
        }
    }

    /// Writes an entity, where somebody serves; it is remembered if it was acknowledged.
    pub fn write(&mut self, number: usize) {
        if self.runs("a") && self.is_up() {
            let name = format!("n{number}");
            if Site::of(&self.cluster, "a", self.port).maker()(&name) {
                self.names.live.insert(name);
            }
        }
    }

    /// Acknowledged names that are not there.
    pub fn lost(&self) -> Vec<&String> {
        if !self.is_up() {
            return Vec::new();
        }
        let schema = setting(
            &self.cluster.instance_root("a").join("config.sh"),
            "DB_NAME",
        );
        let there = self
            .cluster
            .sql(&format!("select name from {schema}.entities"));
        let there: BTreeSet<&str> = there.lines().collect();
        let live = self.names.live.iter();
        live.filter(|name| !there.contains(name.as_str())).collect()
    }

    pub fn note(&mut self) {
        self.snapshots = self.count_snapshots();
        self.kept = self.all_kept();
    }

    pub fn has_more_snapshots(&self) -> bool {
        self.count_snapshots() > self.snapshots
    }

    fn count_snapshots(&self) -> usize {
        entries(&self.cluster.root.join("snapshots")).len()
    }

    fn all_kept(&self) -> Vec<PathBuf> {
        entries(&self.cluster.root.join(".kor-cluster/undo/a"))
    }

    /// Whether former content is kept that a verb took the place of.
    pub fn keeps(&self, verb: &str) -> bool {
        let is_of = |path: &PathBuf| {
            let text = fs::read_to_string(path.join("undo.json")).unwrap_or_default();
            let record: serde_json::Value = serde_json::from_str(&text).unwrap_or_default();
            record["verb"] == verb
        };
        self.all_kept().iter().any(is_of)
    }

    pub fn keeps_any(&self) -> bool {
        !self.all_kept().is_empty()
    }

    pub fn keeps_another(&self) -> bool {
        self.keeps_any() && self.all_kept() != self.kept
    }

    pub fn is_up(&self) -> bool {
        self.cluster.is_up()
    }

    pub fn runs(&self, instance: &str) -> bool {
        self.cluster.runs(instance)
    }

    pub fn exists(&self, instance: &str) -> bool {
        self.cluster
            .instance_root(instance)
            .join("config.sh")
            .exists()
    }

    pub fn version(&self, instance: &str) -> String {
        let config = self.cluster.instance_root(instance).join("config.sh");
        setting(&config, "VERSION")
    }

    pub fn file(&self, instance: &str, name: &str) -> String {
        fs::read_to_string(self.cluster.instance_root(instance).join(name)).unwrap_or_default()
    }
}
