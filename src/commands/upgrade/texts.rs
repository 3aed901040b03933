//! An instance's own files as they are going to be with another version, schema and index.

use crate::commands::instance_files;
use crate::error::Result;
use crate::host::{chance, files};
use crate::model::contract::{Contract, Contracts};
use crate::model::instance::{Instance, key};
use crate::model::layout::InstanceLayout;
use crate::model::secret::Secret;
use crate::model::version::Version;
use crate::model::{database_file, database_url};
use crate::steps::{self, Entry, Texts};

/// The instance on a copy of its content, with another version.
pub fn renewed(now: &Instance, version: &Version) -> Result<Instance> {
    let tag = chance::tag();
    let named = |name: &str| {
        let bare = name.split("__").next().unwrap_or(name);
        format!("{bare}__{tag}")
    };
    let mut next = now.clone();
    next.version = version.clone();
    next.schema = named(&now.schema);
    next.database_user = next.schema.clone();
    next.database_password = chance::password();
    next.config.set(key::VERSION, version.tag())?;
    next.config.set(key::DB_NAME, &next.schema)?;
    next.config.set(key::DB_USERNAME, &next.database_user)?;
    next.config
        .set(key::DB_PASSWORD, next.database_password.reveal())?;
    if let Some(url) = now.env.get("DATABASE_URL") {
        let url = database_url::with_login(
            &url,
            &next.database_user,
            &next.database_password,
            &next.schema,
        )?;
        next.env.set("DATABASE_URL", url.reveal())?;
    }
    set_index(&mut next, now.index.as_deref().map(named))?;
    Ok(next)
}

/// Gives it another search index.
pub fn set_index(next: &mut Instance, index: Option<String>) -> Result<()> {
    next.index = index;
    if let (Some(index), true) = (&next.index, next.env.get(key::ELASTIC_INDEX).is_some()) {
        next.env.set(key::ELASTIC_INDEX, index)?;
    }
    Ok(())
}

/// What the files say that an instance of whichever era has beside its content. It is asked before they are
/// read, so that whoever changes one from then on is noticed.
///
/// # Errors
/// Exit 1 or 6 where one cannot be read.
pub fn planned(layout: &InstanceLayout, contracts: &Contracts) -> Result<Texts> {
    let root = layout.root();
    let own = [layout.config(), layout.env_file(), layout.client_config()];
    let own = own.iter().filter_map(|path| path.strip_prefix(root).ok());
    let own = own.map(|path| path.display().to_string());
    let rules = contracts.all().iter().flat_map(|contract| &contract.files);
    let names = rules.map(|rule| rule.path.clone()).chain(own);
    steps::texts_of(root, names.collect())
}

/// Those of them that give way, and may not have changed until then: what is exchanged, and what `next`
/// has no place for.
pub fn giving_way(
    planned: &Texts,
    (contract, next): (&Contract, &Contract),
    exchanged: &[String],
) -> Texts {
    let has_place = |path: &String| next.files.iter().any(|rule| rule.path == *path);
    let goes = contract.files.iter().map(|rule| &rule.path);
    let goes = goes.filter(|path| !has_place(path));
    let replaced = exchanged.iter();
    let replaced = replaced.filter(|name| **name != next.content.directory);
    let text = |name: &String| (name.clone(), planned.get(name).cloned().flatten());
    goes.chain(replaced).map(text).collect()
}

/// What stands beside the instance before it takes its place: all that a container of it sees but
/// for the content's directory; and the names of what is exchanged then, the configuration last.
///
/// # Errors
/// Exit 1 or 6 where a file cannot be read or changed.
pub fn beside(
    contract: &Contract,
    now: &Instance,
    next: &Instance,
    place: &InstanceLayout,
) -> Result<(Vec<Entry>, Vec<String>)> {
    let mut entries = vec![directory(place.root().to_owned(), 0o700)];
    if let Some(above) = place.root().parent() {
        let above = Entry::Directory {
            path: above.to_owned(),
            mode: 0o700,
            owner: None,
            with_content: false,
        };
        entries.insert(0, above);
    }
    let mut exchanged = vec![contract.content.directory.clone()];
    for name in &contract.directories {
        if *name != contract.content.directory {
            entries.push(directory(place.inside(name), 0o755));
        }
    }
    let for_start = instance_files::texts_for_start(contract, next)?;
    for rule in &contract.files {
        let path = now.layout.inside(&rule.path);
        let Some(text) = files::read_if_there(&path)? else {
            // The era of before had no such file.
            let made = for_start.iter().find(|(name, ..)| *name == rule.path);
            if let Some((name, mode, text)) = made {
                entries.push(file(place, name, *mode, text.clone()));
                exchanged.push(name.clone());
            }
            continue;
        };
        let mode = files::rights(&path)?.map_or(files::PRIVATE, |(mode, _)| mode);
        let text = if path == now.layout.database_file() {
            exchanged.push(rule.path.clone());
            let login = (
                next.schema.as_str(),
                next.database_user.as_str(),
                &next.database_password,
            );
            database_file::rewritten(&text, path.display(), login, next.index.as_deref())?
        } else {
            Secret::new(text)
        };
        entries.push(file(place, &rule.path, mode, text));
    }
    let mut own = vec![("mysql.cnf", login(next))];
    if contract.env_file.is_some() {
        own.push((".env", Secret::new(next.env.to_string())));
    }
    own.push(("config.sh", Secret::new(next.config.to_string())));
    for (name, text) in own {
        entries.push(file(place, name, files::PRIVATE, text));
        exchanged.push(name.to_owned());
    }
    Ok((entries, exchanged))
}

fn login(next: &Instance) -> Secret {
    Secret::new(format!(
        "[client]\nhost=mysql\nuser={}\npassword={}\n",
        next.database_user,
        next.database_password.reveal()
    ))
}

fn directory(path: std::path::PathBuf, mode: u32) -> Entry {
    Entry::Directory {
        path,
        mode,
        owner: None,
        with_content: true,
    }
}

fn file(place: &InstanceLayout, name: &str, mode: u32, content: Secret) -> Entry {
    Entry::File {
        path: place.inside(name),
        mode,
        before: None,
        content,
    }
}
