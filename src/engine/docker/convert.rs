//! Our nouns in the words of the engine's API, and back.

use std::collections::HashMap;
use std::net::IpAddr;

use bollard::models::{
    ContainerConfig, ContainerCreateBody, ContainerInspectResponse, ContainerStateStatusEnum,
    ContainerSummary, ContainerSummaryStateEnum, EndpointSettings, HostConfig, HostConfigLogConfig,
    Mount as ApiMount, MountBindOptions, MountPoint, MountType, NetworkingConfig, PortBinding,
    PortMap, RestartPolicy, RestartPolicyNameEnum,
};

use crate::engine::Input;
use crate::host::clock;
use crate::model::container::{Container, ContainerSpec, Link, Made, Mount, Published, State};
use crate::model::label::Labels;

/// How much of a container's log the engine keeps.
const LOG_SIZE: &str = "10m";
const LOG_FILES: &str = "3";

/// A container as the API wants it.
pub fn to_create_body(spec: &ContainerSpec, input: Input<'_>) -> ContainerCreateBody {
    let reads = !matches!(input, Input::Nothing);
    let terminal = matches!(input, Input::Standard { terminal: true });
    let some = |words: &Vec<String>| (!words.is_empty()).then(|| words.clone());
    ContainerCreateBody {
        image: Some(spec.image.clone()),
        entrypoint: some(&spec.entrypoint),
        cmd: some(&spec.command),
        env: Some(
            spec.environment
                .iter()
                .map(|(key, value)| format!("{key}={value}"))
                .collect(),
        ),
        labels: Some(spec.labels.clone().into_iter().collect()),
        working_dir: spec.work_dir.clone(),
        hostname: spec.hostname.clone(),
        tty: Some(terminal),
        attach_stdin: Some(reads),
        open_stdin: Some(reads),
        stdin_once: Some(reads),
        attach_stdout: Some(true),
        attach_stderr: Some(true),
        stop_timeout: i64::try_from(spec.stop_seconds).ok(),
        exposed_ports: Some(
            spec.published
                .iter()
                .map(|p| port(p.container_port))
                .collect(),
        ),
        host_config: Some(to_host_config(spec)),
        networking_config: Some(NetworkingConfig {
            endpoints_config: Some(HashMap::from([(
                spec.network.clone(),
                EndpointSettings {
                    aliases: Some(spec.aliases.clone()),
                    links: (!spec.links.is_empty()).then(|| {
                        let links = spec.links.iter();
                        links
                            .map(|link| format!("{}:{}", link.container, link.alias))
                            .collect()
                    }),
                    ..Default::default()
                },
            )])),
        }),
        ..Default::default()
    }
}

fn to_host_config(spec: &ContainerSpec) -> HostConfig {
    let mounts = spec.mounts.iter().map(|mount| ApiMount {
        typ: Some(MountType::BIND),
        source: Some(mount.source.display().to_string()),
        target: Some(mount.target.clone()),
        read_only: Some(mount.read_only),
        // A missing file on the host is an error, not a directory that the engine makes.
        bind_options: Some(MountBindOptions {
            create_mountpoint: Some(false),
            ..Default::default()
        }),
        ..Default::default()
    });
    let bindings: PortMap = spec
        .published
        .iter()
        .map(|p| {
            let binding = PortBinding {
                host_ip: Some(p.address.to_string()),
                host_port: Some(p.host_port.to_string()),
            };
            (port(p.container_port), Some(vec![binding]))
        })
        .collect();
    HostConfig {
        mounts: Some(mounts.collect()),
        port_bindings: Some(bindings),
        network_mode: Some(spec.network.clone()),
        memory: spec.memory.and_then(|m| i64::try_from(m.0).ok()),
        cpu_shares: spec.cpu_shares.map(i64::from),
        restart_policy: Some(RestartPolicy {
            name: Some(if spec.restarts {
                RestartPolicyNameEnum::UNLESS_STOPPED
            } else {
                RestartPolicyNameEnum::NO
            }),
            ..Default::default()
        }),
        log_config: Some(HostConfigLogConfig {
            typ: Some("json-file".to_owned()),
            config: Some(HashMap::from([
                ("max-size".to_owned(), LOG_SIZE.to_owned()),
                ("max-file".to_owned(), LOG_FILES.to_owned()),
            ])),
        }),
        ..Default::default()
    }
}

fn port(number: u16) -> String {
    format!("{number}/tcp")
}

/// A container's own name: where others are linked to it, a list also has `/OTHER/alias`.
fn own_name(names: &[String]) -> String {
    let own = names
        .iter()
        .filter_map(|name| name.strip_prefix('/'))
        .find(|name| !name.contains('/'));
    own.unwrap_or_default().to_owned()
}

/// A container of a list.
pub fn from_summary(summary: ContainerSummary) -> Container {
    use ContainerSummaryStateEnum as S;
    let state = match summary.state {
        Some(S::RUNNING) => State::Running,
        Some(S::PAUSED) => State::Paused,
        Some(S::RESTARTING) => State::Restarting,
        Some(S::EXITED | S::STOPPING) => State::Exited,
        Some(S::CREATED) => State::Created,
        _ => State::Dead,
    };
    let networks = summary.network_settings.and_then(|n| n.networks);
    let mode = summary.host_config.and_then(|host| host.network_mode);
    let mut host_ports: Vec<u16> = summary
        .ports
        .unwrap_or_default()
        .iter()
        .filter_map(|p| p.public_port)
        .collect();
    host_ports.sort_unstable();
    host_ports.dedup();
    Container {
        name: own_name(&summary.names.unwrap_or_default()),
        image: summary.image.unwrap_or_default(),
        labels: sorted(summary.labels),
        state,
        address: networks.and_then(|all| address(all, mode.as_deref())),
        host_ports,
        started_at: None,
        exit_code: None,
        ended_because: None,
        image_id: summary.image_id.unwrap_or_default(),
        mounts: mounts(summary.mounts),
        original: None,
        made: None,
    }
}

