//! `image list|pull|build`: images ahead of time.

pub mod build;
mod list;
pub mod pull;

use crate::commands::context::Context;
use crate::commands::report::Report;
use crate::error::Result;
use crate::host::store;
use crate::model::cluster::Cluster;
use crate::model::scope::Scope;

/// Shows, pulls and builds images.
#[derive(Debug, Clone, clap::Args)]
pub struct Args {
    /// What is done
    #[command(subcommand)]
    pub what: What,
}

/// What is done.
#[derive(Debug, Clone, clap::Subcommand)]
pub enum What {
    /// The images that clusters use or could use, and by whom they are used
    List,
    /// Pull images, also such as are here already
    Pull(pull::Args),
    /// Build the image of a version
    Build(build::Args),
}

/// Runs the verb.
///
/// # Errors
/// Those of the three.
pub fn run(args: &Args, context: &Context<'_>) -> Result<Report> {
    match &args.what {
        What::List => list::run(context),
        What::Pull(args) => pull::run(args, context),
        What::Build(args) => build::run(args, context),
    }
}

/// The cluster that was called, where one was.
fn own_cluster(context: &Context<'_>) -> Result<Option<Cluster>> {
    match context.scope {
        Scope::Host => Ok(None),
        _ => context.cluster().map(Some),
    }
}

/// All clusters of this host, and the one that was called, whether the host knows it or not. One
/// whose files cannot be used is named.
fn all_clusters(context: &Context<'_>) -> Result<Vec<Cluster>> {
    let mut clusters: Vec<Cluster> = own_cluster(context)?.into_iter().collect();
    for (name, root) in context.registry.all() {
        if clusters.iter().any(|c| c.layout.root() == root) {
            continue;
        }
        match store::cluster(&root) {
            Ok(cluster) => clusters.push(cluster),
            Err(error) => context
                .observer
                .warn(&format!("the cluster {name} is left out: {error}")),
        }
    }
    Ok(clusters)
}
