//! Who has a port of this host: an instance's configuration, a container, a process.

use std::time::Duration;

use crate::commands::context::Context;
use crate::error::{Error, Kind, Result};
use crate::host::{ports, store};
use crate::journal::lock::{Permit, Request};
use crate::model::cluster::Cluster;
use crate::model::container::Container;
use crate::model::port::Port;

/// Ports that are spoken for, and by whom.
pub struct Ports {
    configured: Vec<(Port, String)>,
    containers: Vec<Container>,
}

impl Ports {
    /// Asks every cluster that this host knows, and the engine.
    ///
    /// # Errors
    /// Exit 5 where the engine cannot be reached.
    pub fn of(context: &Context<'_>, cluster: &Cluster) -> Result<Self> {
        let mut roots: Vec<_> = context.registry.all().into_iter().map(|(_, r)| r).collect();
        roots.push(cluster.layout.root().to_owned());
        roots.sort();
        roots.dedup();
        let mut configured = Vec::new();
        for root in roots {
            // Another cluster's broken file must not be in the way of this one.
            let Ok(other) = store::cluster(&root) else {
                continue;
            };
            for name in store::instance_names(&other).unwrap_or_default() {
                if let Ok(instance) = store::instance(&other, &name) {
                    let holder = format!("instance {name} of cluster {}", other.name);
                    configured.push((instance.port, holder));
                }
            }
        }
        Ok(Ports {
            configured,
            containers: context.engine.all_containers()?,
        })
    }

    /// Who has a port now or by configuration.
    pub fn holder(&self, cluster: &Cluster, port: Port) -> Option<String> {
        self.configured
            .iter()
            .find(|(taken, _)| *taken == port)
            .map(|(_, holder)| holder.clone())
            .or_else(|| self.listener(cluster, port))
    }

    /// Takes a port until the permission is dropped: between the choice of a port and the file
    /// that says so, nobody else on this host may take the same. With `--dry-run` nothing is
    /// taken.
    ///
    /// # Errors
    /// Exit 6 with the holder.
    pub fn reserve(
        &self,
        context: &Context<'_>,
        cluster: &Cluster,
        port: Port,
    ) -> Result<Option<Permit>> {
        let taken = |holder: String| {
            Error::refused(format!("port {port} is taken")).why(format!("{holder} has it"))
        };
        if let Some(holder) = self.holder(cluster, port) {
            return Err(taken(holder));
        }
        if context.flags.dry_run {
            return Ok(None);
        }
        let request = Request {
            verb: "port",
            wait: Duration::ZERO,
            interrupt: context.interrupt,
        };
        let permit = Permit::named(
            &context.registry.locks()?,
            &format!("port-{port}"),
            &request,
        )
        .map_err(|error| match error.kind {
            Kind::Busy => taken("another operation that is under way".to_owned()),
            _ => error,
        })?;
        // One that was under way before may have written its file just now.
        match Self::of(context, cluster)?.holder(cluster, port) {
            Some(holder) => Err(taken(holder)),
            None => Ok(Some(permit)),
        }
    }

    /// Whether nobody but this container has a port: its instance may have it again.
    pub fn only_held_by(&self, container: &str, port: Port) -> bool {
        let configured = self.configured.iter().any(|(taken, _)| *taken == port);
        let mut holders = self.containers.iter();
        let holder = holders.find(|c| c.host_ports.contains(&port.number()));
        !configured && holder.is_some_and(|c| c.name == container)
    }

    /// Who listens on a port now.
    pub fn listener(&self, cluster: &Cluster, port: Port) -> Option<String> {
        self.containers
            .iter()
            .find(|c| c.host_ports.contains(&port.number()))
            .map(|c| format!("the container {}", c.name))
            .or_else(|| ports::holder(cluster.bind_address, port))
    }
}
