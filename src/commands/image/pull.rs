//! `image pull [IMAGE|VERSION…]`: fetches images from registries.

use std::time::{Duration, Instant};

use serde_json::json;

use crate::commands::context::Context;
use crate::commands::images;
use crate::commands::report::Report;
use crate::error::{Error, Kind, Result};
use crate::host::logins::Logins;
use crate::host::store;
use crate::model::cluster::Cluster;
use crate::model::image::{ImageRef, Mirror};
use crate::model::memory::human;
use crate::model::version::Version;

/// Fetches images from their registries, also such as are here already: a tag may mean another
/// image by now. What runs keeps the image that it was started from.
#[derive(Debug, Clone, clap::Args)]
pub struct Args {
    /// Images (with a colon or a slash) or versions of ConedaKOR [default: all that are in use]
    #[arg(value_name = "IMAGE|VERSION")]
    pub words: Vec<String>,
}

/// A mirror that took this long did not answer; its other places would not either.
const SILENT: Duration = Duration::from_secs(9);

/// An image, and the registry that is asked first.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Wanted {
    image: ImageRef,
    mirror: Option<Mirror>,
}

/// Runs the verb.
///
/// # Errors
/// Exit 1 where one of them cannot be pulled: the others are, and the old one stays; 2 where a
/// word is neither an image nor a version.
pub fn run(args: &Args, context: &Context<'_>) -> Result<Report> {
    let wanted = match args.words.as_slice() {
        [] => in_use(context)?,
        words => named(context, words)?,
    };
    if context.flags.dry_run {
        let lines = wanted.iter().map(|w| format!("would pull {}", w.image));
        let names: Vec<&str> = wanted.iter().map(|w| w.image.as_str()).collect();
        return Ok(Report::new(
            lines.collect(),
            json!({"command": "image pull", "dry_run": true, "images": names}),
        ));
    }
    let (mut lines, mut pulled, mut failed) = (Vec::new(), Vec::new(), Vec::new());
    for Wanted { image, mirror } in &wanted {
        let before = context.engine.image(image.as_str())?;
        match one(context, image, mirror.as_ref()) {
            Ok(()) => {
                let now = context.engine.image(image.as_str())?.unwrap_or_default();
                let changed = before.as_ref().is_none_or(|b| b.id != now.id);
                let words = if changed { "pulled" } else { "as it was" };
                lines.push(format!("{image}: {words} ({})", human(now.size)));
                pulled.push(json!({
                    "reference": image, "id": now.id, "size": now.size, "changed": changed,
                }));
            }
            Err(error) if error.interrupted || error.kind == Kind::Engine => return Err(error),
            Err(error) => failed.push(stays(error, image, before.is_some())),
        }
    }
    if lines.is_empty() && failed.is_empty() {
        lines.push("no cluster uses any image; name one".to_owned());
    }
    match failed.pop() {
        None => {
            let changed = pulled.iter().any(|image| image["changed"] == true);
            Ok(Report::new(
                lines,
                json!({"command": "image pull", "changed": changed, "images": pulled}),
            ))
        }
        Some(error) => {
            for other in failed {
                context.observer.warn(&other.to_string());
            }
            Err(error)
        }
    }
}

/// Says that nothing got lost by a failure.
fn stays(error: Error, image: &ImageRef, was_there: bool) -> Error {
    let old = match was_there {
        true => format!("the old {image} is still there and stays in use; "),
        false => String::new(),
    };
    let again = error
        .next
        .clone()
        .unwrap_or_else(|| "look at the registry and at `docker login`, then pull it again".into());
    error.next(format!("{old}{again}"))
}

/// Pulls an image: from the mirror, where it names no registry, else from where its name says.
///
/// # Errors
/// Exit 1 with what the registry says; an image of this name that is there stays.
pub fn one(context: &Context<'_>, image: &ImageRef, mirror: Option<&Mirror>) -> Result<()> {
    let logins = Logins::load().unwrap_or_else(|error| {
        context.observer.warn(&format!("no logins: {error}"));
        Logins::default()
    });
    for place in mirror.map(|m| m.places_of(image)).unwrap_or_default() {
        let begun = Instant::now();
        match from(context, &place, &logins) {
            Ok(()) => {
                context.engine.tag(&place, image)?;
                // The image has its own name now; the mirror's would only be one more in lists.
                return context.engine.untag(&place);
            }
            Err(error) if error.interrupted || error.kind == Kind::Engine => return Err(error),
            Err(error) => {
                let why = error.why.unwrap_or(error.what);
                context
                    .observer
                    .note(&format!("the mirror does not give {place}: {why}"));
            }
        }
        if begun.elapsed() >= SILENT {
            break;
        }
    }
    from(context, image, &logins)
}

fn from(context: &Context<'_>, place: &ImageRef, logins: &Logins) -> Result<()> {
    context.observer.note(&format!("pulling {place}"));
    let login = logins.at(place.registry()).unwrap_or_else(|error| {
        context.observer.warn(&format!("without a login: {error}"));
        None
    });
    let mut progress = |text: &str| context.observer.progress(&format!("{place}: {text}"));
    context.engine.pull(place, login.as_ref(), &mut progress)
}

/// What the words mean.
fn named(context: &Context<'_>, words: &[String]) -> Result<Vec<Wanted>> {
    let cluster = super::own_cluster(context)?;
    let mirror = cluster.as_ref().and_then(|c| c.image_mirror.clone());
    let contracts = store::contracts(cluster.as_ref().map(|c| &c.layout))?;
    let mut wanted = Vec::new();
    for word in words {
        let image = if word.contains([':', '/', '@']) {
            ImageRef::parse(word)?
        } else {
            let version = Version::parse(word)?;
            let contract = contracts.covering(&version)?;
            super::build::image_of(cluster.as_ref(), contract, &version)?
        };
        push(&mut wanted, image, mirror.clone());
    }
    Ok(wanted)
}

/// The images that this cluster, or all clusters of this host, are configured to use.
fn in_use(context: &Context<'_>) -> Result<Vec<Wanted>> {
    let clusters = match super::own_cluster(context)? {
        Some(own) => vec![own],
        None => super::all_clusters(context)?,
    };
    let mut wanted = Vec::new();
    for cluster in &clusters {
        for image in configured(context, cluster)? {
            push(&mut wanted, image.0, cluster.image_mirror.clone());
        }
    }
    Ok(wanted)
}

fn push(wanted: &mut Vec<Wanted>, image: ImageRef, mirror: Option<Mirror>) {
    let one = Wanted { image, mirror };
    if !wanted.contains(&one) {
        wanted.push(one);
    }
}

/// The images that a cluster is configured to use, each with the instance that wants it (none: a
/// shared service) and its role. An instance that cannot be read is named.
///
/// # Errors
/// Exit 1 where a contract cannot be read.
pub fn configured(
    context: &Context<'_>,
    cluster: &Cluster,
) -> Result<Vec<(ImageRef, Option<String>, &'static str)>> {
    let mut images = vec![
        (cluster.database_image.clone(), None, "database"),
        (cluster.search_image.clone(), None, "search"),
    ];
    let contracts = store::contracts(Some(&cluster.layout))?;
    for name in store::instance_names(cluster)? {
        let image = store::instance(cluster, &name).and_then(|instance| {
            let contract = contracts.covering(&instance.version)?;
            images::of_app(cluster, contract, &instance.version)
        });
        match image {
            Ok(needed) => images.push((needed.image, Some(name.to_string()), "web")),
            Err(error) => context
                .observer
                .warn(&format!("instance {name} of {}: {error}", cluster.name)),
        }
    }
    Ok(images)
}
