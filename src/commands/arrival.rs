//! A snapshot that arrives: of which version it is, whether there is room for it, and how it is
//! taken in. What `import` and `new --from` have in common.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use crate::commands::context::{Context, typed};
use crate::commands::index::Documents;
use crate::commands::instance_files::Described;
use crate::commands::snapshots;
use crate::error::{Error, Result};
use crate::host::{archive, files, space};
use crate::model::cluster::Cluster;
use crate::model::container::{Role, names};
use crate::model::contract::{Contract, Contracts};
use crate::model::instance::{Instance, key};
use crate::model::memory::human;
use crate::model::secret::Secret;
use crate::model::snapshot::{Content, Manifest, SnapshotName};
use crate::model::version::{Version, compare};
use crate::services::database;
use crate::services::room::LEFT_TO_OTHERS;
use crate::steps::{Intake, Text};

/// Settings of the environment file that belong to the place where an instance runs.
const OF_THE_PLACE: [&str; 4] = ["DATABASE_URL", "SECRET_KEY_BASE", "ROOT_URL", "DATA_DIR"];

/// How settings of the search server begin, which belong there too.
const SEARCH_SETTINGS: &str = "ELASTIC_";

/// The setting that says how mail leaves.
const MAIL: &str = "MAIL_DELIVERY_METHOD";

/// The name of the environment file.
const ENV_FILE: &str = ".env";

/// What a dump takes of the database's disk, as a rule: a schema becomes twice as large, at most, and
/// the binary log has all of it once.
const DATABASE_GROWS: u64 = 3;

/// How much larger than its documents an index becomes, at most, as a rule.
const INDEX_GROWS: u64 = 2;

/// A snapshot that arrives.
#[derive(Debug)]
pub struct Arrival {
    /// Its file.
    pub file: PathBuf,
    /// What it says of itself, where it does.
    pub manifest: Option<Manifest>,
    /// The version that it is of.
    pub version: Version,
    /// Whether nobody says that but who called.
    pub on_trust: bool,
}

impl Arrival {
    /// Looks at a snapshot; `given` is its version, where it does not say that itself.
    ///
    /// # Errors
    /// Exit 4 where there is no such file, 8 where it is no snapshot, 2 where nobody says of which
    /// version it is.
    pub fn of(context: &Context<'_>, file: &Path, given: Option<&Version>) -> Result<Self> {
        let found = snapshots::find(context, file)?;
        let file = found
            .canonicalize()
            .map_err(|e| Error::io("look at", &found, &e))?;
        let manifest = archive::manifest(&file)?;
        let by_name = file
            .file_name()
            .and_then(|name| SnapshotName::parse(&name.to_string_lossy()).ok())
            .map(|name| name.version);
        let own = match &manifest {
            Some(manifest) => Some(Version::parse(&manifest.about.version)?),
            None => by_name,
        };
        let on_trust = own.is_none();
        let version = match (own, given) {
            (Some(own), Some(given)) if own != *given => {
                return Err(Error::usage(format!("{} is of {own}", file.display()))
                    .why(format!("--version says {given}"))
                    .next("leave --version out"));
            }
            (Some(own), _) => own,
            (None, Some(given)) => given.clone(),
            (None, None) => {
                return Err(
                    Error::usage(format!("of which version is {}?", file.display()))
                        .why("neither it nor its name says that")
                        .next("say --version v5.0.1, or whichever it is of"),
                );
            }
        };
        Ok(Arrival {
            file,
            manifest,
            version,
            on_trust,
        })
    }

    /// Whether an instance's version has to migrate it.
    ///
    /// # Errors
    /// Exit 6 where that version cannot.
    pub fn is_migrated_by(
        &self,
        instance: &Instance,
        contracts: &Contracts,
        link: &Path,
    ) -> Result<bool> {
        if self.version == instance.version {
            return Ok(false);
        }
        let refused = |why: &str| {
            Error::refused(format!(
                "the snapshot is of {}, the instance {} of {}",
                self.version, instance.name, instance.version
            ))
            .why(why)
            .next(format!(
                "make an instance of that version: {}",
                typed(link, &format!("new NAME --from {}", self.file.display()))
            ))
        };
        let (Some(theirs), Some(ours)) = (self.version.numbers(), instance.version.numbers())
        else {
            return Err(refused("which of both is newer cannot be told"));
        };
        if compare(&theirs, &ours).is_gt() {
            return Err(refused("what is newer cannot be migrated to what is older"));
        }
        if contracts.covering(&self.version)?.name != contracts.covering(&instance.version)?.name {
            return Err(refused("another era keeps its content in another way"));
        }
        Ok(compare(&theirs, &ours).is_lt())
    }

