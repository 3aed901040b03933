//! What the engine says of a cluster, asked once per command.

use std::time::{Duration, Instant};

use crate::commands::context::Context;
use crate::commands::context::typed;
use crate::engine::Engine;
use crate::error::{Error, Result};
use crate::host::{ports, store};
use crate::model::cluster::Cluster;
use crate::model::container::{Container, Network, Role, State, names};
use crate::model::instance::Instance;
use crate::model::label::{self, Selector};
use crate::model::name::Name;

/// How long a start may take that the engine was asked for before this command began.
const SETTLED_WITHIN: Duration = Duration::from_secs(10);

/// The containers and networks of one cluster.
#[derive(Debug, Clone, Default)]
pub struct Observed {
    /// Its containers, ended ones too.
    pub containers: Vec<Container>,
    /// Its networks.
    pub networks: Vec<Network>,
}

impl Observed {
    /// Asks the engine.
    ///
    /// # Errors
    /// Exit 5 where it cannot be reached.
    pub fn of(engine: &dyn Engine, cluster: &Cluster) -> Result<Self> {
        Ok(Observed {
            networks: engine.networks(&Selector::cluster(cluster.layout.root()))?,
            ..Self::containers(engine, cluster)?
        })
    }

    /// Asks the engine, and waits for the starts of these instances that it is still at: a tool
    /// that was killed leaves them behind, and until they are over the engine holds the port while
    /// no container says that it has it.
    ///
    /// # Errors
    /// Exit 5 where it cannot be reached, 1 at an interruption.
    pub fn settled(
        context: &Context<'_>,
        cluster: &Cluster,
        instances: &[Instance],
    ) -> Result<Self> {
        let end = Instant::now() + SETTLED_WITHIN;
        loop {
            let observed = Self::of(context.engine, cluster)?;
            let starting = instances.iter().any(|instance| {
                observed
                    .of_instance(&instance.name, Role::Web)
                    .is_some_and(|web| web.state == State::Created)
                    && ports::holder(cluster.bind_address, instance.port).is_some()
            });
            if !starting || Instant::now() >= end {
                return Ok(observed);
            }
            context
                .interrupt
                .check("waiting for the engine was stopped")?;
            context.interrupt.sleep(Duration::from_millis(100));
        }
    }

    /// Asks the engine for the containers alone.
    ///
    /// # Errors
    /// Exit 5 where it cannot be reached.
    pub fn containers(engine: &dyn Engine, cluster: &Cluster) -> Result<Self> {
        Ok(Observed {
            containers: of_cluster(cluster, &engine.all_containers()?),
            networks: Vec::new(),
        })
    }

    /// The containers that the original made, and that no `boot` has replaced yet.
    pub fn of_original(&self) -> impl Iterator<Item = &Container> {
        self.containers.iter().filter(|c| c.original.is_some())
    }

    /// The same without the containers that the original made.
    pub fn without_original(&self) -> Self {
        let mut ours = self.clone();
        ours.containers.retain(|c| c.original.is_none());
        ours
    }

    /// Refuses to work on containers of the original's: they are tied by links, carry no labels,
    /// and nothing but the `boot` that replaces them ever stops one.
    ///
    /// # Errors
    /// Exit 6 with the first of them.
    pub fn refuse_original(&self, cluster: &Cluster, verb: &str) -> Result<()> {
        let Some(first) = self.of_original().next() else {
            return Ok(());
        };
        Err(Error::refused(format!(
            "{verb} does not work on containers that the original script made"
        ))
        .why(format!("{} is one", first.name))
        .next(format!(
            "{}, which makes them anew",
            typed(&cluster.layout.link(), "boot")
        )))
    }

    /// The container of a shared service.
    pub fn service(&self, role: Role) -> Option<&Container> {
        self.containers.iter().find(|c| c.role() == Some(role))
    }

    /// The container of one of an instance's processes.
    pub fn of_instance(&self, name: &Name, role: Role) -> Option<&Container> {
        self.containers
            .iter()
            .find(|c| c.role() == Some(role) && c.instance() == Some(name.as_str()))
    }

    /// Whether a shared service's container runs.
    pub fn service_runs(&self, role: Role) -> bool {
        self.service(role)
            .is_some_and(|c| c.state == State::Running)
    }

    /// Whether database and search server run.
    pub fn services_run(&self) -> bool {
        self.service_runs(Role::Database) && self.service_runs(Role::Search)
    }

    /// Whether an instance's web process runs.
    pub fn web_runs(&self, name: &Name) -> bool {
        self.of_instance(name, Role::Web)
            .is_some_and(|c| c.state == State::Running)
    }

    /// The containers for one command.
    pub fn one_offs(&self) -> impl Iterator<Item = &Container> {
        self.containers
            .iter()
            .filter(|c| matches!(c.role(), Some(Role::Run | Role::Job)))
    }
}

/// The containers of one cluster among all of the host: those with its label, and those of the
/// original's, which are known by nothing but their names.
pub fn of_cluster(cluster: &Cluster, all: &[Container]) -> Vec<Container> {
    let root = cluster.layout.root().display().to_string();
    // Where the directory cannot be read, there is no instance to look for.
    let instances = store::instance_names(cluster).unwrap_or_default();
    all.iter()
        .filter_map(|container| match container.labels.get(label::ROOT) {
            Some(of) => (*of == root).then(|| container.clone()),
            None => {
                let original = names::of_original(&container.name, &cluster.name, &instances)?;
                sees(container, cluster.layout.root()).then(|| Container {
                    original: Some(original),
                    ..container.clone()
                })
            }
        })
        .collect()
}

/// Whether a container works on a cluster's directory. The name alone would also fit that of a
/// copy of the directory, which has no containers of its own.
fn sees(container: &Container, root: &std::path::Path) -> bool {
    let below = |path: &std::path::Path| path.starts_with(root);
    container.mounts.is_empty()
        || container.mounts.iter().any(|mount| {
            below(&mount.source) || mount.source.canonicalize().is_ok_and(|path| below(&path))
        })
}
