//! `adopt [DIR]`: takes over a cluster that the original script made. It changes how the cluster is
//! called and who may read its passwords, and nothing else: no container, no content.

use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use serde_json::json;

use crate::commands::adopted::{self, Adopted, WasReadable};
use crate::commands::context::{Context, typed};
use crate::commands::field::{self, Field, FoundLink, OpenFile};
use crate::commands::report::Report;
use crate::commands::session::{alone_in, operation_id};
use crate::error::{Error, Result};
use crate::host::{clock, files, identity, store};
use crate::journal;
use crate::journal::lock::Permit;
use crate::model::cluster::key;
use crate::model::image::ImageRef;
use crate::model::layout::ClusterLayout;
use crate::model::scope::Scope;
use crate::model::secret::Secret;
use crate::steps::{self, Entry, Plan, Step};

/// Takes over a cluster that the original script made: points its links at this tool, makes the
/// journal, narrows files with passwords to 0600. Containers and content stay as they are until
/// the next `boot`. `--dry-run` lists what would change.
#[derive(Debug, Clone, clap::Args)]
pub struct Args {
    /// The cluster's directory [default: the one that was called]
    pub directory: Option<PathBuf>,
    /// The image that wrote the database's data, where nothing tells
    #[arg(long, value_name = "IMAGE", value_parser = ImageRef::parse)]
    pub database_image: Option<ImageRef>,
}

/// What the tool's own directory holds before a cluster is taken over.
const FRAME: [&str; 3] = ["journal", "locks", "history.jsonl"];

/// Runs the verb.
///
/// # Errors
/// Exit 6 with a list of all that is in the way, before anything changes; 4 where there is no
/// cluster.
pub fn run(args: &Args, context: &Context<'_>) -> Result<Report> {
    let root = which(args, context)?;
    if !context.flags.dry_run {
        identity::need_root("adopt")?;
    }
    let layout = ClusterLayout::new(&root);
    let _alone = alone_in(context, "adopt", &root)?;
    let held = finish_earlier(context, &layout)?;
    let field = field::read(context, &root, args.database_image.as_ref())?;
    for (path, line, key) in &field.shell_code {
        context.observer.warn(&format!(
            "{}, line {line}: the script would have run or expanded the value of {key}; here it is text",
            path.display()
        ));
    }
    say_uncovered(context, &field)?;
    let _name = hold_name(context, &field)?;
    let plan = plan(context, &field)?;
    if context.flags.dry_run {
        return Ok(Report::of_plan(&plan));
    }
    let changed = !plan.steps.is_empty();
    if changed {
        carry_out(context, &layout, &plan, held)?;
    }
    Ok(report(&field, changed))
}

fn report(field: &Field, changed: bool) -> Report {
    let cluster = &field.cluster;
    let boot = adopted::typed_for(&cluster.layout, "boot");
    let readable: Vec<WasReadable> = was_readable(field);
    let mut lines = Vec::new();
    if changed {
        lines.push(format!("cluster {} is taken over", cluster.name));
    } else {
        lines.push(format!(
            "cluster {} is taken over already; nothing to do",
            cluster.name
        ));
    }
    if !readable.is_empty() {
        let paths: Vec<&str> = readable.iter().map(|r| r.path.as_str()).collect();
        lines.push(format!(
            "had been readable for everybody: {}; consider new passwords",
            paths.join(", ")
        ));
    }
    lines.push(format!("next: {boot}"));
    Report::new(
        lines,
        json!({
            "command": "adopt",
            "cluster": cluster.name,
            "root": cluster.layout.root(),
            "changed": changed,
            "database": field.database,
            "search": field.search,
            "was_readable": readable,
            "shell_code": field.shell_code.iter().map(|(path, line, key)| {
                json!({"path": path, "line": line, "key": key})
            }).collect::<Vec<_>>(),
            "next": boot,
        }),
    )
}

/// The cluster's directory, by the argument or by how the tool was called.
fn which(args: &Args, context: &Context<'_>) -> Result<PathBuf> {
    if let Scope::Instance { .. } = &context.scope {
        return Err(Error::usage(format!("this is {}", context.scope))
            .why("a cluster is taken over as a whole")
            .next("call the cluster's link, or say -C CLUSTER"));
    }
    let Some(directory) = &args.directory else {
        let layout = context.layout()?;
        need_config(layout.root())?;
        return Ok(layout.root().to_owned());
    };
    let root = directory.canonicalize().map_err(|e| match e.kind() {
        ErrorKind::NotFound => no_cluster(directory, "there is no such directory"),
        _ => Error::io("find", directory, &e),
    })?;
    need_config(&root)?;
    match context.scope.root() {
        Some(called) if called != root => Err(Error::usage(
            "the directory that was named is not the cluster that was called",
        )
        .why(format!(
            "{} was named, this is {}; nothing was done",
            root.display(),
            context.scope
        ))),
        _ => Ok(root),
    }
}

