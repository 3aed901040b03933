//! What a container should be ([`ContainerSpec`]) and what the engine says it is ([`Container`]).

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::model::label::{self, Labels};
use crate::model::memory::Bytes;
use crate::model::name::Name;

/// What a container is for. Its text is the label and the name in `--json`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// The database server.
    Database,
    /// The search server.
    Search,
    /// An instance's web process.
    Web,
    /// An instance's background process.
    Worker,
    /// The reverse proxy.
    Proxy,
    /// A container for one command of an operator or of the tool, removed at its end.
    Run,
    /// A command in the background.
    Job,
}

impl Role {
    /// The text of the label.
    pub fn as_str(self) -> &'static str {
        match self {
            Role::Database => "database",
            Role::Search => "search",
            Role::Web => "web",
            Role::Worker => "worker",
            Role::Proxy => "proxy",
            Role::Run => "run",
            Role::Job => "job",
        }
    }

    /// The role that a label says.
    pub fn parse(text: &str) -> Option<Self> {
        [
            Role::Database,
            Role::Search,
            Role::Web,
            Role::Worker,
            Role::Proxy,
            Role::Run,
            Role::Job,
        ]
        .into_iter()
        .find(|role| role.as_str() == text)
    }
}

/// The names of containers and networks; those of the first four are the original's.
pub mod names {
    use super::{Name, Original, Role};

    /// The container of a shared service.
    pub fn service(cluster: &Name, role: Role) -> String {
        match role {
            Role::Search => format!("{cluster}_elastic"),
            Role::Proxy => format!("{cluster}_nginx"),
            _ => format!("{cluster}_mysql"),
        }
    }

    /// The container of one of an instance's processes; `tag` tells those for one command apart.
    pub fn of_instance(cluster: &Name, instance: &Name, role: Role, tag: &str) -> String {
        match role {
            Role::Worker => format!("{cluster}_bg_{instance}"),
            Role::Run => format!("{cluster}_run_{instance}_{tag}"),
            Role::Job => format!("{cluster}_job_{instance}_{tag}"),
            _ => format!("{cluster}_instance_{instance}"),
        }
    }

    /// What a container of exactly this name was for in the original, which knew its containers by
    /// nothing else.
    pub fn of_original(container: &str, cluster: &Name, instances: &[Name]) -> Option<Original> {
        let services = [Role::Database, Role::Search, Role::Proxy].into_iter();
        let service = services
            .clone()
            .find(|role| service(cluster, *role) == container)
            .map(|role| Original {
                role,
                instance: None,
            });
        service.or_else(|| {
            instances.iter().find_map(|instance| {
                [Role::Web, Role::Worker]
                    .into_iter()
                    .find(|role| of_instance(cluster, instance, *role, "") == container)
                    .map(|role| Original {
                        role,
                        instance: Some(instance.clone()),
                    })
            })
        })
    }

    /// The name of a container of the original's while its successor is being tried.
    pub fn set_aside(container: &str) -> String {
        format!("{container}_before_adopt")
    }

    /// Whether a container's name is one that a cluster of this name could give.
    pub fn is_of_cluster(container: &str, cluster: &Name) -> bool {
        let rest = container
            .strip_prefix(cluster.as_str())
            .and_then(|rest| rest.strip_prefix('_'));
        rest.is_some_and(|rest| {
            ["mysql", "elastic", "nginx"].contains(&rest)
                || ["instance_", "bg_", "run_", "job_"]
                    .iter()
                    .any(|part| rest.starts_with(part))
        })
    }

    /// The cluster's network.
    pub fn network(cluster: &Name) -> String {
        format!("{cluster}_network")
    }

    /// The network that an operation tries content out in.
    pub fn proof_network(cluster: &Name, operation: &str) -> String {
        format!("{cluster}_proof_{operation}")
    }
}

/// A path of the host that is seen in a container.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Mount {
    /// The absolute path on the host.
    pub source: PathBuf,
    /// The path in the container.
    pub target: String,
    /// Whether the container may not write to it.
    pub read_only: bool,
}

/// Another container, by a name that only this one knows it by.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Link {
    /// The other container.
    pub container: String,
    /// The name.
    pub alias: String,
}

/// A port of a container that the host publishes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Published {
    /// The host's address that it is bound to.
    pub address: IpAddr,
    /// The host's port.
    pub host_port: u16,
    /// The container's port.
    pub container_port: u16,
}

