//! A cluster as the original script left it: everything is read, and everything that is in the way
//! of taking it over is found, before anything changes.

use std::fs;
use std::path::{Path, PathBuf};

use crate::commands::adopted::{FoundImage, FoundIn};
use crate::commands::context::Context;
use crate::commands::database_image;
use crate::commands::observed;
use crate::error::{Error, Kind, Result};
use crate::host::database_files::{self, Writer};
use crate::host::{files, identity, store};
use crate::model::cluster::{Cluster, default, key};
use crate::model::container::{Container, Role};
use crate::model::image::ImageRef;
use crate::model::instance::Instance;
use crate::model::key_values::KeyValues;
use crate::model::layout::ClusterLayout;
use crate::model::name::Name;

/// The search server's image in the original.
const SEARCH_IMAGE: &str = "elasticsearch:2.2.1";

/// A cluster of the original's.
pub struct Field {
    /// The cluster.
    pub cluster: Cluster,
    /// The text of its `config.sh`.
    pub config: String,
    /// Its instances.
    pub instances: Vec<Instance>,
    /// The database server's image.
    pub database: FoundImage,
    /// The search server's image.
    pub search: FoundImage,
    /// Files with passwords that others than their owner can read.
    pub open: Vec<OpenFile>,
    /// Links that do not lead to the tool.
    pub links: Vec<FoundLink>,
    /// Values that the script would have run or expanded: the file, the line and the key.
    pub shell_code: Vec<(PathBuf, usize, String)>,
}

/// A file with passwords that others than its owner can read.
pub struct OpenFile {
    /// Its path.
    pub path: PathBuf,
    /// Its mode.
    pub mode: u32,
    /// Its owner and group.
    pub owner: (u32, u32),
}

/// A link that does not lead to the tool.
pub struct FoundLink {
    /// Its path.
    pub path: PathBuf,
    /// Where it leads; none where it is missing.
    pub target: Option<PathBuf>,
}

/// Reads a cluster.
///
/// # Errors
/// Exit 6 with a list of all that is in the way; 5 where the engine cannot be reached; 2 where the
/// directory is an instance's.
pub fn read(context: &Context<'_>, root: &Path, asked: Option<&ImageRef>) -> Result<Field> {
    let layout = ClusterLayout::new(root);
    let cluster = store::cluster(root).map_err(|error| match error.kind {
        // What can be mended in the file; the others mean another directory.
        Kind::Failed => in_the_way(root, &[error.to_string()]),
        _ => error,
    })?;
    let mut problems = Vec::new();
    check_files(&layout, &mut problems);
    let instances = instances(&cluster, &mut problems);
    check_database_files(&layout, &instances, &mut problems)?;
    let all = context.engine.all_containers()?;
    let containers = observed::of_cluster(&cluster, &all);
    let database = database(context, &cluster, &containers, asked)?;
    let database = database.map_err(|problem| problems.push(problem)).ok();
    let search = search(context, &cluster, &containers)?;
    let (Some(database), true) = (database, problems.is_empty()) else {
        return Err(in_the_way(root, &problems));
    };
    Ok(Field {
        config: files::read(&layout.config())?,
        open: open_files(&layout, &instances)?,
        links: links(context, &layout, &instances)?,
        shell_code: shell_code(&cluster, &instances),
        cluster,
        instances,
        database,
        search,
    })
}

fn in_the_way(root: &Path, problems: &[String]) -> Error {
    Error::refused(format!(
        "the cluster in {} cannot be taken over yet",
        root.display()
    ))
    .why(match problems {
        [one] => one.clone(),
        several => format!("{} things are in the way", several.len()),
    })
    .next("mend what is listed, then run the command again; nothing was changed")
    .tail(match problems {
        [_] => Vec::new(),
        several => several.to_vec(),
    })
}

