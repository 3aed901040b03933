//! `create [DIR] [NAME]`: lays out a cluster.

use std::net::IpAddr;
use std::path::{Path, PathBuf};

use serde_json::json;

use crate::commands::context::{Context, typed};
use crate::commands::report::Report;
use crate::commands::session::{alone_in, operation_id};
use crate::error::{Error, Result};
use crate::host::{chance, files, identity};
use crate::journal;
use crate::journal::lock::Permit;
use crate::model::cluster::{default, key};
use crate::model::container::names;
use crate::model::image::ImageRef;
use crate::model::key_values::KeyValues;
use crate::model::layout::ClusterLayout;
use crate::model::memory::Bytes;
use crate::model::name::Name;
use crate::model::port::Port;
use crate::model::secret::Secret;
use crate::services::search;
use crate::steps::{self, Entry, Plan, Step};

/// Lays out a cluster in a directory. Nothing is started.
#[derive(Debug, Clone, clap::Args)]
pub struct Args {
    /// The cluster's directory; it is made if it is missing
    #[arg(default_value = ".")]
    pub directory: PathBuf,
    /// The name that its containers start with [default: that of the directory]
    #[arg(value_parser = Name::for_new)]
    pub name: Option<Name>,
    /// The port of the reverse proxy
    #[arg(long, env = "CLUSTER_PORT", hide_env_values = true, value_parser = Port::parse, default_value = default::CLUSTER_PORT)]
    pub port: Port,
    /// The host's address that instances are published on
    #[arg(long, default_value = default::BIND_ADDRESS)]
    pub bind: IpAddr,
    /// The database server's image
    #[arg(long, value_parser = ImageRef::parse, default_value = default::DATABASE_IMAGE)]
    pub database_image: ImageRef,
    /// The most memory that the database server may take
    #[arg(long, value_parser = Bytes::parse, default_value = default::DATABASE_MEMORY)]
    pub database_memory: Bytes,
    /// The search server's image
    #[arg(long, value_parser = ImageRef::parse, default_value = default::SEARCH_IMAGE)]
    pub search_image: ImageRef,
    /// The most memory that the search server may take
    #[arg(long, value_parser = Bytes::parse, default_value = default::SEARCH_MEMORY)]
    pub search_memory: Bytes,
    /// The repository of ConedaKOR's images [default: the contract's]
    #[arg(long)]
    pub app_repository: Option<String>,
    /// The most memory that each of an instance's containers may take
    #[arg(long, value_parser = Bytes::parse, default_value = default::APP_MEMORY)]
    pub app_memory: Bytes,
    /// The mail server that takes the instances' mail
    #[arg(long)]
    pub smtp_address: Option<String>,
    /// Its port
    #[arg(long, value_parser = Port::parse, requires = "smtp_address")]
    pub smtp_port: Option<Port>,
    /// The domain that the instances greet it with
    #[arg(long, requires = "smtp_address")]
    pub smtp_domain: Option<String>,
    /// The login there
    #[arg(long, requires = "smtp_address")]
    pub smtp_user: Option<String>,
    /// A file with that login's password
    #[arg(long, requires = "smtp_user")]
    pub smtp_password_file: Option<PathBuf>,
    /// Refuse instances that have no mail settings
    #[arg(long)]
    pub require_mail: bool,
}

/// What is drawn and looked up before the plan is made.
struct Given {
    id: String,
    name: Name,
    layout: ClusterLayout,
    password: Secret,
    smtp_password: Option<Secret>,
    tool: PathBuf,
}

