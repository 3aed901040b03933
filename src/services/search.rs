//! The search server: how its container is made, and how it is asked.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use crate::engine::{Answer, Endpoint, Engine, NoAnswer, Request};
use crate::error::{Error, Result};
use crate::model::cluster::Cluster;
use crate::model::container::{Container, ContainerSpec, Mount, Role, names};
use crate::model::health::{Condition, Health};
use crate::services::{labels, running};

/// The port that it listens on, inside the cluster's network.
pub const PORT: u16 = 9200;

/// The user that the public image runs it as.
pub const UID: u32 = 1000;

/// How long an answer may take.
const LIMIT: Duration = Duration::from_secs(30);

/// The container of a cluster's search server.
pub fn spec(cluster: &Cluster) -> ContainerSpec {
    spec_on(cluster, cluster.layout.search_data())
}

/// The same on other data.
pub fn spec_on(cluster: &Cluster, data: PathBuf) -> ContainerSpec {
    let heap = (cluster.search_memory.mebibytes() / 2).max(128);
    ContainerSpec {
        name: names::service(&cluster.name, Role::Search),
        image: cluster.search_image.to_string(),
        entrypoint: Vec::new(),
        command: Vec::new(),
        environment: BTreeMap::from([(
            "ES_JAVA_OPTS".to_owned(),
            format!("-Xms{heap}m -Xmx{heap}m"),
        )]),
        labels: labels(cluster, Some(Role::Search)),
        mounts: vec![Mount {
            source: data,
            target: "/usr/share/elasticsearch/data".to_owned(),
            read_only: false,
        }],
        network: names::network(&cluster.name),
        aliases: vec!["elastic".to_owned(), "index".to_owned()],
        links: Vec::new(),
        published: Vec::new(),
        work_dir: None,
        hostname: None,
        memory: Some(cluster.search_memory),
        cpu_shares: None,
        restarts: true,
        stop_seconds: 60,
    }
}

/// A search server that runs.
pub struct Server<'a> {
    engine: &'a dyn Engine,
    endpoint: Endpoint,
}

impl<'a> Server<'a> {
    /// The server in a container.
    ///
    /// # Errors
    /// Exit 1 where it does not run.
    pub fn in_container(engine: &'a dyn Engine, name: &str) -> Result<Self> {
        let container = engine.container(name)?.ok_or_else(|| {
            Error::failed("the search server does not run").why(format!("no container {name}"))
        })?;
        Ok(Server {
            engine,
            endpoint: Endpoint::inside(&container, PORT)?,
        })
    }

    /// Deletes an index, be it a plain one or what is behind an alias; one that is not there is
    /// fine.
    ///
    /// # Errors
    /// Exit 1 with what the server says.
    pub fn delete_index(&self, index: &str) -> Result<()> {
        let answer = self.ask("GET", &format!("/_alias/{index}"))?;
        let behind: Vec<String> = match answer.status {
            200 => serde_json::from_str::<BTreeMap<String, serde_json::Value>>(&answer.body)
                .map(|indices| indices.into_keys().collect())
                .unwrap_or_default(),
            _ => vec![index.to_owned()],
        };
        for index in behind {
            let answer = self.ask("DELETE", &format!("/{index}"))?;
            if !matches!(answer.status, 200 | 404) {
                return Err(refusal("delete the index", &index, &answer));
            }
        }
        Ok(())
    }

    /// How many documents an index has; nothing where there is no such index.
    ///
    /// # Errors
    /// Exit 1 with what the server says.
    pub fn count(&self, index: &str) -> Result<Option<u64>> {
        let answer = self.ask("GET", &format!("/{index}/_count"))?;
        match answer.status {
            200 => serde_json::from_str::<serde_json::Value>(&answer.body)
                .ok()
                .and_then(|body| body.get("count")?.as_u64())
                .map(Some)
                .ok_or_else(|| refusal("count the documents of", index, &answer)),
            404 => Ok(None),
            _ => Err(refusal("count the documents of", index, &answer)),
        }
    }

    fn ask(&self, method: &str, path: &str) -> Result<Answer> {
        self.request(method, path, None, LIMIT)
    }

    /// Asks it; an answer of any status is one.
    ///
    /// # Errors
    /// Exit 1 where there is none.
    pub(super) fn request(
        &self,
        method: &str,
        path: &str,
        body: Option<&str>,
        limit: Duration,
    ) -> Result<Answer> {
        let request = Request {
            method,
            path,
            body,
            limit,
        };
        self.engine
            .http(&self.endpoint, &request)
            .map_err(|e| Error::failed("the search server does not answer").why(e))
    }
}

/// What is said where it answers something else than what was hoped for.
pub(super) fn refusal(doing: &str, index: &str, answer: &Answer) -> Error {
    let body: String = answer.body.chars().take(300).collect();
    Error::failed(format!("the search server did not {doing} {index}"))
        .why(format!("it answered {}: {body}", answer.status))
}

/// How the server is: up means that it answers over HTTP.
pub fn probe(engine: &dyn Engine, container: Option<&Container>, limit: Duration) -> Health {
    let container = match running(container) {
        Ok(container) => container,
        Err(health) => return health,
    };
    let answered = Endpoint::inside(container, PORT)
        .map_err(|e| NoAnswer::Refused(e.to_string()))
        .and_then(|to| engine.http(&to, &Request::get("/", limit)));
    match answered {
        Ok(answer) if answer.status == 200 => Health {
            version: version_of(&answer.body),
            ..Health::just(Condition::Up)
        },
        Ok(answer) => Health::because(
            Condition::Unhealthy,
            format!("GET / answered {}", answer.status),
        ),
        Err(NoAnswer::TimedOut) => Health::because(Condition::Unhealthy, "it does not answer"),
        Err(NoAnswer::Refused(_)) => Health::because(Condition::Starting, "it does not listen yet"),
    }
}

fn version_of(body: &str) -> Option<String> {
    let body: serde_json::Value = serde_json::from_str(body).ok()?;
    Some(body.pointer("/version/number")?.as_str()?.to_owned())
}