/// What the services' containers are going to see has to be there.
fn check_files(layout: &ClusterLayout, problems: &mut Vec<String>) {
    if !layout.client_config().is_file() {
        problems.push(format!(
            "{} is missing: the database's client logs in with it ([client], user=, password=)",
            layout.client_config().display()
        ));
    }
    check_no_link(&layout.config(), problems);
}

/// A rewrite would put a file in the place of a link.
fn check_no_link(path: &Path, problems: &mut Vec<String>) {
    if path.is_symlink() {
        problems.push(format!(
            "{} is a link: put the file itself in its place",
            path.display()
        ));
    }
}

/// The instances, each with a schema of its own.
fn instances(cluster: &Cluster, problems: &mut Vec<String>) -> Vec<Instance> {
    let mut instances: Vec<Instance> = Vec::new();
    let directory = cluster.layout.instances();
    for text in files::names_in(&directory).unwrap_or_default() {
        if !directory.join(&text).join("config.sh").is_file() {
            continue;
        }
        let instance = Name::on_disk(&text).and_then(|name| store::instance(cluster, &name));
        match instance {
            Ok(instance) => {
                check_no_link(&instance.layout.config(), problems);
                instances.push(instance);
            }
            Err(error) => problems.push(error.to_string()),
        }
    }
    for (at, instance) in instances.iter().enumerate() {
        let twin = instances[..at].iter().find(|i| i.schema == instance.schema);
        if let Some(twin) = twin {
            problems.push(format!(
                "the instances {} and {} have one schema, {}: one of them is a copy",
                twin.name, instance.name, instance.schema
            ));
        }
    }
    instances
}

/// In eras without an environment file the application is told its schema by `database.yml`.
fn check_database_files(
    layout: &ClusterLayout,
    instances: &[Instance],
    problems: &mut Vec<String>,
) -> Result<()> {
    let contracts = store::contracts(Some(layout))?;
    for instance in instances {
        let contract = contracts.covering(&instance.version);
        if contract.is_ok_and(|contract| contract.env_file.is_none()) {
            problems.extend(wrong_database_file(instance));
        }
    }
    Ok(())
}

fn wrong_database_file(instance: &Instance) -> Option<String> {
    let path = instance.layout.database_file();
    let Some(file) = &instance.database_file else {
        return Some(format!(
            "{} is missing: {} has its database's settings in it",
            path.display(),
            instance.version
        ));
    };
    let schema = file.schema.as_deref().unwrap_or("no schema");
    (schema != instance.schema).then(|| {
        format!(
            "{} has {schema} under production, but {} has DB_NAME={}",
            path.display(),
            instance.layout.config().display(),
            instance.schema
        )
    })
}

/// An image, or why there is none.
type Found = std::result::Result<FoundImage, String>;

/// The image that wrote the data: what the operator says, else the configuration, the container,
/// the files.
fn database(
    context: &Context<'_>,
    cluster: &Cluster,
    containers: &[Container],
    asked: Option<&ImageRef>,
) -> Result<Found> {
    let directory = cluster.layout.database_data();
    let writer = database_files::writer(&directory)?;
    let configured = cluster.config.get(key::DATABASE_IMAGE).is_some();
    let of_container = of_container(context, containers, Role::Database)?;
    let found = match (asked, of_container, &writer) {
        (Some(image), _, _) if configured && *image != cluster.database_image => {
            return Ok(Err(format!(
                "DATABASE_IMAGE stands in config.sh already, as {}",
                cluster.database_image
            )));
        }
        _ if configured => (cluster.database_image.clone(), FoundIn::Config),
        (Some(image), Some(there), _) => match there.is_meant_by(context, image)? {
            true => (there.image, FoundIn::Container),
            false => return Ok(Err(there.is_another_than(image))),
        },
        (Some(image), None, Some(writer)) if !database_image::is_of_series(writer, image) => {
            return Ok(Err(another_series(&directory, writer, image)));
        }
        (Some(image), None, _) => (image.clone(), FoundIn::Asked),
        (None, Some(there), _) => (there.image, FoundIn::Container),
        (None, None, Some(writer)) => match writer.image() {
            Some(image) => (ImageRef::parse(&image)?, FoundIn::Files),
            None => return Ok(Err(unknown_writer(&directory, writer))),
        },
        (None, None, None) => (ImageRef::parse(default::DATABASE_IMAGE)?, FoundIn::Default),
    };
    let (image, found_in) = found;
    let wrote_it = found_in == FoundIn::Container;
    Ok(match &writer {
        Some(writer) if !database_image::fits(writer, &image, wrote_it) => Err(format!(
            "{} was written by {} and is not opened with {image}: say --database-image {}",
            directory.display(),
            writer.words(),
            writer.image().unwrap_or_else(|| "IMAGE".to_owned())
        )),
        _ => Ok(FoundImage { image, found_in }),
    })
}

