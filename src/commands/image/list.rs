//! `image list`: the images that clusters use or could use, and by whom they are used.

use std::collections::BTreeSet;

use serde::Serialize;
use serde_json::json;

use crate::commands::context::Context;
use crate::commands::report::Report;
use crate::error::Result;
use crate::host::store;
use crate::model::cluster::Cluster;
use crate::model::container::Role;
use crate::model::image::{Image, ImageRef};
use crate::model::label::{self, Selector};
use crate::model::memory::human;

/// How much of an id is shown to people.
const SHOWN: usize = 12;

/// An image by one of its names; without a name another image took it, or it was built in vain.
#[derive(Debug, Clone, Serialize)]
struct Listed {
    reference: Option<String>,
    id: Option<String>,
    digest: Option<String>,
    size: Option<u64>,
    here: bool,
    used_by: Vec<User>,
    built_from: Option<String>,
    built_as: Option<String>,
}

/// Who uses an image.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
struct User {
    cluster: String,
    instance: Option<String>,
    role: String,
}

/// Which image somebody uses: by its name, or by its id where another one took that.
type Use = (String, User);

/// Runs `image list`.
///
/// # Errors
/// Exit 5 where the engine cannot be reached.
pub fn run(context: &Context<'_>) -> Result<Report> {
    let clusters = super::all_clusters(context)?;
    let uses = uses(context, &clusters)?;
    let own = super::own_cluster(context)?;
    // Whether anybody uses an image is a question to all clusters, which ones are shown is not.
    let shown: Vec<&Cluster> = match &own {
        Some(own) => vec![own],
        None => clusters.iter().collect(),
    };
    let repositories = repositories(&shown, &uses)?;
    let mut listed = Vec::new();
    for image in context.engine.images()? {
        listed.extend(rows(&image, &repositories, &uses));
    }
    let here: BTreeSet<String> = listed.iter().filter_map(|l| l.reference.clone()).collect();
    listed.extend(missing(&shown, &here, &uses));
    listed.sort_by(|a, b| (&a.reference, &a.id).cmp(&(&b.reference, &b.id)));
    let mut lines = lines(&listed);
    if lines.is_empty() {
        lines.push("there are none; `image pull` and `image build` get some".to_owned());
    }
    Ok(Report::new(lines, json!({"images": listed})))
}

/// What all clusters are configured to use, and what their containers were made from.
fn uses(context: &Context<'_>, clusters: &[Cluster]) -> Result<Vec<Use>> {
    let mut uses = Vec::new();
    for cluster in clusters {
        for (image, instance, role) in super::pull::configured(context, cluster)? {
            let user = User {
                cluster: cluster.name.to_string(),
                instance,
                role: role.to_owned(),
            };
            uses.push((image.as_listed(), user));
        }
    }
    for container in context.engine.containers(&Selector::ours())? {
        let Some(role @ (Role::Database | Role::Search | Role::Web | Role::Worker)) =
            container.role()
        else {
            continue;
        };
        let user = User {
            cluster: container
                .labels
                .get(label::CLUSTER)
                .cloned()
                .unwrap_or_default(),
            instance: container.instance().map(str::to_owned),
            role: role.as_str().to_owned(),
        };
        let image = match ImageRef::parse(&container.image) {
            Ok(image) if !container.image.starts_with("sha256:") => image.as_listed(),
            _ => container.image.clone(),
        };
        uses.push((image, user));
    }
    Ok(uses)
}

/// The repositories whose images could be used.
fn repositories(clusters: &[&Cluster], uses: &[Use]) -> Result<BTreeSet<String>> {
    let mut names: BTreeSet<String> = BTreeSet::new();
    let mut contracts = vec![store::contracts(None)?];
    for cluster in clusters {
        names.extend(cluster.app_repository.clone());
        contracts.push(store::contracts(Some(&cluster.layout))?);
        let own = uses
            .iter()
            .filter(|(_, user)| user.cluster == cluster.name.as_str());
        names.extend(own.map(|(image, _)| repository(image)));
    }
    for contract in contracts.iter().flat_map(|c| c.all()) {
        names.insert(contract.image.repository.clone());
    }
    Ok(names.iter().map(|name| repository(name)).collect())
}