/// Runs the verb.
///
/// # Errors
/// Exit 6 where the directory holds something else or the name is taken.
pub fn run(args: &Args, context: &Context<'_>) -> Result<Report> {
    if !context.flags.dry_run {
        identity::need_root("create")?;
    }
    let root = absolute(&args.directory)?;
    let layout = ClusterLayout::new(&root);
    let _alone = alone_in(context, "create", &root)?;
    finish_earlier(context, &layout)?;
    check_directory(&root, &layout)?;
    let given = Given {
        id: operation_id(),
        name: choose_name(context, args, &root)?,
        password: chance::password(),
        smtp_password: read_password(args.smtp_password_file.as_deref())?,
        tool: identity::tool()?,
        layout,
    };
    // Until it is in the registry, nobody else on this host may take the same name.
    let _name = Permit::named(
        &context.registry.locks()?,
        &format!("name-{}", given.name),
        &context.lock_request("create"),
    )?;
    check_name(context, &given)?;
    let plan = plan(args, &given)?;
    if context.flags.dry_run {
        return Ok(Report::of_plan(&plan));
    }
    carry_out(context, &given.layout, &plan)?;
    let boot = typed(&given.layout.link(), "boot");
    Ok(Report::new(
        vec![
            format!("cluster {} is laid out in {}", given.name, root.display()),
            format!("next: {boot}"),
        ],
        json!({"command": "create", "cluster": given.name, "root": root, "changed": true, "next": boot}),
    ))
}

/// The journal lies in the directory that is being made, so that goes first and, where all is
/// undone, last.
fn carry_out(context: &Context<'_>, layout: &ClusterLayout, plan: &Plan) -> Result<()> {
    let made_root = !layout.root().exists();
    if made_root {
        files::make_directory(layout.root(), 0o755, None)?;
    }
    for directory in [
        layout.own(),
        layout.journal(),
        layout.locks(),
        layout.exchange(),
    ] {
        files::make_directory(&directory, 0o700, None)?;
    }
    let permit = Permit::cluster(&layout.locks(), &context.lock_request("create"))?;
    // Another one may have been at work here until now.
    check_frame(layout)?;
    let done = steps::carry_out(&context.world(layout), &permit, plan);
    if done.is_err() {
        tidy_up(layout, made_root)?;
    }
    done
}

/// Removes the empty frame of a cluster that was never made. Whatever else is there stays: a
/// cluster whose `config.sh` is missing for the moment is none that was never made.
///
/// # Errors
/// Exit 1 or 6 where the frame cannot be removed.
pub fn tidy_up(layout: &ClusterLayout, root_too: bool) -> Result<()> {
    let open = journal::open_operations::<Step>(&layout.journal())?;
    if !open.is_empty() || check_frame(layout).is_err() {
        return Ok(());
    }
    let own = files::names_in(&layout.own())?;
    if own.iter().any(|name| !FRAME.contains(&name.as_str())) {
        return Ok(());
    }
    files::remove_tree(&layout.own())?;
    if root_too && files::is_missing_or_empty(layout.root())? {
        files::remove_tree(layout.root())?;
    }
    Ok(())
}

/// What the tool's own directory holds before a cluster is laid out.
const FRAME: [&str; 4] = ["journal", "locks", "exchange", "history.jsonl"];

/// Fails if there is more in a directory than the frame of a cluster that is not made yet.
fn check_frame(layout: &ClusterLayout) -> Result<()> {
    let names = files::names_in(layout.root())?;
    match names.iter().find(|name| *name != ".kor-cluster") {
        None => Ok(()),
        Some(_) => Err(holds_something_else(layout.root())),
    }
}

fn holds_something_else(root: &Path) -> Error {
    Error::refused(format!("{} holds something else", root.display()))
        .why("a cluster wants an empty directory")
        .next("name a directory that does not exist yet")
}

/// A `create` that was interrupted here is undone, and this one does it all.
fn finish_earlier(context: &Context<'_>, layout: &ClusterLayout) -> Result<()> {
    if context.flags.dry_run || !layout.locks().is_dir() {
        return Ok(());
    }
    let permit = Permit::cluster(&layout.locks(), &context.lock_request("create"))?;
    let open = journal::open_operations::<Step>(&layout.journal())?;
    for operation in open.iter().filter(|o| o.header.verb == "create") {
        context
            .observer
            .note("an interrupted `create` is tidied up first");
        steps::recover_one(&context.world(layout), &permit, operation)?;
    }
    tidy_up(layout, false)
}