fn another_series(directory: &Path, writer: &Writer, asked: &ImageRef) -> String {
    format!(
        "{} was written by {}, and {asked} is of another version: say --database-image {}; if its \
         server was replaced and the files do not tell, write DATABASE_IMAGE={asked} into config.sh",
        directory.display(),
        writer.words(),
        writer.image().unwrap_or_else(|| "IMAGE".to_owned())
    )
}

fn unknown_writer(directory: &Path, writer: &Writer) -> String {
    format!(
        "{} was written by {}, but no file says which version: say --database-image with the \
         image that the server ran from",
        directory.display(),
        writer.family
    )
}

fn search(
    context: &Context<'_>,
    cluster: &Cluster,
    containers: &[Container],
) -> Result<FoundImage> {
    let (image, found_in) = if cluster.config.get(key::SEARCH_IMAGE).is_some() {
        (cluster.search_image.clone(), FoundIn::Config)
    } else {
        match of_container(context, containers, Role::Search)? {
            Some(there) => (there.image, FoundIn::Container),
            None => (ImageRef::parse(SEARCH_IMAGE)?, FoundIn::Default),
        }
    };
    Ok(FoundImage { image, found_in })
}

/// The image of a container of the original's.
struct OfContainer {
    /// The container.
    container: String,
    /// What its image was called when it was made.
    name: String,
    /// The image's id.
    id: String,
    /// What is written down, and means the same image from now on.
    image: ImageRef,
}

impl OfContainer {
    /// Whether an operator's word for an image means this one: by its name or by its id.
    fn is_meant_by(&self, context: &Context<'_>, asked: &ImageRef) -> Result<bool> {
        let name = ImageRef::parse(&self.name).map(|name| name.as_listed());
        if name.is_ok_and(|name| name == asked.as_listed()) || asked.as_str() == self.id {
            return Ok(true);
        }
        let found = context.engine.image(asked.as_str())?;
        Ok(found.is_some_and(|found| !self.id.is_empty() && found.id == self.id))
    }

    fn is_another_than(&self, asked: &ImageRef) -> String {
        format!(
            "the data is written by the container {}, which has the image {}, and {asked} is \
             another one: leave --database-image out",
            self.container, self.name
        )
    }
}

/// The image of a service's container, where there is one of the original's.
fn of_container(
    context: &Context<'_>,
    containers: &[Container],
    role: Role,
) -> Result<Option<OfContainer>> {
    let Some(listed) = containers
        .iter()
        .find(|c| c.original.is_some() && c.role() == Some(role))
    else {
        return Ok(None);
    };
    let detailed = context.engine.container(&listed.name)?;
    let container = detailed.as_ref().unwrap_or(listed);
    let image = ImageRef::parse(&image_of(context, container)?)?;
    Ok(Some(OfContainer {
        container: container.name.clone(),
        name: container.image.clone(),
        id: container.image_id.clone(),
        image: match floats(&image) && !container.image_id.is_empty() {
            true => ImageRef::parse(&container.image_id)?,
            false => image,
        },
    }))
}