/// The paths of the host among a container's mounts.
fn mounts(all: Option<Vec<MountPoint>>) -> Vec<Mount> {
    all.unwrap_or_default()
        .into_iter()
        .filter(|mount| mount.typ.as_deref() == Some("bind"))
        .map(|mount| Mount {
            source: mount.source.unwrap_or_default().into(),
            target: mount.destination.unwrap_or_default(),
            read_only: mount.rw == Some(false),
        })
        .collect()
}

/// How a container was made.
fn made(config: &ContainerConfig, host: HostConfig) -> Made {
    let published = host
        .port_bindings
        .into_iter()
        .flatten()
        .flat_map(|(port, bindings)| {
            let container_port = port.split('/').next().and_then(|text| text.parse().ok());
            bindings.into_iter().flatten().filter_map(move |binding| {
                Some(Published {
                    address: binding
                        .host_ip
                        .and_then(|text| text.parse().ok())
                        .unwrap_or(IpAddr::V4(std::net::Ipv4Addr::UNSPECIFIED)),
                    host_port: binding.host_port?.parse().ok()?,
                    container_port: container_port?,
                })
            })
        });
    // The engine says `/OTHER:/THIS/alias`.
    let links = host.links.unwrap_or_default().into_iter().filter_map(|l| {
        let (container, alias) = l.split_once(':')?;
        Some(Link {
            container: container.trim_start_matches('/').to_owned(),
            alias: alias.rsplit('/').next()?.to_owned(),
        })
    });
    let mut made = Made {
        entrypoint: config.entrypoint.clone().unwrap_or_default(),
        command: config.cmd.clone().unwrap_or_default(),
        published: published.collect(),
        network: host.network_mode.unwrap_or_default(),
        links: links.collect(),
    };
    made.published
        .sort_by_key(|p| (p.container_port, p.host_port));
    made.links.sort_by(|a, b| a.alias.cmp(&b.alias));
    made
}

/// A container that was asked for by itself.
pub fn from_inspect(inspect: ContainerInspectResponse) -> Container {
    use ContainerStateStatusEnum as S;
    let config = inspect.config.unwrap_or_default();
    let made = made(&config, inspect.host_config.unwrap_or_default());
    let state = inspect.state.unwrap_or_default();
    let networks = inspect.network_settings;
    let host_ports = networks
        .as_ref()
        .and_then(|n| n.ports.as_ref())
        .into_iter()
        .flat_map(|ports| ports.values().flatten().flatten())
        .filter_map(|binding| binding.host_port.as_ref()?.parse().ok())
        .collect();
    let ended_because = match (state.oom_killed, state.error) {
        (Some(true), _) => Some("it took more memory than it may".to_owned()),
        (_, Some(text)) if !text.is_empty() => Some(text),
        _ => None,
    };
    Container {
        name: inspect
            .name
            .unwrap_or_default()
            .trim_start_matches('/')
            .to_owned(),
        image: config.image.unwrap_or_default(),
        labels: sorted(config.labels),
        state: match state.status {
            Some(S::RUNNING) => State::Running,
            Some(S::PAUSED) => State::Paused,
            Some(S::RESTARTING) => State::Restarting,
            Some(S::EXITED) => State::Exited,
            Some(S::CREATED) => State::Created,
            _ => State::Dead,
        },
        address: networks
            .and_then(|n| n.networks)
            .and_then(|all| address(all, Some(&made.network))),
        host_ports,
        started_at: state.started_at.as_deref().and_then(clock::parse_iso),
        exit_code: state.exit_code,
        ended_because,
        image_id: inspect.image.unwrap_or_default(),
        mounts: mounts(inspect.mounts),
        original: None,
        made: Some(Box::new(made)),
    }
}

/// The address in the network that the container was made for; others it may leave at any time.
fn address(networks: HashMap<String, EndpointSettings>, own: Option<&str>) -> Option<IpAddr> {
    let parsed = |n: &EndpointSettings| n.ip_address.as_ref()?.parse().ok();
    own.and_then(|own| networks.get(own))
        .and_then(parsed)
        .or_else(|| networks.values().find_map(parsed))
}

/// Labels in a fixed order.
pub fn sorted(labels: Option<HashMap<String, String>>) -> Labels {
    labels.unwrap_or_default().into_iter().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_link_s_name_is_not_the_container_s() {
        let names = |all: &[&str]| all.iter().map(|n| (*n).to_owned()).collect::<Vec<_>>();
        assert_eq!(own_name(&names(&["/c_mysql"])), "c_mysql");
        assert_eq!(
            own_name(&names(&[
                "/c_bg_a/mysql",
                "/c_instance_a/mysql",
                "/c_mysql"
            ])),
            "c_mysql"
        );
        assert_eq!(own_name(&[]), "");
    }
}
