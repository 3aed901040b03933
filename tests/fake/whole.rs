//! Whether everything in a place agrees: configuration, schemas, users, indices, containers,
//! networks, directories, and what `status` says of them. What belongs to nothing is named.

use std::collections::BTreeSet;
use std::fmt::Debug;
use std::path::Path;

use kor_cluster::engine::fake::World;
use kor_cluster::host::{files, store};
use kor_cluster::model::container::State;
use kor_cluster::model::instance::Instance;
use kor_cluster::model::label;
use kor_cluster::model::snapshot::SnapshotName;
use kor_cluster::model::undo::{self, Kept};

use crate::place::Place;

/// What of the cluster `c` does not agree with the rest; at rest that is nothing.
pub fn faults(place: &Place) -> Vec<String> {
    let root = place.join("c").canonicalize().unwrap();
    let cluster = store::cluster(&root).unwrap();
    let names = store::instance_names(&cluster).unwrap();
    let instances: Vec<Instance> = names
        .iter()
        .map(|name| store::instance(&cluster, name).unwrap())
        .collect();
    let mut whole = Whole {
        root: &root,
        world: place.world(),
        kept: kept(&root, &instances),
        instances,
        faults: Vec::new(),
    };
    whole.content();
    whole.containers();
    whole.files();
    whole.status(place);
    whole.faults
}

struct Whole<'a> {
    root: &'a Path,
    world: World,
    instances: Vec<Instance>,
    kept: Vec<Kept>,
    faults: Vec<String>,
}

