//! Images are there before anything changes: local, else pulled, else built.

use crate::commands::context::Context;
use crate::commands::image::{build, pull};
use crate::error::{Error, Kind, Result};
use crate::model::cluster::Cluster;
use crate::model::contract::Contract;
use crate::model::image::{ImageRef, Mirror};
use crate::model::version::Version;
use crate::services::app::{self, App};

pub use crate::commands::image::build::Recipe;

/// An image that a verb needs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Needed {
    /// The image.
    pub image: ImageRef,
    /// The registry that is asked first.
    pub mirror: Option<Mirror>,
    /// How it is built where it cannot be pulled.
    pub recipe: Option<Recipe>,
    /// The script that builds it where all of that fails.
    pub built_by: &'static str,
}

/// The images of the shared services.
pub fn of_services(cluster: &Cluster) -> Vec<Needed> {
    let needed = |image: &ImageRef, built_by| Needed {
        image: image.clone(),
        mirror: cluster.image_mirror.clone(),
        recipe: None,
        built_by,
    };
    vec![
        needed(&cluster.database_image, "images/build mariadb"),
        needed(&cluster.search_image, "images/build elasticsearch"),
    ]
}

/// The image of a version of ConedaKOR.
///
/// # Errors
/// Exit 2 where the configured repository is none.
pub fn of_app(cluster: &Cluster, contract: &Contract, version: &Version) -> Result<Needed> {
    Ok(Needed {
        image: app::image(cluster, contract, version)?,
        mirror: cluster.image_mirror.clone(),
        recipe: build::recipe(Some(cluster), contract, version)?,
        built_by: "image build, from a source that can be reached; or images/build kor-sample \
                   (a stand-in), then set APP_REPOSITORY",
    })
}

/// The images of several instances.
///
/// # Errors
/// As [`of_app`].
pub fn of_apps(apps: &[App<'_>]) -> Result<Vec<Needed>> {
    apps.iter()
        .map(|app| of_app(app.cluster, app.contract, &app.instance.version))
        .collect()
}

/// Takes local images, else pulls them, else builds them where their source is known.
///
/// # Errors
/// Exit 1 with the image, why it cannot be had, and what builds it.
pub fn ensure(context: &Context<'_>, needed: &[Needed]) -> Result<()> {
    for one in missing(context, needed)? {
        if context.flags.dry_run {
            context
                .observer
                .note(&format!("the image {} would be pulled first", one.image));
            continue;
        }
        get(context, one)?;
    }
    Ok(())
}

/// Those that are not here, each once.
///
/// # Errors
/// Exit 5 where the engine cannot be asked.
pub fn missing<'a>(context: &Context<'_>, needed: &'a [Needed]) -> Result<Vec<&'a Needed>> {
    let mut missing: Vec<&Needed> = Vec::new();
    for one in needed {
        if !missing.contains(&one) && context.engine.image(one.image.as_str())?.is_none() {
            missing.push(one);
        }
    }
    Ok(missing)
}

fn get(context: &Context<'_>, needed: &Needed) -> Result<()> {
    let Needed { image, mirror, .. } = needed;
    let Err(error) = pull::one(context, image, mirror.as_ref()) else {
        return Ok(());
    };
    if error.interrupted || error.kind == Kind::Engine {
        return Err(error);
    }
    let not_pulled = error.why.unwrap_or(error.what);
    let next = format!("build it: {}", needed.built_by);
    let Some(recipe) = &needed.recipe else {
        return Err(Error::failed(format!(
            "the image {image} is not here and cannot be pulled"
        ))
        .why(not_pulled)
        .next(next));
    };
    context
        .observer
        .note(&format!("{image} cannot be pulled: {not_pulled}"));
    build::one(context, image, recipe).map_err(|error| {
        if error.interrupted || error.kind == Kind::Engine {
            return error;
        }
        let not_built = error.to_string();
        Error {
            kind: Kind::Failed,
            what: format!("the image {image} is not here, and cannot be pulled or built"),
            why: Some(format!(
                "pull: {not_pulled}; build from {}: {not_built}",
                recipe.source
            )),
            next: Some(next),
            ..error
        }
    })
}
