//! `image build VERSION`: builds the image of a version from its source.

use std::time::Duration;

use serde_json::json;

use crate::commands::context::{Context, typed};
use crate::commands::report::Report;
use crate::engine::{Build, BuildContext};
use crate::error::{Error, Kind, Result};
use crate::host::logins::Logins;
use crate::host::{build_context, git, store};
use crate::model::cluster::Cluster;
use crate::model::contract::Contract;
use crate::model::image::ImageRef;
use crate::model::label::{self, Labels};
use crate::model::memory::human;
use crate::model::source::{Source, address_of, is_repository};
use crate::model::version::Version;
use crate::services::app;

/// Builds the image of a version from its source. An image of the same name stays in place until
/// the new one is whole.
#[derive(Debug, Clone, clap::Args)]
pub struct Args {
    /// The version of ConedaKOR
    #[arg(id = "app_version", value_name = "VERSION", value_parser = Version::parse)]
    pub version: Version,
    /// What it is built from: a public address, a directory, or a local repository, whose tag
    /// VERSION is taken; dir:PATH takes a repository's files as they stand [default: APP_SOURCE,
    /// else the contract's]
    // No value_parser: its message would show a login that the address has in it.
    #[arg(long, value_name = "SOURCE")]
    pub from: Option<String>,
    /// The repository that the image belongs to; VERSION is its tag [default: APP_REPOSITORY, else
    /// the contract's]
    #[arg(long, value_name = "NAME")]
    pub repository: Option<String>,
}

/// How long a public repository may take until it answers.
const ANSWER: Duration = Duration::from_secs(10);

/// How an image is built.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Recipe {
    /// From what.
    pub source: Source,
    /// At which version.
    pub version: Version,
    /// What makes the result useless.
    pub faults: Vec<String>,
}

/// Runs the verb.
///
/// # Errors
/// Exit 1 with the last lines of a build that failed, 4 where there is no such source or tag, 6
/// where no contract covers the version or no source is known.
pub fn run(args: &Args, context: &Context<'_>) -> Result<Report> {
    let cluster = super::own_cluster(context)?;
    let version = &args.version;
    let contracts = store::contracts(cluster.as_ref().map(|c| &c.layout))?;
    let contract = contracts.covering(version)?;
    let image = match &args.repository {
        Some(repository) => ImageRef::of(repository, version.tag())?,
        None => image_of(cluster.as_ref(), contract, version)?,
    };
    let mut recipe = recipe(cluster.as_ref(), contract, version)?;
    if let Some(text) = &args.from {
        let source = Source::parse(text)?;
        let here = std::env::current_dir()
            .map_err(|e| Error::failed("cannot tell the working directory").why(e))?;
        recipe = Some(Recipe {
            source: source.below(&here),
            version: version.clone(),
            faults: faults(contract, version),
        });
    }
    let recipe = recipe.ok_or_else(|| {
        Error::refused(format!("nothing is known to build {image} from"))
            .why(format!("contract {} names no source", contract.name))
            .next("say --from SOURCE, or set APP_SOURCE")
    })?;
    if context.flags.dry_run {
        say_faults(context, &recipe);
        drop(open(context, &recipe)?);
        return Ok(Report::new(
            vec![format!("would build {image} from {}", words(&recipe))],
            json!({
                "command": "image build", "dry_run": true,
                "reference": image, "source": recipe.source.to_string(), "tag": version,
            }),
        ));
    }
    one(context, &image, &recipe)?;
    let built = context.engine.image(image.as_str())?.unwrap_or_default();
    Ok(Report::new(
        vec![format!(
            "{image} is built from {} ({})",
            words(&recipe),
            human(built.size)
        )],
        json!({
            "command": "image build",
            "changed": true,
            "reference": image,
            "id": built.id,
            "size": built.size,
            "source": recipe.source.to_string(),
            "tag": version,
            "known_faults": recipe.faults,
        }),
    ))
}

/// The image of a version, in a cluster or outside of any.
///
/// # Errors
/// Exit 2 where the configured repository is none.
pub fn image_of(
    cluster: Option<&Cluster>,
    contract: &Contract,
    version: &Version,
) -> Result<ImageRef> {
    match cluster {
        Some(cluster) => app::image(cluster, contract, version),
        None => ImageRef::of(&contract.image.repository, version.tag()),
    }
}