impl Whole<'_> {
    fn compare<T: Debug + PartialEq>(&mut self, what: &str, there: &T, should: &T) {
        if there != should {
            let fault = format!("{what}: there is {there:?}, there should be {should:?}");
            self.faults.push(fault);
        }
    }

    /// Schemas, users and indices are those of instances, and of what they keep.
    fn content(&mut self) {
        let mut schemas = BTreeSet::new();
        let mut users = BTreeSet::new();
        let mut indices = BTreeSet::new();
        for instance in &self.instances {
            schemas.insert(instance.schema.clone());
            users.insert(instance.database_user.clone());
            indices.extend(instance.index.clone());
        }
        for kept in &self.kept {
            schemas.insert(kept.old.schema.clone());
            users.insert(kept.old.user.clone());
            indices.extend(kept.old.index.clone());
        }
        let database = self.world.databases.get("c_mysql").cloned();
        let database = database.unwrap_or_default();
        let there: BTreeSet<String> = database.schemas.into_keys().collect();
        self.compare("schemas", &there, &schemas);
        let there: BTreeSet<String> = database.users.into_keys().collect();
        self.compare("users", &there, &users);
        self.compare(
            "users who may not write",
            &database.readers,
            &BTreeSet::new(),
        );
        let there = self.world.searches.get("c_elastic").cloned();
        let there: BTreeSet<String> = there.unwrap_or_default().into_keys().collect();
        self.compare("indices", &there, &indices);
    }

    /// Either all that should run does, in the cluster's network, or the cluster is down.
    fn containers(&mut self) {
        let mut running = BTreeSet::new();
        let mut networks = BTreeSet::new();
        if self.world.containers.contains_key("c_mysql") {
            running.extend(["c_mysql", "c_elastic"].map(str::to_owned));
            networks.insert("c_network".to_owned());
            for instance in self.instances.iter().filter(|i| i.should_run) {
                running.insert(format!("c_instance_{}", instance.name));
            }
        }
        let there = self.world.containers.values();
        let there: BTreeSet<String> = there.map(|c| c.spec.name.clone()).collect();
        // A web process may have its background process beside it.
        let of_web = |name: &String| {
            let web = name
                .strip_prefix("c_bg_")
                .map(|of| format!("c_instance_{of}"));
            web.is_some_and(|web| there.contains(&web))
        };
        let alone: BTreeSet<String> = there.iter().filter(|name| !of_web(name)).cloned().collect();
        self.compare("containers", &alone, &running);
        for container in self.world.containers.clone().into_values() {
            let name = &container.spec.name;
            self.compare(name, &container.state, &State::Running);
            let of = container.spec.labels.get(label::INSTANCE);
            let of = self
                .instances
                .iter()
                .find(|i| Some(i.name.as_str()) == of.map(String::as_str));
            if let Some(version) = of.map(|instance| instance.version.tag().to_owned()) {
                let there = container.spec.labels.get(label::VERSION).cloned();
                self.compare(&format!("version of {name}"), &there, &Some(version));
            }
        }
        let there: BTreeSet<String> = self.world.networks.keys().cloned().collect();
        self.compare("networks", &there, &networks);
        let joined = self.world.joined.clone();
        self.compare("networks that were joined", &joined, &Default::default());
    }

    fn files(&mut self) {
        let names: BTreeSet<String> = self.instances.iter().map(|i| i.name.to_string()).collect();
        let mut instances = names.clone();
        instances.insert("instance.sh".to_owned());
        self.compare("instances", &self.names_in("instances"), &instances);
        for name in &names {
            let there = self.names_in(&format!("instances/{name}"));
            let hidden: Vec<String> = there.into_iter().filter(|n| n.starts_with('.')).collect();
            self.compare(
                &format!("hidden files of {name}"),
                &hidden,
                &vec![".env".to_owned()],
            );
        }
        for empty in ["journal", "exchange", "work", "next"] {
            let there = self.names_in(&format!(".kor-cluster/{empty}"));
            self.compare(empty, &there, &BTreeSet::new());
        }
        let undos = self.names_in(".kor-cluster/undo");
        let strange: Vec<&String> = undos.difference(&names).collect();
        self.compare("former content of", &strange, &Vec::new());
        let there = self.names_in("elastic");
        self.compare("elastic", &there, &["data".to_owned()].into());
        let snapshots = self.names_in("snapshots").into_iter();
        let strange: Vec<String> = snapshots
            .filter(|n| SnapshotName::parse(n).is_err())
            .collect();
        self.compare("no snapshots", &strange, &Vec::new());
        let expected = [
            ".kor-cluster",
            "cluster.sh",
            "config.sh",
            "elastic",
            "instances",
            "mysql",
            "mysql.cnf",
            "snapshots",
            "ssmtp",
        ];
        let expected = expected.map(str::to_owned).into();
        self.compare("the cluster's directory", &self.names_in(""), &expected);
    }

    fn names_in(&self, directory: &str) -> BTreeSet<String> {
        let names = files::names_in(&self.root.join(directory)).unwrap();
        names.into_iter().collect()
    }

    /// What `status` says is what there is.
    fn status(&mut self, place: &Place) {
        let status = place.call(&["status", "--json", "-C", "c"]).done().json();
        self.compare(
            "interrupted",
            &status["interrupted"],
            &serde_json::json!([]),
        );
        for instance in self.instances.clone() {
            let name = instance.name.as_str();
            let said = status["instances"].as_array().unwrap().iter();
            let said = said.clone().find(|said| said["name"] == name).cloned();
            let said = said.unwrap_or_default();
            let runs = self.world.runs(&format!("c_instance_{name}"));
            let condition = if runs { "up" } else { "down" };
            self.compare(
                &format!("condition of {name}"),
                &said["condition"],
                &condition.into(),
            );
            let version = instance.version.to_string().into();
            self.compare(
                &format!("asked version of {name}"),
                &said["asked_version"],
                &version,
            );
            let should_run = instance.should_run.into();
            self.compare(
                &format!("whether {name} should run"),
                &said["should_run"],
                &should_run,
            );
        }
    }
}

/// What instances keep of their former content, each with its files.
fn kept(root: &Path, instances: &[Instance]) -> Vec<Kept> {
    let mut all = Vec::new();
    for instance in instances {
        let undo = root.join(".kor-cluster/undo").join(instance.name.as_str());
        for id in files::names_in(&undo).unwrap() {
            let directory = undo.join(id);
            assert!(directory.join(undo::CONTENT).is_dir(), "{directory:?}");
            let text = std::fs::read_to_string(directory.join(undo::RECORD)).unwrap();
            all.push(serde_json::from_str(&text).unwrap());
        }
    }
    all
}