fn check_directory(root: &Path, layout: &ClusterLayout) -> Result<()> {
    if files::exists(&layout.config()) {
        return Err(
            Error::refused(format!("{} is a cluster already", root.display()))
                .next(typed(&layout.link(), "boot")),
        );
    }
    if root.exists() && !root.is_dir() {
        return Err(Error::refused(format!(
            "{} is no directory",
            root.display()
        )));
    }
    if !files::is_missing_or_empty(root)? {
        return Err(holds_something_else(root));
    }
    match root.parent() {
        Some(parent) if !parent.is_dir() => Err(Error::not_found(format!(
            "there is no directory {}",
            parent.display()
        ))
        .next(format!("mkdir -p {}", parent.display()))),
        _ => Ok(()),
    }
}

/// The name that was given, else the directory's where it fits and is free, else a random one as
/// the original drew it.
fn choose_name(context: &Context<'_>, args: &Args, root: &Path) -> Result<Name> {
    if let Some(name) = &args.name {
        return Ok(name.clone());
    }
    let of_directory = root
        .file_name()
        .and_then(|text| Name::for_new(&text.to_string_lossy()).ok())
        .filter(|name| context.registry.find(name).is_none());
    let name = match of_directory {
        Some(name) => name,
        None => Name::for_new(&chance::tag())?,
    };
    context
        .observer
        .note(&format!("no name was given: the cluster is called {name}"));
    Ok(name)
}

/// Containers are named after their cluster, so a host has each name once.
fn check_name(context: &Context<'_>, given: &Given) -> Result<()> {
    let taken = |holder: String| {
        Err(
            Error::refused(format!("the name {} is taken on this host", given.name))
                .why(holder)
                .next(format!(
                    "give another: create {} NAME",
                    given.layout.root().display()
                )),
        )
    };
    if let Some(root) = context.registry.find(&given.name) {
        return taken(format!("the cluster in {} has it", root.display()));
    }
    match context.engine.all_containers() {
        Ok(containers) => {
            match containers
                .iter()
                .find(|c| names::is_of_cluster(&c.name, &given.name))
            {
                Some(container) => taken(format!("the container {} has it", container.name)),
                None => Ok(()),
            }
        }
        Err(error) => {
            context.observer.warn(&format!(
                "{error}; so nobody could say whether containers have the name {} already",
                given.name
            ));
            Ok(())
        }
    }
}

fn plan(args: &Args, given: &Given) -> Result<Plan> {
    let mut plan = Plan::new("create", &given.id);
    let layout = &given.layout;
    let directory = |path: PathBuf, mode: u32| Entry::Directory {
        path,
        mode,
        owner: None,
        with_content: false,
    };
    let private = |path: PathBuf, content: String| Entry::File {
        path,
        mode: files::PRIVATE,
        before: None,
        content: Secret::new(content),
    };
    let link = |path: PathBuf| Entry::Link {
        path,
        target: given.tool.clone(),
        before: None,
    };
    plan.push(Step::Place {
        what: format!("lay out the directory {}", layout.root().display()),
        entries: vec![
            directory(layout.database_data(), 0o755),
            directory(layout.search(), 0o755),
            Entry::Directory {
                path: layout.search_data(),
                mode: 0o755,
                owner: Some((search::UID, search::UID)),
                with_content: false,
            },
            directory(layout.ssmtp(), 0o755),
            private(layout.ssmtp().join("ssmtp.conf"), ssmtp_conf(args, given)),
            private(layout.ssmtp().join("revaliases"), String::new()),
            directory(layout.snapshots(), 0o700),
            directory(layout.instances(), 0o755),
            private(layout.root_password(), given.password.reveal().to_owned()),
            private(layout.client_config(), client_config(given)),
            link(layout.link()),
            link(layout.instances_link()),
            // Last: what makes the directory a cluster.
            private(layout.config(), config(args, given)?.to_string()),
        ],
    });
    // What is laid out is a cluster; all that is left is to enter it.
    plan.no_return_from_here();
    plan.push(Step::Enter {
        name: given.name.clone(),
        root: layout.root().to_owned(),
    });
    Ok(plan)
}