/// Whether a name means whatever is newest: the next pull may bring another major version.
fn floats(image: &ImageRef) -> bool {
    !image.is_id() && !image.as_str().contains('@') && image.tag() == "latest"
}

/// The very image that a container was made from: by its name where that still means the same
/// image, else by its id.
///
/// # Errors
/// Exit 5 where the engine cannot be reached.
pub fn image_of(context: &Context<'_>, container: &Container) -> Result<String> {
    let now = context.engine.image(&container.image)?;
    let same = now.is_some_and(|image| image.id == container.image_id);
    let image = match same || container.image_id.is_empty() {
        true => &container.image,
        false => &container.image_id,
    };
    Ok(image.clone())
}

/// Files with passwords that others than their owner can read.
fn open_files(layout: &ClusterLayout, instances: &[Instance]) -> Result<Vec<OpenFile>> {
    let mut always = vec![layout.config(), layout.client_config()];
    let mut where_said = vec![
        layout.ssmtp().join("ssmtp.conf"),
        layout.ssmtp().join("revaliases"),
    ];
    for name in files::names_in(&layout.proxy())? {
        if name.ends_with(".key") || name.ends_with(".pem") {
            where_said.push(layout.proxy().join(name));
        }
    }
    for instance in instances {
        let own = &instance.layout;
        always.extend([
            own.config(),
            own.client_config(),
            own.env_file(),
            own.inside("database.yml"),
        ]);
        where_said.extend([own.inside("kor.yml"), own.inside("kor.app.yml")]);
    }
    where_said.retain(|path| has_a_secret(path));
    let mut open = Vec::new();
    for path in always.into_iter().chain(where_said) {
        if let Some((mode, owner)) = files::rights(&path)?
            && mode & 0o077 != 0
        {
            open.push(OpenFile { path, mode, owner });
        }
    }
    Ok(open)
}

/// Whether a file's text looks as if it had a password or a private key in it.
fn has_a_secret(path: &Path) -> bool {
    let text = fs::read(path).map(|bytes| String::from_utf8_lossy(&bytes).to_lowercase());
    let words = ["pass", "secret", "token", "api_key", "private key"];
    text.is_ok_and(|text| words.iter().any(|word| text.contains(word)))
}

/// The links of the cluster and of its instances that do not lead to the tool.
fn links(
    context: &Context<'_>,
    layout: &ClusterLayout,
    instances: &[Instance],
) -> Result<Vec<FoundLink>> {
    let tool = identity::tool()?;
    let mut paths = vec![layout.link()];
    // The one of the only instance is made by `create` alone.
    if layout.instances_link().is_symlink() {
        paths.push(layout.instances_link());
    }
    paths.extend(instances.iter().map(|i| i.layout.link()));
    let mut links = Vec::new();
    for path in paths {
        // Where the tool stands in the script's place, the links lead to it already.
        if path.canonicalize().is_ok_and(|target| target == tool) {
            continue;
        }
        match fs::read_link(&path) {
            Ok(target) => links.push(FoundLink {
                path,
                target: Some(target),
            }),
            Err(_) if !files::exists(&path) => links.push(FoundLink { path, target: None }),
            Err(_) => context.observer.warn(&format!(
                "{} is no link and stays as it is; move it away and run `adopt` again to have one",
                path.display()
            )),
        }
    }
    Ok(links)
}

/// Values that the script would have run or expanded.
fn shell_code(cluster: &Cluster, instances: &[Instance]) -> Vec<(PathBuf, usize, String)> {
    let of = |path: PathBuf, config: &KeyValues| {
        let found = config.shell_code().into_iter();
        found
            .map(|code| (path.clone(), code.line, code.key))
            .collect::<Vec<_>>()
    };
    let mut found = of(cluster.layout.config(), &cluster.config);
    for instance in instances {
        found.extend(of(instance.layout.config(), &instance.config));
    }
    found
}
