//! Containers and networks.

use std::time::Duration;

use serde_json::Value;

use super::Picture;
use crate::docker::docker;
use crate::harness::until;

/// How long what runs may take until it answers: an undo starts again and does not wait.
pub const PATIENCE: u64 = 180;

pub fn runs(container: &str) -> bool {
    let format = "{{.State.Running}}";
    docker(&["inspect", "-f", format, container]).out.trim() == "true"
}

pub fn add(picture: &mut Picture, name: &str) {
    let filter = format!("name=^/?{name}_");
    let networks = docker(&[
        "network",
        "ls",
        "--filter",
        &format!("name=^{name}_"),
        "--format",
        "{{.Name}} {{.Driver}}",
    ])
    .ok();
    for network in networks.text().lines() {
        picture.add(format!("network {}", without_ids(network)), "there");
    }
    let listed = docker(&["ps", "-aq", "--filter", &filter]).ok();
    let ids: Vec<&str> = listed.text().lines().collect();
    if ids.is_empty() {
        return;
    }
    let inspected = docker(&[&["inspect"], &ids[..]].concat());
    let containers: Value = serde_json::from_str(&inspected.out).unwrap();
    for container in containers.as_array().unwrap() {
        let name = container["Name"].as_str().unwrap().trim_start_matches('/');
        picture.add(format!("container {}", without_ids(name)), of(container));
        if name.contains("_instance_") && container["State"]["Running"] == true {
            picture.add(format!("site {name}"), site(container));
        }
    }
}

/// Its state, what it is made of, and where it can be reached.
fn of(container: &Value) -> String {
    let host = &container["HostConfig"];
    let mut mounts: Vec<String> = container["Mounts"]
        .as_array()
        .unwrap()
        .iter()
        .map(|mount| {
            format!(
                "{}:{}:{}",
                mount["Source"], mount["Destination"], mount["RW"]
            )
        })
        .collect();
    mounts.sort();
    let networks = container["NetworkSettings"]["Networks"].as_object();
    let networks: Vec<&String> = networks.into_iter().flat_map(|all| all.keys()).collect();
    let labels = &container["Config"]["Labels"];
    let label = |name: &str| labels[format!("net.coneda.kor-cluster.{name}")].clone();
    format!(
        "{} {} ports {} restarts {} memory {} role {} version {} networks {networks:?} mounts {mounts:?}",
        container["State"]["Status"],
        container["Config"]["Image"],
        host["PortBindings"],
        host["RestartPolicy"]["Name"],
        host["Memory"],
        label("role"),
        label("version"),
    )
}

/// What its site says of itself through the published port.
fn site(container: &Value) -> String {
    let ports = container["HostConfig"]["PortBindings"].as_object().unwrap();
    let port = ports.values().next().unwrap()[0]["HostPort"].as_str();
    let agent = ureq::Agent::config_builder()
        .timeout_global(Some(Duration::from_secs(10)))
        .build()
        .new_agent();
    let url = format!("http://127.0.0.1:{}/info", port.unwrap());
    let mut said = String::new();
    until(&format!("{url} answers"), PATIENCE, || {
        let Ok(mut answer) = agent.get(&url).call() else {
            return false;
        };
        said = answer.body_mut().read_to_string().unwrap_or_default();
        true
    });
    said
}

/// Commands and proofs have the id of their operation in their names.
fn without_ids(name: &str) -> String {
    for kind in ["_run_", "_job_", "_proof_"] {
        if let Some((before, _)) = name.split_once(kind) {
            return format!("{before}{kind}ID");
        }
    }
    name.to_owned()
}
