//! The fake engine's world, and the file that it is in.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::net::{IpAddr, Ipv4Addr};
use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};
use crate::model::container::{Container, ContainerSpec, Made, Mount, Network, State};
use crate::model::image::{Image, ImageRef};
use crate::model::label;

/// Everything that the fake engine knows. Databases and search servers are kept by the name of
/// their container and outlive it, as their data directories do.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct World {
    /// Containers by name.
    pub containers: BTreeMap<String, FakeContainer>,
    /// Networks by name.
    pub networks: BTreeMap<String, Network>,
    /// Further networks that containers are in, by container.
    pub joined: BTreeMap<String, BTreeSet<String>>,
    /// What the database servers hold.
    pub databases: BTreeMap<String, Database>,
    /// Documents by index, by search server.
    pub searches: BTreeMap<String, BTreeMap<String, u64>>,
    /// Images that it does not have.
    pub missing_images: Vec<String>,
    /// Images that can be listed, with all that is known of them. Every other one that is not
    /// missing is there too, under its own name.
    pub images: Vec<Image>,
    /// Images that a registry has.
    pub registry: Vec<String>,
    /// What every application answers with at a path, beside its health address.
    pub pages: BTreeMap<String, String>,
    /// What fails: every call whose description has one of these texts in it.
    pub fails: Vec<String>,
    /// Whether every call fails.
    pub unreachable: bool,
}

/// A container of the fake engine.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FakeContainer {
    /// As it was made.
    pub spec: ContainerSpec,
    /// What it does.
    pub state: State,
    /// When it was started.
    pub started_at: Option<i64>,
}

/// What a database server holds.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Database {
    /// Tables by schema.
    pub schemas: BTreeMap<String, BTreeSet<String>>,
    /// The schema that each user reaches, escaped as in its grant.
    pub users: BTreeMap<String, String>,
    /// Rows flagged as being processed, by schema.
    pub unfinished: BTreeMap<String, u64>,
    /// Users who may only read.
    #[serde(skip_serializing_if = "BTreeSet::is_empty")]
    pub readers: BTreeSet<String>,
}

impl World {
    /// Reads the world; an empty one where there is no file.
    pub fn load(path: &Path) -> Result<Self> {
        match std::fs::read(path) {
            Ok(bytes) => serde_json::from_slice(&bytes)
                .map_err(|e| Error::failed("the fake engine's world is damaged").why(e)),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(World::default()),
            Err(error) => Err(Error::io("read", path, &error)),
        }
    }

    /// Keeps other processes and threads from changing the world until it is dropped. It is the
    /// directory that is locked, because the file becomes another one with each change.
    pub fn alone(path: &Path) -> Result<File> {
        let directory = path.parent().unwrap_or(Path::new("/"));
        File::open(directory)
            .and_then(|opened| opened.lock().map(|()| opened))
            .map_err(|e| Error::io("lock", directory, &e))
    }

    /// Writes the world, whole or not at all.
    pub fn save(&self, path: &Path) -> Result<()> {
        let beside = path.with_extension("new");
        let bytes = serde_json::to_vec(self)
            .map_err(|e| Error::failed("cannot write the fake engine's world").why(e))?;
        std::fs::write(&beside, bytes)
            .and_then(|()| std::fs::rename(&beside, path))
            .map_err(|e| Error::io("write", path, &e))
    }

    pub(super) fn add(&mut self, spec: &ContainerSpec, state: State) {
        let container = FakeContainer {
            spec: spec.clone(),
            state,
            started_at: None,
        };
        self.containers.insert(spec.name.clone(), container);
    }

    pub(super) fn image(&self, name: &str) -> Option<Image> {
        let is = |image: &&Image| image.names.iter().any(|n| n == name) || image.id == name;
        if let Some(listed) = self.images.iter().find(is) {
            return Some(listed.clone());
        }
        let missing = self.missing_images.iter().any(|image| image == name);
        (!missing).then(|| Image {
            id: format!("sha256:{name}"),
            size: 1,
            names: vec![name.to_owned()],
            ..Image::default()
        })
    }

    /// Makes an image be there under this name, which another one may have had.
    pub(super) fn put_image(&mut self, name: &ImageRef, image: Image) {
        let name = name.as_listed();
        self.missing_images.retain(|missing| *missing != name);
        for other in &mut self.images {
            other.names.retain(|n| *n != name);
        }
        match self.images.iter_mut().find(|other| other.id == image.id) {
            Some(known) => known.names.push(name),
            None => self.images.push(Image {
                names: vec![name],
                ..image
            }),
        }
    }

    pub(super) fn get_mut(&mut self, name: &str) -> Result<&mut FakeContainer> {
        self.containers
            .get_mut(name)
            .ok_or_else(|| Error::not_found(format!("no container {name}")))
    }

    /// Whether a container runs.
    pub fn runs(&self, name: &str) -> bool {
        self.containers
            .get(name)
            .is_some_and(|c| c.state == State::Running)
    }

    /// The container that answers to a name in a network.
    pub(super) fn by_alias(&self, network: &str, alias: &str) -> Option<String> {
        self.containers
            .values()
            .find(|c| c.spec.network == network && c.spec.aliases.iter().any(|a| a == alias))
            .map(|c| c.spec.name.clone())
    }
}

impl FakeContainer {
    pub(super) fn observed(&self) -> Container {
        let runs = self.state == State::Running;
        Container {
            name: self.spec.name.clone(),
            image: self.spec.image.clone(),
            labels: self.spec.labels.clone(),
            state: self.state,
            address: runs.then_some(IpAddr::V4(Ipv4Addr::new(192, 0, 2, 1))),
            host_ports: match runs {
                true => self.spec.published.iter().map(|p| p.host_port).collect(),
                false => Vec::new(),
            },
            started_at: self.started_at,
            exit_code: None,
            ended_because: None,
            image_id: format!("sha256:{}", self.spec.image),
            mounts: self.spec.mounts.clone(),
            original: None,
            made: Some(Box::new(Made {
                entrypoint: self.spec.entrypoint.clone(),
                command: self.spec.command.clone(),
                published: self.spec.published.clone(),
                network: self.spec.network.clone(),
                links: self.spec.links.clone(),
            })),
        }
    }

    /// Whether it is one of the tool's that has no part in its cluster: its data goes with it.
    pub(super) fn is_thrown_away(&self) -> bool {
        let labels = &self.spec.labels;
        labels.contains_key(label::ROOT) && !labels.contains_key(label::ROLE)
    }

    /// Whether a search index outlives it: not where it lies in the container itself.
    pub(super) fn keeps_index(&self) -> bool {
        let data = |m: &Mount| m.target == "/usr/share/elasticsearch/data";
        self.spec.mounts.iter().any(data)
    }
}