/// How the image of a version is built: from the cluster's source, else from the contract's.
///
/// # Errors
/// Exit 2 where the contract's source is none.
pub fn recipe(
    cluster: Option<&Cluster>,
    contract: &Contract,
    version: &Version,
) -> Result<Option<Recipe>> {
    let own = cluster.and_then(|cluster| cluster.app_source.clone());
    let source = match (own, &contract.image.source) {
        (Some(source), _) => Some(source),
        (None, Some(text)) => Some(Source::parse(text)?),
        (None, None) => None,
    };
    Ok(source.map(|source| Recipe {
        source,
        version: version.clone(),
        faults: faults(contract, version),
    }))
}

fn faults(contract: &Contract, version: &Version) -> Vec<String> {
    let known = contract.faults_of(version);
    let blocking = known.iter().filter(|fault| fault.blocks);
    blocking.map(|fault| fault.what.clone()).collect()
}

fn say_faults(context: &Context<'_>, recipe: &Recipe) {
    for fault in &recipe.faults {
        context
            .observer
            .warn(&format!("known fault of {}: {fault}", recipe.version));
    }
}

/// Builds an image.
///
/// # Errors
/// As [`run`]; an image of this name that is there stays.
pub fn one(context: &Context<'_>, image: &ImageRef, recipe: &Recipe) -> Result<()> {
    say_faults(context, recipe);
    let was_there = context.engine.image(image.as_str())?.is_some();
    let source = open(context, recipe)?;
    let (logins, wrong) = match Logins::load() {
        Ok(logins) => logins.all(),
        Err(error) => (Vec::new(), vec![error]),
    };
    for error in wrong {
        context.observer.warn(&format!("without a login: {error}"));
    }
    context
        .observer
        .note(&format!("building {image} from {}", words(recipe)));
    let labels = Labels::from([
        (label::SOURCE.to_owned(), recipe.source.to_string()),
        (label::TAG.to_owned(), recipe.version.to_string()),
        (label::TOOL.to_owned(), env!("CARGO_PKG_VERSION").to_owned()),
    ]);
    let build = Build {
        image,
        context: source,
        labels: &labels,
        credentials: &logins,
    };
    let mut progress = |step: &str| context.observer.progress(&format!("{image}: {step}"));
    let built = context.engine.build(build, &mut progress);
    built.map_err(|error| what_next(context, error, image, recipe, was_there))
}

fn what_next(
    context: &Context<'_>,
    error: Error,
    image: &ImageRef,
    recipe: &Recipe,
    was_there: bool,
) -> Error {
    if error.interrupted || error.kind == Kind::Engine {
        return error;
    }
    let old = match was_there {
        true => format!("the old {image} is still there and stays in use; "),
        false => String::new(),
    };
    let again = typed(
        context.called.as_ref(),
        &format!("image build {} --from {}", recipe.version, recipe.source),
    );
    error.next(format!("{old}mend the source, then: {again}"))
}

/// Opens the source: everything that can be told beforehand fails here.
fn open(context: &Context<'_>, recipe: &Recipe) -> Result<BuildContext> {
    let Recipe {
        source, version, ..
    } = recipe;
    let stream = match source {
        Source::Address(address) => {
            if is_repository(address) {
                git::ask(address, version, ANSWER, context.interrupt)?;
            }
            return Ok(BuildContext::Address(address_of(address, version)));
        }
        Source::Path(path) if git::is_repository(path) => git::archive(path, version)?,
        Source::Path(path) | Source::Directory(path) => build_context::directory(path)?,
    };
    Ok(BuildContext::Tar(Box::new(stream)))
}

fn words(recipe: &Recipe) -> String {
    let Recipe {
        source, version, ..
    } = recipe;
    match source {
        Source::Address(address) => address_of(address, version),
        Source::Path(path) if git::is_repository(path) => {
            format!("{} at {version}", path.display())
        }
        Source::Path(path) | Source::Directory(path) => format!("the directory {}", path.display()),
    }
}
