//! The reverse proxy of a cluster that was taken over: made anew as the original made it, on the
//! cluster's network. Its files are the operator's.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::engine::{Endpoint, Engine, NoAnswer};
use crate::error::{Error, Result};
use crate::host::files;
use crate::model::cluster::Cluster;
use crate::model::container::{Container, ContainerSpec, Link, Made, Role, names};
use crate::model::health::{Condition, Health};
use crate::model::name::Name;
use crate::services::{labels, running};

/// How long it is listened for: a server of HTTP says nothing by itself.
const SILENCE: Duration = Duration::from_millis(500);

/// How the container of the proxy is made, where the cluster has one: as it was written down when
/// the cluster was taken over.
///
/// # Errors
/// Exit 1 or 6 where that cannot be read.
pub fn spec(cluster: &Cluster) -> Result<Option<ContainerSpec>> {
    let path = cluster.layout.proxy_spec();
    let Some(text) = files::read_if_there(&path)? else {
        return Ok(None);
    };
    let written: ContainerSpec = serde_json::from_str(&text).map_err(|e| {
        Error::failed(format!("{} cannot be used", path.display()))
            .why(e)
            .next("move it away to go on without a proxy")
    })?;
    Ok(Some(ContainerSpec {
        // The tool may be another by now.
        labels: labels(cluster, Some(Role::Proxy)),
        ..written
    }))
}

/// What is written down of it, now and without an instance; nothing where the instance is not in it.
///
/// # Errors
/// As [`spec`].
pub fn without(cluster: &Cluster, instance: &Name) -> Result<Option<(String, String)>> {
    let web = names::of_instance(&cluster.name, instance, Role::Web, "");
    let path = cluster.layout.proxy_spec();
    let (Some(text), Some(mut spec)) = (files::read_if_there(&path)?, spec(cluster)?) else {
        return Ok(None);
    };
    let before = spec.links.len();
    spec.links.retain(|link| link.container != web);
    if spec.links.len() == before {
        return Ok(None);
    }
    let after = serde_json::to_string_pretty(&spec)
        .map_err(|e| Error::failed(format!("{} cannot be written", path.display())).why(e))?;
    Ok(Some((text, after)))
}

/// How the original's proxy is made anew. Its upstreams name the instances' containers as the
/// links did; a proxy on the host's own network stays there.
pub fn like(cluster: &Cluster, there: &Container, instances: &[Name]) -> ContainerSpec {
    let made = there.made.as_deref().cloned().unwrap_or_default();
    let on_host = made.network == "host";
    ContainerSpec {
        name: names::service(&cluster.name, Role::Proxy),
        image: there.image.clone(),
        links: match on_host {
            true => Vec::new(),
            false => links(cluster, &made, instances),
        },
        network: match on_host {
            true => made.network,
            false => names::network(&cluster.name),
        },
        entrypoint: made.entrypoint,
        command: made.command,
        environment: BTreeMap::new(),
        labels: labels(cluster, Some(Role::Proxy)),
        mounts: there.mounts.clone(),
        aliases: Vec::new(),
        published: made.published,
        work_dir: None,
        hostname: None,
        memory: None,
        cpu_shares: None,
        restarts: true,
        stop_seconds: 10,
    }
}

/// The names of the links, and for each instance the one without the cluster's name.
fn links(cluster: &Cluster, made: &Made, instances: &[Name]) -> Vec<Link> {
    let mut links = made.links.clone();
    for instance in instances {
        let alias = format!("instance_{instance}");
        if !links.iter().any(|link| link.alias == alias) {
            links.push(Link {
                container: names::of_instance(&cluster.name, instance, Role::Web, ""),
                alias,
            });
        }
    }
    links
}

/// How it is: up means that somebody listens on each port that it publishes. What its sites answer
/// is the operator's.
pub fn probe(engine: &dyn Engine, container: Option<&Container>) -> Health {
    let container = match running(container) {
        Ok(container) => container,
        Err(health) => return health,
    };
    let published = container.made.iter().flat_map(|made| &made.published);
    for port in published.map(|p| p.container_port) {
        let heard = Endpoint::inside(container, port)
            .map_err(|e| NoAnswer::Refused(e.to_string()))
            .and_then(|to| engine.greeting(&to, SILENCE));
        if let Err(NoAnswer::Refused(why)) = heard {
            return Health::because(Condition::Starting, format!("port {port}: {why}"));
        }
    }
    Health::just(Condition::Up)
}
