//! What `adopt` wrote down of a cluster that the original made: `.kor-cluster/adopted.json`. No
//! secrets are in it.

use serde::{Deserialize, Serialize};

use crate::commands::context::typed;
use crate::commands::observed::Observed;
use crate::commands::session::adopt_typed;
use crate::error::{Error, Result};
use crate::host::{files, identity, store};
use crate::model::cluster::Cluster;
use crate::model::container::{Container, Role, names};
use crate::model::health::{Condition, Health};
use crate::model::image::ImageRef;
use crate::model::layout::ClusterLayout;
use crate::services::{proxy, running};

/// What `adopt` found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Adopted {
    /// When, in seconds since 1970.
    pub at: i64,
    /// The database server's image.
    pub database: FoundImage,
    /// The search server's image.
    pub search: FoundImage,
    /// Files with passwords that everybody on the host could read until then.
    pub was_readable: Vec<WasReadable>,
}

/// An image, and how it was found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FoundImage {
    /// The image.
    pub image: ImageRef,
    /// Where that stood.
    pub found_in: FoundIn,
}

/// Where it stood which image a service had.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FoundIn {
    /// In the cluster's `config.sh`.
    Config,
    /// The container of the original's has it.
    Container,
    /// The files of the data directory tell.
    Files,
    /// The operator said so.
    Asked,
    /// Nowhere; there is no data that another one wrote.
    Default,
}

/// A file with a password that everybody on the host could read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct WasReadable {
    /// Relative to the cluster's directory.
    pub path: String,
    /// Its mode then, as in `0644`.
    pub mode: String,
}

/// What was written down; nothing in a cluster that the original did not make.
///
/// # Errors
/// Exit 1 or 6 where it is there and cannot be read.
pub fn read(layout: &ClusterLayout) -> Result<Option<Adopted>> {
    let path = layout.adopted();
    let Some(text) = files::read_if_there(&path)? else {
        return Ok(None);
    };
    let parsed = serde_json::from_str(&text).map_err(|e| {
        Error::failed(format!("{} cannot be used", path.display()))
            .why(e)
            .next("move it away; `adopt` writes it anew")
    });
    parsed.map(Some)
}

/// The verb that a cluster still needs until nothing of the original's is left.
pub fn still_to_do(layout: &ClusterLayout, containers: &[Container]) -> Option<&'static str> {
    if !store::is_ours(layout) {
        return Some("adopt");
    }
    containers
        .iter()
        .any(|c| c.original.is_some())
        .then_some("boot")
}

/// A command for a cluster as it is typed where its link may not lead to the tool: it may still be
/// the original's, or a copy of its script.
pub fn typed_for(layout: &ClusterLayout, words: &str) -> String {
    let link = layout.link();
    match identity::tool() {
        Ok(tool) if link.canonicalize().ok().as_ref() != Some(&tool) => {
            format!("{} -C {} {words}", tool.display(), layout.root().display())
        }
        _ => typed(&link, words),
    }
}

/// What `status` says of a cluster that the original made, and of its proxy.
#[derive(Debug, Clone, Serialize)]
pub struct Standing {
    /// The verb that is still to take it over.
    pub take_over: Option<&'static str>,
    /// See [`Adopted::was_readable`].
    pub was_readable: Vec<WasReadable>,
    /// The reverse proxy, where there is one.
    pub proxy: Option<ProxyStanding>,
}

/// The reverse proxy, as the engine sees it.
#[derive(Debug, Clone, Serialize)]
pub struct ProxyStanding {
    container: String,
    image: String,
    #[serde(flatten)]
    health: Health,
}

impl Standing {
    /// As the files and the engine say. What cannot be read is not told.
    pub fn of(cluster: &Cluster, observed: &Observed) -> Self {
        let layout = &cluster.layout;
        let container = observed.service(Role::Proxy);
        let spec = proxy::spec(cluster).ok().flatten();
        Standing {
            take_over: still_to_do(layout, &observed.containers),
            was_readable: read(layout)
                .ok()
                .flatten()
                .map(|adopted| adopted.was_readable)
                .unwrap_or_default(),
            proxy: match (container, spec) {
                (None, None) => None,
                (container, spec) => Some(ProxyStanding {
                    container: names::service(&cluster.name, Role::Proxy),
                    image: container.map_or_else(
                        || spec.map(|s| s.image).unwrap_or_default(),
                        |c| c.image.clone(),
                    ),
                    health: running(container)
                        .map_or_else(|health| health, |_| Health::just(Condition::Up)),
                }),
            },
        }
    }

    /// Lines for an operator.
    pub fn lines(&self, cluster: &Cluster) -> Vec<String> {
        let mut lines = Vec::new();
        if let Some(proxy) = &self.proxy {
            let why = proxy.health.why.as_ref();
            let why = why.map_or(String::new(), |why| format!(": {why}"));
            lines.push(format!(
                "  proxy     {}{why}",
                proxy.health.condition.words()
            ));
        }
        match self.take_over {
            Some("adopt") => lines.push(format!(
                "made by the original script: {} takes it over",
                adopt_typed(cluster)
            )),
            Some(verb) => lines.push(format!(
                "its containers are the original script's: {} makes them anew",
                typed(&cluster.layout.link(), verb)
            )),
            None => {}
        }
        if !self.was_readable.is_empty() {
            let paths: Vec<&str> = self.was_readable.iter().map(|r| r.path.as_str()).collect();
            lines.push(format!(
                "had been readable for everybody before adopt: {}; consider new passwords",
                paths.join(", ")
            ));
        }
        lines
    }
}