    /// How much room there is for its files, in bytes.
    ///
    /// # Errors
    /// Exit 6 with the figures where it does not fit.
    pub fn room(&self, cluster: &Cluster) -> Result<u64> {
        let layout = &cluster.layout;
        let (_, free) = space::free(layout.root())?;
        let mut parts = match &self.manifest {
            Some(manifest) => Part::of(&manifest.content),
            // One that is only going to be taken is of content that is there already.
            None if !self.file.exists() => return Ok(free),
            None => [(Part::Files, archive::unpacked_at_least(&self.file)?)].into(),
        };
        let of_database = parts.entry(Part::Database).or_default();
        *of_database = of_database.saturating_add(LEFT_TO_OTHERS);
        let mut needed = Vec::new();
        for (part, bytes) in &parts {
            let path = match part {
                Part::Files => layout.root().to_owned(),
                Part::Database => layout.database_data(),
                Part::Index => layout.search_data(),
            };
            let (device, free) = space::free(&path)?;
            needed.push(Need {
                device,
                bytes: *bytes,
                free,
                path,
            });
        }
        let Some(lacking) = lacking(needed) else {
            return Ok(free);
        };
        let figures = parts
            .iter()
            .map(|(part, bytes)| format!("{} {}", part.name(), human(*bytes)));
        Err(
            Error::refused(format!("there is no room for {}", self.file.display()))
                .why(format!(
                    "{}: {} in {}, where {} are free",
                    figures.collect::<Vec<_>>().join(", "),
                    human(lacking.bytes),
                    lacking.path.display(),
                    human(lacking.free)
                ))
                .next(
                    "`snapshots` lists what may go, `import --forget` what an import left behind",
                ),
        )
    }

    /// How it is taken in for an instance whose place is its own: what is of that place stays.
    ///
    /// # Errors
    /// Exit 6 where its files cannot be changed.
    pub fn for_place(
        &self,
        cluster: &Cluster,
        contract: &Contract,
        now: &Instance,
        next: &Instance,
    ) -> Result<Intake> {
        let mut intake = self.intake(cluster, contract, next)?;
        let travels = |path: &&str| {
            contract
                .files
                .iter()
                .any(|r| r.path == *path && !r.is_of_the_place())
        };
        intake
            .roots
            .extend(files_of(contract).filter(travels).map(str::to_owned));
        for rule in &contract.files {
            let path = now.layout.inside(&rule.path);
            let Some(text) = files::read_if_there(&path)? else {
                continue;
            };
            let text = match path == now.layout.database_file() {
                true => rewritten_database_file(&text, &path, next)?,
                false => Secret::new(text),
            };
            let mode = files::rights(&path)?.map_or(files::PRIVATE, |(mode, _)| mode);
            intake.texts.push(Text {
                name: rule.path.clone(),
                mode,
                text,
                if_missing: !rule.is_of_the_place(),
            });
        }
        if contract.env_file.is_some() {
            intake
                .texts
                .push(private(ENV_FILE, now.env.to_string(), true));
            intake.env = of_the_place(contract, now, next, &OF_THE_PLACE)?;
        }
        let mut config = now.config.clone();
        config.set(key::DB_NAME, &next.schema)?;
        config.set(key::DB_USERNAME, &next.database_user)?;
        config.set(key::DB_PASSWORD, next.database_password.reveal())?;
        intake
            .texts
            .push(private("config.sh", config.to_string(), false));
        Ok(intake)
    }

