//! An instance's processes: how their containers are made, and whether they are healthy. What an
//! era wants is in its contract; nothing here knows a version.

use std::path::PathBuf;
use std::time::Duration;

use crate::engine::{Answer, Endpoint, Engine, NoAnswer, Request};
use crate::error::Result;
use crate::model::cluster::Cluster;
use crate::model::container::{Container, ContainerSpec, Mount, Published, Role, names};
use crate::model::contract::{Contract, Owner, VersionRules};
use crate::model::health::{Condition, Health};
use crate::model::image::ImageRef;
use crate::model::instance::Instance;
use crate::model::label;
use crate::model::version::Version;
use crate::services::{labels, running};

/// An instance with everything that decides how its containers are made.
#[derive(Debug, Clone, Copy)]
pub struct App<'a> {
    /// Its cluster.
    pub cluster: &'a Cluster,
    /// The instance.
    pub instance: &'a Instance,
    /// The contract that covers its version.
    pub contract: &'a Contract,
}

/// The image of a version.
///
/// # Errors
/// Exit 2 where the configured repository is none.
pub fn image(cluster: &Cluster, contract: &Contract, version: &Version) -> Result<ImageRef> {
    let repository = cluster
        .app_repository
        .as_deref()
        .unwrap_or(&contract.image.repository);
    ImageRef::of(repository, version.tag())
}

/// Labels a container with how it is made, so that a changed configuration can be told.
fn with_digest(mut spec: ContainerSpec) -> ContainerSpec {
    let digest = spec.digest();
    spec.labels.insert(label::SPEC.to_owned(), digest);
    spec
}

/// A name as a host may have it.
fn host_name(name: &str) -> String {
    let fits = |c: char| if c.is_ascii_alphanumeric() { c } else { '-' };
    format!("kor-{}", name.chars().map(fits).collect::<String>())
}

impl App<'_> {
    /// The container of its web process.
    ///
    /// # Errors
    /// Exit 2 where the configured repository is none.
    pub fn web(&self) -> Result<ContainerSpec> {
        let web = &self.contract.web;
        Ok(with_digest(ContainerSpec {
            published: vec![Published {
                address: self.cluster.bind_address,
                host_port: self.instance.port.number(),
                container_port: web.port,
            }],
            restarts: true,
            stop_seconds: web.stop_seconds,
            ..self.container(Role::Web, &web.command, "")?
        }))
    }

    /// The directory of its files.
    pub fn files(&self) -> PathBuf {
        self.instance
            .layout
            .inside(&self.contract.content.directory)
    }

    /// The container of its background process, where the era has one.
    ///
    /// # Errors
    /// As [`App::web`].
    pub fn worker(&self) -> Result<Option<ContainerSpec>> {
        let Some(worker) = &self.contract.worker else {
            return Ok(None);
        };
        Ok(Some(with_digest(ContainerSpec {
            restarts: true,
            stop_seconds: worker.stop_seconds,
            // It signs what it takes with that name, and takes it up again by it after a crash.
            hostname: Some(host_name(self.instance.name.as_str())),
            ..self.container(Role::Worker, &worker.command, "")?
        })))
    }

    /// The container of one command; `tag` tells it from others that run at the same time.
    ///
    /// # Errors
    /// As [`App::web`].
    pub fn command(&self, role: Role, command: &str, tag: &str) -> Result<ContainerSpec> {
        self.container(role, command, tag)
    }

    /// The container of a command that is part of an operation, by whose label it is found after a
    /// crash.
    ///
    /// # Errors
    /// As [`App::web`].
    pub fn phase(&self, command: &str, operation: &str) -> Result<ContainerSpec> {
        let mut spec = self.command(Role::Run, command, operation)?;
        spec.labels
            .insert(label::OPERATION.to_owned(), operation.to_owned());
        Ok(spec)
    }

    fn container(&self, role: Role, command: &str, tag: &str) -> Result<ContainerSpec> {
        let App {
            cluster,
            instance,
            contract,
        } = *self;
        let mut labels = labels(cluster, Some(role));
        labels.insert(label::INSTANCE.to_owned(), instance.name.to_string());
        labels.insert(label::VERSION.to_owned(), instance.version.to_string());
        let mounts = contract.mounts.iter().map(|rule| Mount {
            source: match rule.of {
                Owner::Instance => instance.layout.inside(&rule.source),
                Owner::Cluster => cluster.layout.inside(&rule.source),
            },
            target: rule.target.clone(),
            read_only: rule.read_only,
        });
        Ok(ContainerSpec {
            name: names::of_instance(&cluster.name, &instance.name, role, tag),
            image: image(cluster, contract, &instance.version)?.to_string(),
            entrypoint: vec!["/bin/bash".to_owned()],
            command: vec!["-c".to_owned(), command.to_owned(), "kor".to_owned()],
            environment: contract.environment.clone(),
            labels,
            mounts: mounts.collect(),
            network: names::network(&cluster.name),
            aliases: Vec::new(),
            links: Vec::new(),
            published: Vec::new(),
            work_dir: Some(contract.image.work_dir.clone()),
            hostname: None,
            memory: Some(cluster.app_memory),
            cpu_shares: None,
            restarts: false,
            stop_seconds: 10,
        })
    }

    /// How it is, asked through the port that it is published on.
    pub fn probe(
        &self,
        engine: &dyn Engine,
        container: Option<&Container>,
        limit: Duration,
        now: i64,
    ) -> Health {
        let to = Endpoint::published(self.cluster.bind_address, self.instance.port.number());
        match running(container) {
            Ok(container) => {
                let probe = Probe {
                    contract: self.contract,
                    version: &self.instance.version,
                };
                probe.at(engine, &to, container, limit, now)
            }
            Err(health) => health,
        }
    }
}

