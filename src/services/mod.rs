//! What each service of a cluster is, and how it is asked.

pub mod app;
pub mod database;
pub mod definers;
pub mod documents;
pub mod dump;
pub mod hold;
pub mod load;
pub mod page;
pub mod proxy;
pub mod read_only;
pub mod replay;
pub mod rights;
pub mod room;
pub mod sandbox_line;
pub mod scroll;
pub mod search;
pub mod tables;

use std::net::IpAddr;

use crate::model::cluster::Cluster;
use crate::model::container::{Container, Role, State};
use crate::model::health::{Condition, Health};
use crate::model::label::{self, Labels};

/// The labels that everything of a cluster carries.
pub fn labels(cluster: &Cluster, role: Option<Role>) -> Labels {
    let mut labels = Labels::from([
        (label::CLUSTER.to_owned(), cluster.name.to_string()),
        (
            label::ROOT.to_owned(),
            cluster.layout.root().display().to_string(),
        ),
        (label::TOOL.to_owned(), env!("CARGO_PKG_VERSION").to_owned()),
    ]);
    if let Some(role) = role {
        labels.insert(label::ROLE.to_owned(), role.as_str().to_owned());
    }
    labels
}

/// The address that people type to reach an instance.
pub fn root_url(
    bind: IpAddr,
    instance_port: u16,
    cluster_port: u16,
    server_name: Option<&str>,
) -> String {
    match (server_name, cluster_port) {
        (Some(name), 80) => format!("http://{name}"),
        (Some(name), 443) => format!("https://{name}"),
        (Some(name), port) => format!("http://{name}:{port}"),
        (None, _) if bind.is_unspecified() || bind.is_loopback() => {
            format!("http://localhost:{instance_port}")
        }
        (None, _) => format!("http://{bind}:{instance_port}"),
    }
}

/// What the engine's word alone says of a container's health; the container, where it has to be
/// asked itself.
pub fn running(container: Option<&Container>) -> Result<&Container, Health> {
    let Some(container) = container else {
        return Err(Health::just(Condition::Down));
    };
    match container.state {
        State::Running => Ok(container),
        State::Paused => Err(Health::because(
            Condition::Unhealthy,
            "its container is paused",
        )),
        State::Restarting => Err(Health::because(
            Condition::Unhealthy,
            "it ends again and again",
        )),
        State::Created | State::Exited | State::Dead => {
            let mut words = vec![format!("its container is {}", container.state.as_str())];
            words.extend(
                container
                    .exit_code
                    .map(|code| format!("with exit code {code}")),
            );
            words.extend(container.ended_because.clone());
            Err(Health::because(Condition::Down, words.join(", ")))
        }
    }
}