fn need_config(root: &Path) -> Result<()> {
    // One that cannot be looked at is reported when it is read.
    match ClusterLayout::new(root).config().try_exists() {
        Ok(false) => Err(no_cluster(root, "there is no config.sh")),
        _ => Ok(()),
    }
}

fn no_cluster(directory: &Path, why: &str) -> Error {
    let tool = identity::tool().unwrap_or_else(|_| PathBuf::from("kor-cluster"));
    let create = format!("create {}", directory.display());
    Error::not_found(format!("{} is no cluster", directory.display()))
        .why(why)
        .next(format!(
            "name the directory of one, or make a new one: {}",
            typed(&tool, &create)
        ))
}

/// An `adopt` that was interrupted here is finished or undone, and this one does the rest. Where
/// there are locks, the cluster is held from here on: what is read now must still be so when it is
/// changed.
fn finish_earlier(context: &Context<'_>, layout: &ClusterLayout) -> Result<Option<Permit>> {
    if context.flags.dry_run || !layout.locks().is_dir() {
        return Ok(None);
    }
    let permit = Permit::cluster(&layout.locks(), &context.lock_request("adopt"))?;
    for operation in journal::open_operations::<Step>(&layout.journal())? {
        if operation.header.verb == "adopt" {
            let note = "an interrupted `adopt` is tidied up first";
            context.observer.note(note);
            steps::recover_one(&context.world(layout), &permit, &operation)
                .map_err(|error| with_tool(layout, error))?;
        }
    }
    tidy_up(layout)?;
    Ok(layout.locks().is_dir().then_some(permit))
}

/// While the link is not the tool's, nobody is told to call it.
fn with_tool(layout: &ClusterLayout, error: Error) -> Error {
    let by_link = typed(&layout.link(), "recover");
    match error.next.as_ref() == Some(&by_link) {
        true => error.next(adopted::typed_for(layout, "recover")),
        false => error,
    }
}

/// Removes the empty frame in a cluster that was not taken over after all.
///
/// # Errors
/// Exit 1 or 6 where it cannot be removed.
pub fn tidy_up(layout: &ClusterLayout) -> Result<()> {
    let own = files::names_in(&layout.own())?;
    let empty = own.iter().all(|name| FRAME.contains(&name.as_str()));
    if store::is_ours(layout) || !empty || !layout.config().is_file() {
        return Ok(());
    }
    match journal::open_operations::<Step>(&layout.journal())?.is_empty() {
        true => files::remove_tree(&layout.own()),
        false => Ok(()),
    }
}

/// Versions that nobody covers do not start; the cluster is taken over all the same.
fn say_uncovered(context: &Context<'_>, field: &Field) -> Result<()> {
    let contracts = store::contracts(Some(&field.cluster.layout))?;
    for instance in &field.instances {
        if let Err(error) = contracts.covering(&instance.version) {
            context
                .observer
                .warn(&format!("instance {}: {error}", instance.name));
        }
    }
    Ok(())
}

/// Containers are named after their cluster, so a host has each name once.
fn hold_name(context: &Context<'_>, field: &Field) -> Result<Option<Permit>> {
    let name = &field.cluster.name;
    let root = field.cluster.layout.root();
    if let Some(other) = context.registry.find(name).filter(|other| other != root) {
        return Err(
            Error::refused(format!("the name {name} is taken on this host"))
                .why(format!("the cluster in {} has it", other.display()))
                .next("a host has each name once: one of the two has to go to another"),
        );
    }
    if context.flags.dry_run {
        return Ok(None);
    }
    Permit::named(
        &context.registry.locks()?,
        &format!("name-{name}"),
        &context.lock_request("adopt"),
    )
    .map(Some)
}

fn carry_out(
    context: &Context<'_>,
    layout: &ClusterLayout,
    plan: &Plan,
    held: Option<Permit>,
) -> Result<()> {
    for directory in [layout.own(), layout.journal(), layout.locks()] {
        files::make_directory(&directory, 0o700, None)?;
    }
    let permit = match held {
        Some(permit) => permit,
        None => Permit::cluster(&layout.locks(), &context.lock_request("adopt"))?,
    };
    let done = steps::carry_out(&context.world(layout), &permit, plan);
    if done.is_err() {
        tidy_up(layout)?;
    }
    done.map_err(|error| with_tool(layout, error))
}

/// Everything that is not yet as it should be; on a cluster that was taken over before, what is
/// new since.
fn plan(context: &Context<'_>, field: &Field) -> Result<Plan> {
    let mut plan = Plan::new("adopt", &operation_id());
    let layout = &field.cluster.layout;
    let tool = identity::tool()?;
    for file in &field.open {
        plan.push(narrow(layout, file));
    }
    for link in &field.links {
        plan.push(point(layout, link, &tool));
    }
    if let Some(step) = add_images(field) {
        plan.push(step);
    }
    if context.registry.find(&field.cluster.name).is_none() {
        plan.push(Step::Enter {
            name: field.cluster.name.clone(),
            root: layout.root().to_owned(),
        });
    }
    if let Some(step) = write_down(field)? {
        plan.push(step);
    }
    Ok(plan)
}