    /// How it is taken in for an instance that is made of it: one that takes the place of another,
    /// and keeps its keys and settings, or one that lives on beside it, with keys of its own and
    /// without mail.
    ///
    /// # Errors
    /// Exit 6 where a text cannot be made.
    pub fn for_new_instance(
        &self,
        cluster: &Cluster,
        contract: &Contract,
        instance: &Instance,
        beside: bool,
    ) -> Result<Intake> {
        let mut next = instance.clone();
        next.layout = cluster.layout.next(&instance.name);
        let mut intake = self.intake(cluster, contract, &next)?;
        intake.texts.clear();
        let of_database = instance.layout.database_file();
        let travelling = contract.files.iter().filter(|rule| match beside {
            true => !rule.is_of_the_place(),
            false => instance.layout.inside(&rule.path) != of_database,
        });
        intake
            .roots
            .extend(travelling.map(|rule| rule.path.clone()));
        if contract.env_file.is_some() {
            intake
                .texts
                .push(private(ENV_FILE, instance.env.to_string(), true));
            let keys: Vec<&str> = OF_THE_PLACE
                .into_iter()
                .filter(|key| beside || *key != "SECRET_KEY_BASE")
                .collect();
            intake.env = of_the_place(contract, instance, instance, &keys)?;
            if beside {
                let none = Some(Secret::new("test"));
                intake.env.insert(MAIL.to_owned(), none);
            }
        }
        Ok(intake)
    }

    /// How it is taken in for an instance that is only tried out, in the place of content that is going
    /// to be: with everything of its own, and without mail.
    ///
    /// # Errors
    /// Exit 6 where a text cannot be made.
    pub fn for_proof(
        &self,
        cluster: &Cluster,
        contract: &Contract,
        described: &Described,
    ) -> Result<Intake> {
        let mut intake = self.for_new_instance(cluster, contract, &described.instance, true)?;
        intake.documents = None;
        // What `new` lays out, the instance has to bring along here.
        let of_database = self.intake(cluster, contract, &described.instance)?.texts;
        intake.texts.extend(of_database);
        for rule in &contract.files {
            if let Some(text) = described.text(&rule.path) {
                intake
                    .texts
                    .push(private(&rule.path, text, !rule.is_of_the_place()));
            }
        }
        Ok(intake)
    }

    /// The documents that come with it, if it has some; and an index that may have them, with the
    /// version that wrote it.
    pub fn documents(&self, intake: &Intake, other: Option<(String, Version)>) -> Documents {
        Documents {
            file: intake
                .documents
                .clone()
                .map(|file| (file, self.version.clone())),
            other,
            ahead: None,
        }
    }

    fn intake(&self, cluster: &Cluster, contract: &Contract, next: &Instance) -> Result<Intake> {
        let exchange = cluster.layout.exchange();
        let name = &next.name;
        let mut roots = vec![contract.content.directory.clone()];
        let has_env = contract.env_file.is_some();
        roots.extend(has_env.then(|| ENV_FILE.to_owned()));
        let login = format!(
            "[client]\nhost=mysql\nuser={}\npassword={}\n",
            next.database_user,
            next.database_password.reveal()
        );
        Ok(Intake {
            file: self.file.clone(),
            version: Some(self.version.clone()),
            next: next.layout.root().to_owned(),
            roots,
            directories: contract.directories.clone(),
            texts: vec![private("mysql.cnf", login, false)],
            env_file: has_env.then(|| ENV_FILE.to_owned()),
            env: BTreeMap::new(),
            documents: Some(
                next.layout
                    .root()
                    .with_file_name(format!("{name}.documents")),
            ),
            room: self.room(cluster)?,
            database: names::service(&cluster.name, Role::Database),
            schema: next.schema.clone(),
            user: next.database_user.clone(),
            password: next.database_password.clone(),
            pipe: exchange.join(format!("{name}.load.sql")),
            login: exchange.join(format!("{name}.load.cnf")),
        })
    }
}

/// What room is needed for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Part {
    Files,
    Database,
    Index,
}

impl Part {
    /// What a snapshot's content comes to, in bytes; its documents and its dump also lie beside the
    /// files for a while.
    fn of(content: &Content) -> BTreeMap<Part, u64> {
        BTreeMap::from([
            (
                Part::Files,
                content
                    .file_bytes
                    .saturating_add(content.index_bytes)
                    .saturating_add(content.dump_bytes),
            ),
            (
                Part::Database,
                content.dump_bytes.saturating_mul(DATABASE_GROWS),
            ),
            (Part::Index, content.index_bytes.saturating_mul(INDEX_GROWS)),
        ])
    }

    fn name(self) -> &'static str {
        match self {
            Part::Files => "files at least",
            Part::Database => "database about",
            Part::Index => "search index about",
        }
    }
}

/// What is needed on a device, and what there is, in bytes.
#[derive(Debug)]
struct Need {
    device: u64,
    bytes: u64,
    free: u64,
    /// The first path there that needs it.
    path: PathBuf,
}