fn config(args: &Args, given: &Given) -> Result<KeyValues> {
    let mut config = KeyValues::default();
    let root = given.layout.root().display().to_string();
    let repository = args.app_repository.clone().unwrap_or_default();
    if !repository.is_empty() {
        ImageRef::of(&repository, "tag")?;
    }
    for (key, value) in [
        (key::CLUSTER_ROOT, root.as_str()),
        (key::CLUSTER_NAME, given.name.as_str()),
        (key::DB_USERNAME, "root"),
        (key::DB_PASSWORD, given.password.reveal()),
        (key::CLUSTER_PORT, &args.port.to_string()),
        (key::BIND_ADDRESS, &args.bind.to_string()),
        (key::DATABASE_IMAGE, args.database_image.as_str()),
        (key::DATABASE_MEMORY, &args.database_memory.to_string()),
        (key::SEARCH_IMAGE, args.search_image.as_str()),
        (key::SEARCH_MEMORY, &args.search_memory.to_string()),
        (key::APP_REPOSITORY, &repository),
        (key::APP_MEMORY, &args.app_memory.to_string()),
        (key::BINLOG_LIMIT, default::BINLOG_LIMIT),
        (key::REQUIRE_MAIL, &args.require_mail.to_string()),
    ] {
        config.set(key, value)?;
    }
    if let Some(address) = &args.smtp_address {
        config.set("MAIL_DELIVERY_METHOD", "smtp")?;
        config.set("MAIL_SMTP_ADDRESS", address)?;
        if let Some(port) = args.smtp_port {
            config.set("MAIL_SMTP_PORT", &port.to_string())?;
        }
        if let Some(domain) = &args.smtp_domain {
            config.set("MAIL_SMTP_DOMAIN", domain)?;
        }
        if let Some(user) = &args.smtp_user {
            config.set("MAIL_SMTP_USER_NAME", user)?;
        }
        if let Some(password) = &given.smtp_password {
            config.set("MAIL_SMTP_PASSWORD", password.reveal())?;
        }
    }
    Ok(config)
}

/// How the database's own client logs in, in the form of the original's `mysql.cnf`.
fn client_config(given: &Given) -> String {
    format!(
        "[client]\nhost=mysql\nuser=root\npassword={}\n",
        given.password.reveal()
    )
}

/// The mail settings in the form of the eras that send with ssmtp.
fn ssmtp_conf(args: &Args, given: &Given) -> String {
    let Some(address) = &args.smtp_address else {
        return "# mailhub=mail.example.org:587\n".to_owned();
    };
    let port = args.smtp_port.map_or(25, Port::number);
    let mut lines = format!("mailhub={address}:{port}\nFromLineOverride=YES\n");
    for (key, value) in [
        ("rewriteDomain", args.smtp_domain.as_deref()),
        ("AuthUser", args.smtp_user.as_deref()),
        ("AuthPass", given.smtp_password.as_ref().map(Secret::reveal)),
    ] {
        if let Some(value) = value {
            lines.push_str(&format!("{key}={value}\n"));
        }
    }
    lines
}

fn read_password(file: Option<&Path>) -> Result<Option<Secret>> {
    let Some(file) = file else { return Ok(None) };
    let text = files::read(file)?;
    Ok(Some(Secret::new(text.trim_end_matches(['\r', '\n']))))
}

/// The path without links in its existing part, so that one directory has one name.
fn absolute(path: &Path) -> Result<PathBuf> {
    let io = |e: std::io::Error| Error::io("find", path, &e);
    if path.exists() {
        return path.canonicalize().map_err(io);
    }
    let whole = std::path::absolute(path).map_err(io)?;
    match (whole.parent(), whole.file_name()) {
        (Some(parent), Some(name)) if parent.exists() => {
            Ok(parent.canonicalize().map_err(io)?.join(name))
        }
        _ => Ok(whole),
    }
}