fn repository(name: &str) -> String {
    ImageRef::parse(name).map_or_else(
        |_| name.to_owned(),
        |image| match ImageRef::parse(&image.as_listed()) {
            Ok(listed) => listed.repository().to_owned(),
            Err(_) => name.to_owned(),
        },
    )
}

/// A row for each name of an image that could be used, or one without a name.
fn rows(image: &Image, repositories: &BTreeSet<String>, uses: &[Use]) -> Vec<Listed> {
    let of_tool = image.labels.contains_key(label::SOURCE);
    let wanted = |name: &&String| of_tool || repositories.contains(&repository(name));
    let mut names: Vec<Option<String>> = image
        .names
        .iter()
        .filter(wanted)
        .cloned()
        .map(Some)
        .collect();
    let by_id = |text: &str| {
        let id = image.id.trim_start_matches("sha256:");
        let text = text.trim_start_matches("sha256:");
        text.len() >= SHOWN && id.starts_with(text)
    };
    let used_without_name = uses.iter().any(|(used, _)| by_id(used));
    if names.is_empty() && (used_without_name || (of_tool && image.names.is_empty())) {
        names.push(None);
    }
    names
        .into_iter()
        .map(|name| {
            let uses_it = |used: &str| name.as_deref() == Some(used) || by_id(used);
            Listed {
                digest: name.as_deref().and_then(|name| digest(image, name)),
                used_by: users(uses, uses_it),
                reference: name,
                id: Some(image.id.clone()),
                size: Some(image.size),
                here: true,
                built_from: image.labels.get(label::SOURCE).cloned(),
                built_as: image.labels.get(label::TAG).cloned(),
            }
        })
        .collect()
}

fn digest(image: &Image, name: &str) -> Option<String> {
    let repository = repository(name);
    image
        .digests
        .iter()
        .find_map(|digest| digest.strip_prefix(&repository)?.strip_prefix('@'))
        .map(str::to_owned)
}

fn users(uses: &[Use], uses_it: impl Fn(&str) -> bool) -> Vec<User> {
    let found: BTreeSet<User> = uses
        .iter()
        .filter(|(used, _)| uses_it(used))
        .map(|(_, user)| user.clone())
        .collect();
    found.into_iter().collect()
}

/// What these clusters are configured to use and is not here.
fn missing(clusters: &[&Cluster], here: &BTreeSet<String>, uses: &[Use]) -> Vec<Listed> {
    let own = |user: &User| clusters.iter().any(|c| c.name.as_str() == user.cluster);
    let absent: BTreeSet<&String> = uses
        .iter()
        .filter(|(image, user)| own(user) && image.contains(':') && !image.starts_with("sha256:"))
        .map(|(image, _)| image)
        .filter(|image| !here.contains(*image))
        .collect();
    absent
        .into_iter()
        .map(|image| Listed {
            reference: Some(image.clone()),
            id: None,
            digest: None,
            size: None,
            here: false,
            used_by: users(uses, |used| used == image),
            built_from: None,
            built_as: None,
        })
        .collect()
}

fn lines(listed: &[Listed]) -> Vec<String> {
    if listed.is_empty() {
        return Vec::new();
    }
    let mut table = comfy_table::Table::new();
    table.load_preset(comfy_table::presets::NOTHING);
    table.set_header(["image", "digest or id", "size", "used by"]);
    for image in listed {
        let id = image.digest.as_ref().or(image.id.as_ref());
        let short = id.map(|id| {
            let bare = id.trim_start_matches("sha256:");
            bare.chars().take(SHOWN).collect::<String>()
        });
        table.add_row([
            image
                .reference
                .clone()
                .unwrap_or_else(|| "(no name)".to_owned()),
            short.unwrap_or_else(|| "not here".to_owned()),
            image.size.map_or_else(String::new, human),
            used_by(&image.used_by),
        ]);
    }
    table
        .lines()
        .map(|line| line.trim_end().to_owned())
        .collect()
}

fn used_by(users: &[User]) -> String {
    if users.is_empty() {
        return "nobody".to_owned();
    }
    let mut words: Vec<String> = users
        .iter()
        .map(|user| match &user.instance {
            Some(instance) => format!("{}/{instance}", user.cluster),
            None => format!("{} ({})", user.cluster, user.role),
        })
        .collect();
    words.dedup();
    words.join(", ")
}
