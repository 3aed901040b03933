//! Servers that a rehearsal has to itself. Where the upgrade would bring others to the cluster, they
//! run beside the cluster's, empty, in a network of their own, and the copy is made in them.

use std::path::PathBuf;

use crate::commands::boot::{self, await_service};
use crate::error::Result;
use crate::model::cluster::Cluster;
use crate::model::container::{ContainerSpec, Role, names};
use crate::model::layout::InstanceLayout;
use crate::model::name::Name;
use crate::services::{database, labels, search};
use crate::steps::{Elsewhere, Entry, Plan, Step};

/// What both take before anything is in them, roundly, in bytes: the database's log and its own tables.
pub const EMPTY_BYTES: u64 = 256 << 20;

/// Both servers of a cluster, for one instance.
pub struct Apart {
    /// The cluster as the copy sees it: containers and network have names of their own.
    pub cluster: Cluster,
    /// Where their data is.
    directory: PathBuf,
}

impl Apart {
    /// The servers of a cluster as it is `wanted`.
    ///
    /// # Errors
    /// Exit 2 where the names make no name together.
    pub fn of(wanted: &Cluster, instance: &Name) -> Result<Self> {
        Ok(Apart {
            directory: wanted.layout.apart(instance),
            cluster: Cluster {
                // No cluster is called so: two underscores are the tool's own.
                name: Name::on_disk(&format!("{}__{instance}", wanted.name))?,
                ..wanted.clone()
            },
        })
    }

    /// The steps that bring them up.
    pub fn push(&self, plan: &mut Plan) {
        let directory = |path: PathBuf, mode, owner, with_content| Entry::Directory {
            path,
            mode,
            owner,
            with_content,
        };
        let owner = Some((search::UID, search::UID));
        let above = self.cluster.layout.next_ones();
        plan.push(Step::Place {
            what: "lay out the place of servers that only the copy is in".to_owned(),
            entries: vec![
                directory(above, 0o700, None, false),
                directory(self.directory.clone(), 0o700, None, true),
                directory(self.data(Role::Database), 0o755, None, true),
                directory(self.data(Role::Search), 0o755, owner, true),
            ],
        });
        plan.push(Step::MakeNetwork {
            network: boot::network(&self.cluster),
        });
        let mut waits = Vec::new();
        for (role, spec) in self.specs() {
            waits.push(await_service(role, &spec.name));
            plan.push(Step::RunContainer {
                spec: Box::new(spec),
            });
        }
        plan.steps.extend(waits);
    }

    /// The steps that let them go, with all that is in them, and the place of the copy.
    pub fn push_let_go(&self, plan: &mut Plan, copy: &InstanceLayout) {
        for (_, spec) in self.specs() {
            plan.push(Step::RemoveStray { name: spec.name });
        }
        plan.push(Step::RemoveNetwork {
            network: boot::network(&self.cluster),
        });
        for path in [self.directory.clone(), copy.root().to_owned()] {
            plan.push(Step::DiscardDirectory { path });
        }
    }

    /// The server that the copy of the schema is made in.
    pub fn elsewhere(&self) -> Elsewhere {
        Elsewhere {
            database: names::service(&self.cluster.name, Role::Database),
            data: self.data(Role::Database),
        }
    }

    fn data(&self, role: Role) -> PathBuf {
        self.directory.join(role.as_str())
    }

    /// As the cluster's own, but for the data. Without a role nobody takes them for those, and a
    /// `shutdown` after a crash removes them as it does all strays.
    fn specs(&self) -> [(Role, ContainerSpec); 2] {
        let (cluster, data) = (&self.cluster, |role| self.data(role));
        let servers = [
            (
                Role::Database,
                database::spec_on(cluster, data(Role::Database)),
            ),
            (Role::Search, search::spec_on(cluster, data(Role::Search))),
        ];
        servers.map(|(role, spec)| {
            let spec = ContainerSpec {
                labels: labels(cluster, None),
                restarts: false,
                ..spec
            };
            (role, spec)
        })
    }
}
