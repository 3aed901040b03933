//! `list`: clusters and instances, as they should be and as the engine says they are. Nothing else
//! is asked, so it is as fast with a database that hangs.

use serde::Serialize;
use serde_json::json;

use crate::commands::context::Context;
use crate::commands::not_over::{self, NotOver};
use crate::commands::report::Report;
use crate::commands::{adopted, observed};
use crate::error::{Error, Result};
use crate::host::{clock, store};
use crate::model::cluster::Cluster;
use crate::model::container::{Container, Role, State};
use crate::model::scope::Scope;

/// Shows the instances of a cluster, or all clusters of this host, at once.
#[derive(Debug, Clone, clap::Args)]
pub struct Args {
    /// The instances [default: all]
    #[arg(value_name = "NAME")]
    pub names: Vec<String>,
}

/// A cluster.
#[derive(Debug, Clone, Serialize)]
struct ListedCluster {
    name: String,
    root: std::path::PathBuf,
    database: &'static str,
    search: &'static str,
    instances: Vec<ListedInstance>,
    interrupted: Vec<serde_json::Value>,
    /// The same for people.
    #[serde(skip)]
    not_over: Vec<String>,
    /// The verb that is still to take it over from the original.
    take_over: Option<&'static str>,
    problem: Option<String>,
}

/// An instance.
#[derive(Debug, Clone, Serialize)]
struct ListedInstance {
    name: String,
    version: Option<String>,
    port: Option<u16>,
    should_run: bool,
    web: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    worker: Option<&'static str>,
    not_over: Vec<String>,
    problem: Option<String>,
}

/// Runs the verb.
///
/// # Errors
/// Exit 5 where the engine cannot be reached.
pub fn run(args: &Args, context: &Context<'_>) -> Result<Report> {
    let clusters: Vec<ListedCluster> = match &context.scope {
        Scope::Host if context.names_instances(&args.names) => {
            context.layout()?;
            Vec::new()
        }
        Scope::Host => {
            let containers = context.engine.all_containers()?;
            context
                .registry
                .all()
                .into_iter()
                .map(|(name, root)| match store::cluster(&root) {
                    Ok(cluster) => listed(&cluster, &containers),
                    Err(error) => broken(name.to_string(), root, &error),
                })
                .collect()
        }
        scope => {
            let cluster = context.cluster()?;
            let mut one = listed(&cluster, &context.engine.all_containers()?);
            if matches!(scope, Scope::Instance { .. }) || context.names_instances(&args.names) {
                let names = context.instances(&cluster, &args.names)?;
                one.instances
                    .retain(|i| names.iter().any(|name| name.as_str() == i.name));
            }
            vec![one]
        }
    };
    let mut lines = Vec::new();
    for cluster in &clusters {
        lines.extend(lines_of(cluster));
    }
    if lines.is_empty() {
        lines.push("this host has no clusters; `create DIR` makes one".to_owned());
    }
    Ok(Report::new(lines, json!({"clusters": clusters})))
}

fn listed(cluster: &Cluster, containers: &[Container]) -> ListedCluster {
    let own = observed::of_cluster(cluster, containers);
    let state_of = |role: Role, instance: Option<&str>| {
        own.iter()
            .find(|c| c.role() == Some(role) && c.instance() == instance)
            .map(|c| c.state)
            .map_or("down", state_word)
    };
    let has = |role: Role, instance: &str| {
        own.iter()
            .any(|c| c.role() == Some(role) && c.instance() == Some(instance))
    };
    let names = store::instance_names(cluster);
    let open = not_over::all(&cluster.layout);
    let problem = names.as_ref().err().or(open.as_ref().err());
    let problem = problem.map(ToString::to_string);
    let open = open.unwrap_or_default();
    let now = clock::now();
    let instances = names
        .unwrap_or_default()
        .iter()
        .map(|name| {
            let loaded = store::instance(cluster, name);
            let instance = loaded.as_ref().ok();
            ListedInstance {
                name: name.to_string(),
                version: instance.map(|i| i.version.to_string()),
                port: instance.map(|i| i.port.number()),
                should_run: instance.is_some_and(|i| i.should_run),
                web: state_of(Role::Web, Some(name.as_str())),
                worker: has(Role::Worker, name.as_str())
                    .then(|| state_of(Role::Worker, Some(name.as_str()))),
                not_over: not_over::ids_of(&open, name),
                problem: loaded.as_ref().err().map(ToString::to_string),
            }
        })
        .collect();
    ListedCluster {
        name: cluster.name.to_string(),
        root: cluster.layout.root().to_owned(),
        database: state_of(Role::Database, None),
        search: state_of(Role::Search, None),
        instances,
        interrupted: open.iter().map(NotOver::object).collect(),
        not_over: open
            .iter()
            .map(|one| one.line_with_instances(&cluster.layout, now))
            .collect(),
        take_over: adopted::still_to_do(&cluster.layout, &own),
        problem,
    }
}

fn broken(name: String, root: std::path::PathBuf, error: &Error) -> ListedCluster {
    ListedCluster {
        name,
        root,
        database: "unknown",
        search: "unknown",
        instances: Vec::new(),
        interrupted: Vec::new(),
        not_over: Vec::new(),
        take_over: None,
        problem: Some(error.to_string()),
    }
}

fn state_word(state: State) -> &'static str {
    match state {
        State::Running => "running",
        State::Created | State::Exited | State::Dead => "down",
        State::Paused | State::Restarting => state.as_str(),
    }
}

fn lines_of(cluster: &ListedCluster) -> Vec<String> {
    let mut lines = vec![format!(
        "cluster {} in {}: database {}, search {}",
        cluster.name,
        cluster.root.display(),
        cluster.database,
        cluster.search
    )];
    lines.extend(
        cluster
            .take_over
            .map(|verb| format!("  made by the original script: `{verb}` takes it over")),
    );
    lines.extend(cluster.problem.iter().map(|p| format!("  problem: {p}")));
    let mut table = comfy_table::Table::new();
    table.load_preset(comfy_table::presets::NOTHING);
    table.set_header(["  instance", "version", "port", "should", "is"]);
    for instance in &cluster.instances {
        table.add_row([
            format!("  {}", instance.name),
            instance.version.clone().unwrap_or_else(|| "?".to_owned()),
            instance.port.map_or("?".to_owned(), |p| p.to_string()),
            if instance.should_run {
                "run"
            } else {
                "be down"
            }
            .to_owned(),
            instance
                .problem
                .clone()
                .unwrap_or_else(|| instance.web.to_owned()),
        ]);
    }
    if !cluster.instances.is_empty() {
        lines.extend(table.lines().map(|line| line.trim_end().to_owned()));
    }
    lines.extend(cluster.not_over.iter().map(|line| format!("  {line}")));
    lines
}