/// A container as it should be made.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ContainerSpec {
    /// The container's name.
    pub name: String,
    /// The image with its tag.
    pub image: String,
    /// In the place of the image's own entry point; empty keeps that.
    pub entrypoint: Vec<String>,
    /// The command, or the entry point's arguments.
    pub command: Vec<String>,
    /// Its environment. No secrets: everybody who may ask the engine sees it.
    pub environment: BTreeMap<String, String>,
    /// See [`label`].
    pub labels: Labels,
    /// Paths of the host that it sees.
    pub mounts: Vec<Mount>,
    /// The network, and the names that it answers to there.
    pub network: String,
    /// See `network`.
    pub aliases: Vec<String>,
    /// Other containers of the network that it knows by further names.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub links: Vec<Link>,
    /// Ports that the host publishes.
    pub published: Vec<Published>,
    /// The directory that its command runs in, where not the image's own.
    pub work_dir: Option<String>,
    /// The name that it has for itself, where not one that the engine draws.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hostname: Option<String>,
    /// The most memory that it may take.
    pub memory: Option<Bytes>,
    /// Its share of the processors where others want them too; the engine gives each 1024.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cpu_shares: Option<u16>,
    /// Started anew by the engine when it ends, unless it was stopped.
    pub restarts: bool,
    /// How long a stop waits for it to end by itself, in seconds.
    pub stop_seconds: u64,
}

/// The share of the processors of what somebody waits for.
const HURRIED: u16 = 8192;

impl ContainerSpec {
    /// Lets it go before others, for somebody waits for it.
    pub fn hurry(&mut self) {
        self.cpu_shares = Some(HURRIED);
    }

    /// Its role, by its label.
    pub fn role(&self) -> Option<Role> {
        self.labels.get(label::ROLE).and_then(|r| Role::parse(r))
    }

    /// A digest of everything but its labels: two containers with the same one are made alike.
    pub fn digest(&self) -> String {
        let bare = ContainerSpec {
            labels: Labels::new(),
            ..self.clone()
        };
        let text = serde_json::to_string(&bare).unwrap_or_default();
        Sha256::digest(text.as_bytes())
            .iter()
            .map(|byte| format!("{byte:02x}"))
            .collect()
    }
}

/// What the engine says a container does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum State {
    /// Made, never started.
    Created,
    /// Its process runs.
    Running,
    /// Its process is frozen.
    Paused,
    /// It ends again and again and the engine starts it anew.
    Restarting,
    /// It ended.
    Exited,
    /// It is being removed, or the engine could not remove it.
    Dead,
}

impl State {
    /// Whether a container is there and not at its end; one that ends again and again is started anew.
    pub fn is_up(self) -> bool {
        !matches!(self, State::Exited | State::Dead | State::Created)
    }

    /// The word that the outputs use.
    pub fn as_str(self) -> &'static str {
        match self {
            State::Created => "created",
            State::Running => "running",
            State::Paused => "paused",
            State::Restarting => "restarting",
            State::Exited => "exited",
            State::Dead => "dead",
        }
    }
}

/// A container as the engine has it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Container {
    /// Its name.
    pub name: String,
    /// The image that it was made from, as it was named then.
    pub image: String,
    /// Its labels.
    pub labels: Labels,
    /// What it does.
    pub state: State,
    /// Its address in its network, where it runs.
    pub address: Option<IpAddr>,
    /// Ports of the host that it holds.
    pub host_ports: Vec<u16>,
    /// When it was started last, in seconds since 1970; only where one container was asked for.
    pub started_at: Option<i64>,
    /// The exit code, where it ended; only where one container was asked for.
    pub exit_code: Option<i64>,
    /// Why the engine says it ended or could not be started, where it says so.
    pub ended_because: Option<String>,
    /// The id of the image that it was made from.
    pub image_id: String,
    /// Paths of the host that it sees.
    pub mounts: Vec<Mount>,
    /// Set where it is one of the original's: what its name says.
    pub original: Option<Original>,
    /// How it was made; only where one container was asked for.
    pub made: Option<Box<Made>>,
}

/// What the name of a container of the original's says: it carries no label.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Original {
    /// What it is for.
    pub role: Role,
    /// The instance whose process it is.
    pub instance: Option<Name>,
}

/// How a container was made, as far as another can be made like it.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Made {
    /// Its entry point, with what the image gives.
    pub entrypoint: Vec<String>,
    /// Its command, with what the image gives.
    pub command: Vec<String>,
    /// Ports that the host publishes.
    pub published: Vec<Published>,
    /// The network mode: `default`, `bridge`, `host` or a network's name.
    pub network: String,
    /// Other containers by the names that it knows them by.
    pub links: Vec<Link>,
}

impl Container {
    /// Its role, by its label; by its name where it is one of the original's.
    pub fn role(&self) -> Option<Role> {
        match &self.original {
            Some(original) => Some(original.role),
            None => self.labels.get(label::ROLE).and_then(|r| Role::parse(r)),
        }
    }

    /// The name of its instance, by its label; by its name where it is one of the original's.
    pub fn instance(&self) -> Option<&str> {
        match &self.original {
            Some(original) => original.instance.as_ref().map(Name::as_str),
            None => self.labels.get(label::INSTANCE).map(String::as_str),
        }
    }
}

/// A network as it should be made, or as the engine has it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Network {
    /// Its name.
    pub name: String,
    /// See [`label`].
    pub labels: Labels,
    /// Whether nothing leads out of it, beyond the host.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub internal: bool,
}
