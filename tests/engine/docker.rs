//! The engine as seen past the tool.

use crate::harness::{ROOT_LABEL, Ran, called_plainly};

/// Runs the engine's own client.
pub fn docker(words: &[&str]) -> Ran {
    called_plainly("docker", words)
}

/// The names of a cluster's containers, sorted, those that do not run too.
pub fn containers(root: &str) -> Vec<String> {
    let filter = format!("label={ROOT_LABEL}={root}");
    sorted(
        docker(&["ps", "-a", "--filter", &filter, "--format", "{{.Names}}"])
            .ok()
            .text(),
    )
}

/// The same with their ids and states, to compare.
pub fn container_states(root: &str) -> Vec<String> {
    let filter = format!("label={ROOT_LABEL}={root}");
    sorted(
        docker(&[
            "ps",
            "-a",
            "--no-trunc",
            "--filter",
            &filter,
            "--format",
            "{{.ID}} {{.Names}} {{.State}}",
        ])
        .ok()
        .text(),
    )
}

/// The names of a cluster's networks.
pub fn networks(root: &str) -> Vec<String> {
    let filter = format!("label={ROOT_LABEL}={root}");
    sorted(
        docker(&[
            "network",
            "ls",
            "--filter",
            &filter,
            "--format",
            "{{.Name}}",
        ])
        .ok()
        .text(),
    )
}

/// A container's address; during an operation it may be in several networks.
pub fn address(container: &str) -> String {
    let format = "{{range .NetworkSettings.Networks}}{{.IPAddress}} {{end}}";
    let addresses = inspect(container, format);
    let first = addresses.split_whitespace().next();
    first.unwrap_or_default().to_owned()
}

/// What `docker inspect` says of a container, by a format.
pub fn inspect(container: &str, format: &str) -> String {
    docker(&["inspect", "-f", format, container])
        .ok()
        .text()
        .to_owned()
}

fn sorted(text: &str) -> Vec<String> {
    let mut lines: Vec<String> = text.lines().map(str::to_owned).collect();
    lines.sort();
    lines
}