/// All that is needed on the first device that has too little.
fn lacking(parts: Vec<Need>) -> Option<Need> {
    let mut devices: BTreeMap<u64, Need> = BTreeMap::new();
    for part in parts {
        match devices.get_mut(&part.device) {
            Some(all) => all.bytes = all.bytes.saturating_add(part.bytes),
            None => drop(devices.insert(part.device, part)),
        }
    }
    devices.into_values().find(|all| all.bytes > all.free)
}

/// Refuses a server that a dump cannot safely be loaded into.
///
/// # Errors
/// Exit 6 where it is not MariaDB's.
pub fn check_server(server: &database::Server<'_>) -> Result<()> {
    let version = server.version()?;
    match version.contains("MariaDB") {
        true => Ok(()),
        false => Err(Error::refused("no dump can be loaded here")
            .why(format!(
                "the server is MySQL {version}, whose client runs commands that stand in a dump"
            ))
            .next("import it in a cluster with MariaDB: create DIR")),
    }
}

fn files_of(contract: &Contract) -> impl Iterator<Item = &str> {
    contract.files.iter().map(|rule| rule.path.as_str())
}

fn private(name: &str, text: String, if_missing: bool) -> Text {
    Text {
        name: name.to_owned(),
        mode: files::PRIVATE,
        text: Secret::new(text),
        if_missing,
    }
}

fn rewritten_database_file(text: &str, path: &Path, next: &Instance) -> Result<Secret> {
    let login = (
        next.schema.as_str(),
        next.database_user.as_str(),
        &next.database_password,
    );
    crate::model::database_file::rewritten(text, path.display(), login, next.index.as_deref())
}

/// The settings of the environment file that stay those of `now`, but for what is `next`'s own.
fn of_the_place(
    contract: &Contract,
    now: &Instance,
    next: &Instance,
    keys: &[&str],
) -> Result<BTreeMap<String, Option<Secret>>> {
    let known = contract.env_file.iter().flat_map(|rules| &rules.optional);
    let of_search = known
        .map(String::as_str)
        .chain(now.env.keys())
        .filter(|key| key.starts_with(SEARCH_SETTINGS));
    let mut settings: BTreeMap<String, Option<Secret>> = keys
        .iter()
        .copied()
        .chain(of_search)
        .map(|key| (key.to_owned(), now.env.get(key).map(Secret::new)))
        .collect();
    if let Some(Some(url)) = settings.get_mut("DATABASE_URL") {
        *url = crate::model::database_url::with_login(
            url.reveal(),
            &next.database_user,
            &next.database_password,
            &next.schema,
        )?;
    }
    if let Some(index) = &next.index {
        settings.insert(key::ELASTIC_INDEX.to_owned(), Some(Secret::new(index)));
    }
    Ok(settings)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_shares_a_device_shares_its_room() {
        let content = Content {
            file_bytes: 100,
            dump_bytes: 20,
            index_bytes: 5,
            ..Content::default()
        };
        let parts: Vec<u64> = Part::of(&content).into_values().collect();
        assert_eq!(parts, [125, 60, 10]);
        let on = |parts: &[u64], devices: [u64; 3], free: [u64; 3]| {
            let needs = parts.iter().zip(devices).zip(free);
            let need = |((bytes, device), free): ((&u64, u64), u64)| Need {
                device,
                bytes: *bytes,
                free,
                path: PathBuf::from(format!("/{bytes}")),
            };
            let lacking = lacking(needs.map(need).collect());
            lacking.map(|all| (all.bytes, all.free, all.path.display().to_string()))
        };
        let lacks = |bytes, free, path: &str| Some((bytes, free, path.to_owned()));
        assert_eq!(on(&parts, [1, 1, 1], [195; 3]), None);
        assert_eq!(on(&parts, [1, 1, 1], [194; 3]), lacks(195, 194, "/125"));
        assert_eq!(on(&parts, [1, 2, 1], [135, 60, 135]), None);
        assert_eq!(on(&parts, [1, 2, 1], [135, 59, 135]), lacks(60, 59, "/60"));
        let most = lacks(u64::MAX, 5, &format!("/{}", u64::MAX));
        assert_eq!(on(&[u64::MAX, 1], [1; 3], [5; 3]), most);
    }
}