/// What a web process has to answer to be healthy.
#[derive(Debug, Clone, Copy)]
pub struct Probe<'a> {
    /// The contract that covers the version.
    pub contract: &'a Contract,
    /// The version that has to answer.
    pub version: &'a Version,
}

impl Probe<'_> {
    /// How a web process is that is not published, asked by its container's own address.
    pub fn inside(
        &self,
        engine: &dyn Engine,
        container: Option<&Container>,
        limit: Duration,
        now: i64,
    ) -> Health {
        let container = match running(container) {
            Ok(container) => container,
            Err(health) => return health,
        };
        match Endpoint::inside(container, self.contract.web.port) {
            Ok(to) => self.at(engine, &to, container, limit, now),
            Err(error) => Health::because(Condition::Starting, error.to_string()),
        }
    }

    fn at(
        &self,
        engine: &dyn Engine,
        to: &Endpoint,
        container: &Container,
        limit: Duration,
        now: i64,
    ) -> Health {
        let started = container.started_at;
        match self.ask(engine, to, &self.contract.health.path, limit) {
            Ok(answer) if answer.status == self.contract.health.status => {
                self.compare_version(engine, to, &answer.body, limit)
            }
            Ok(answer) => Health::because(
                Condition::Unhealthy,
                format!(
                    "GET {} answered {}",
                    self.contract.health.path, answer.status
                ),
            ),
            Err(why) => {
                let young = started.is_some_and(|started| {
                    now - started < i64::try_from(self.contract.web.start_seconds).unwrap_or(0)
                });
                let condition = if young {
                    Condition::Starting
                } else {
                    Condition::Unhealthy
                };
                Health::because(condition, why)
            }
        }
    }

    fn ask(
        &self,
        engine: &dyn Engine,
        to: &Endpoint,
        path: &str,
        limit: Duration,
    ) -> Result<Answer, String> {
        engine
            .http(to, &Request::get(path, limit))
            .map_err(|reason| match reason {
                NoAnswer::TimedOut => format!("GET {path}: no answer within {limit:?}"),
                NoAnswer::Refused(why) => format!("GET {path}: {why}"),
            })
    }

    fn compare_version(
        &self,
        engine: &dyn Engine,
        to: &Endpoint,
        body: &str,
        limit: Duration,
    ) -> Health {
        let asked = self.version;
        let Some(rules) = self.contract.health.version.as_ref() else {
            return Health::just(Condition::Up);
        };
        if !rules.apply_to(asked) {
            return Health::just(Condition::Up);
        }
        let version = match &rules.path {
            None => version_in(rules, body),
            Some(path) => match self.ask(engine, to, path, limit) {
                Ok(answer) => version_in(rules, &answer.body),
                Err(why) => return Health::because(Condition::Unhealthy, why),
            },
        };
        let path = rules.path.as_ref().unwrap_or(&self.contract.health.path);
        let health = match &version {
            None => Health::because(Condition::Unhealthy, format!("GET {path} says no version")),
            Some(running) if !asked.is_met_by(running) => Health::because(
                Condition::WrongVersion,
                format!("{asked} was asked for, {running} answers"),
            ),
            Some(_) => Health::just(Condition::Up),
        };
        Health { version, ..health }
    }
}

fn version_in(rules: &VersionRules, body: &str) -> Option<String> {
    serde_json::from_str::<serde_json::Value>(body)
        .ok()
        .and_then(|json| json.pointer(&rules.pointer)?.as_str().map(str::to_owned))
}
