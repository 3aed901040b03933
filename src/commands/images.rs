//! Images are there before anything changes.

use crate::commands::context::Context;
use crate::error::{Error, Kind, Result};
use crate::model::cluster::Cluster;
use crate::model::contract::Contract;
use crate::model::image::ImageRef;
use crate::model::version::Version;
use crate::services::app;

/// An image that a verb needs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Needed {
    /// The image.
    pub image: ImageRef,
    /// The script that builds it where it cannot be pulled.
    pub built_by: &'static str,
}

/// The images of the shared services.
pub fn of_services(cluster: &Cluster) -> Vec<Needed> {
    vec![
        Needed {
            image: cluster.database_image.clone(),
            built_by: "images/build mariadb",
        },
        Needed {
            image: cluster.search_image.clone(),
            built_by: "images/build elasticsearch",
        },
    ]
}

/// The image of a version of ConedaKOR.
///
/// # Errors
/// Exit 2 where the configured repository is none.
pub fn of_app(cluster: &Cluster, contract: &Contract, version: &Version) -> Result<Needed> {
    Ok(Needed {
        image: app::image(cluster, contract, version)?,
        built_by: "images/build kor-sample (a stand-in), or docker build of ConedaKOR's source; \
                   then set APP_REPOSITORY",
    })
}

/// Takes local images, else pulls them.
///
/// # Errors
/// Exit 1 with the image and the script that builds it.
pub fn ensure(context: &Context<'_>, needed: &[Needed]) -> Result<()> {
    let mut seen: Vec<&Needed> = Vec::new();
    for one in needed {
        if seen.contains(&one) || context.engine.image(one.image.as_str())?.is_some() {
            continue;
        }
        seen.push(one);
        if context.flags.dry_run {
            context
                .observer
                .note(&format!("the image {} would be pulled first", one.image));
            continue;
        }
        context.observer.note(&format!("pulling {}", one.image));
        let mut progress = |_: &str| {};
        if let Err(error) = context.engine.pull(one.image.as_str(), &mut progress) {
            if error.interrupted || error.kind == Kind::Engine {
                return Err(error);
            }
            return Err(Error::failed(format!(
                "the image {} is not here and cannot be pulled",
                one.image
            ))
            .why(error.why.unwrap_or(error.what))
            .next(format!("build it: {}", one.built_by)));
        }
    }
    Ok(())
}