fn narrow(layout: &ClusterLayout, file: &OpenFile) -> Step {
    Step::Place {
        what: format!(
            "narrow {} to 0600 (it is {:04o})",
            relative(layout, &file.path),
            file.mode
        ),
        entries: vec![Entry::Rights {
            path: file.path.clone(),
            mode: files::PRIVATE,
            owner: None,
            before: (file.mode, file.owner),
        }],
    }
}

fn point(layout: &ClusterLayout, link: &FoundLink, tool: &Path) -> Step {
    Step::Place {
        what: match &link.target {
            Some(target) => format!(
                "point the link {} at {} (it leads to {})",
                relative(layout, &link.path),
                tool.display(),
                target.display()
            ),
            None => format!(
                "make the link {} to {}",
                relative(layout, &link.path),
                tool.display()
            ),
        },
        entries: vec![Entry::Link {
            path: link.path.clone(),
            target: tool.to_owned(),
            before: link.target.clone(),
        }],
    }
}

/// Adds the images to the end of `config.sh`; all that stands there stays byte for byte.
fn add_images(field: &Field) -> Option<Step> {
    let mut text = field.config.clone();
    let mut added = Vec::new();
    for (key, found) in [
        (key::DATABASE_IMAGE, &field.database),
        (key::SEARCH_IMAGE, &field.search),
    ] {
        if field.cluster.config.get(key).is_none() {
            if !text.is_empty() && !text.ends_with('\n') {
                text.push('\n');
            }
            // An image's name has no character that a shell would take for anything else.
            text.push_str(&format!("{key}={}\n", found.image));
            added.push(format!("{key}={}", found.image));
        }
    }
    (!added.is_empty()).then(|| Step::Place {
        what: format!("add {} to config.sh", added.join(" and ")),
        entries: vec![Entry::File {
            path: field.cluster.layout.config(),
            mode: files::PRIVATE,
            before: Some(Secret::new(field.config.clone())),
            content: Secret::new(text),
        }],
    })
}

/// The tool's own files. The password comes last: it is what says that the cluster is taken over.
fn write_down(field: &Field) -> Result<Option<Step>> {
    let layout = &field.cluster.layout;
    let ours = store::is_ours(layout);
    let before = files::read_if_there(&layout.adopted())?;
    let mut entries = Vec::new();
    let mut record = match adopted::read(layout)? {
        Some(record) => record,
        None => Adopted {
            at: clock::now(),
            database: field.database.clone(),
            search: field.search.clone(),
            was_readable: Vec::new(),
        },
    };
    let mut more = was_readable(field);
    more.retain(|found| !record.was_readable.iter().any(|r| r.path == found.path));
    if !ours || !more.is_empty() {
        record.was_readable.extend(more);
        let text = serde_json::to_string_pretty(&record)
            .map_err(|e| Error::failed("cannot write down what was found").why(e))?;
        entries.push(own_file(layout.adopted(), before, format!("{text}\n")));
    }
    if !ours {
        entries.extend(index_unknown(field));
        let password = field.cluster.database_password.reveal().to_owned();
        entries.push(own_file(layout.root_password(), None, password));
    }
    Ok((!entries.is_empty()).then(|| Step::Place {
        what: "write down what was found, in .kor-cluster".to_owned(),
        entries,
    }))
}

/// The original's search index dies with its container, so each has to be compared with its table.
fn index_unknown(field: &Field) -> Vec<Entry> {
    let layout = &field.cluster.layout;
    let files: Vec<Entry> = field
        .instances
        .iter()
        .filter(|instance| instance.index.is_some())
        .map(|instance| {
            let path = layout.index_unknown(&instance.name);
            own_file(path, None, steps::INDEX_UNKNOWN.to_owned())
        })
        .collect();
    let directory = field
        .instances
        .first()
        .and_then(|i| layout.index_unknown(&i.name).parent().map(Path::to_owned));
    let directory = directory.map(|path| Entry::Directory {
        path,
        mode: 0o700,
        owner: None,
        with_content: false,
    });
    directory.into_iter().chain(files).collect()
}

fn own_file(path: PathBuf, before: Option<String>, content: String) -> Entry {
    Entry::File {
        path,
        mode: files::PRIVATE,
        before: before.map(Secret::new),
        content: Secret::new(content),
    }
}

/// Those of the open files that everybody could read, and not only a group.
fn was_readable(field: &Field) -> Vec<WasReadable> {
    field
        .open
        .iter()
        .filter(|file| file.mode & 0o004 != 0)
        .map(|file| WasReadable {
            path: relative(&field.cluster.layout, &file.path),
            mode: format!("{:04o}", file.mode),
        })
        .collect()
}

fn relative(layout: &ClusterLayout, path: &Path) -> String {
    let inside = path.strip_prefix(layout.root()).unwrap_or(path);
    inside.display().to_string()
}
