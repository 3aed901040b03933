//! The parts of a contract.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::model::version::{Version, VersionRange, numbers};

/// The image of an era.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ImageRules {
    /// The repository; the version is the tag.
    pub repository: String,
    /// The public repository that the image can be built from.
    pub source: Option<String>,
    /// The directory that commands run in.
    pub work_dir: String,
}

/// A path that the containers see.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MountRule {
    /// Whose directory the source is in.
    #[serde(default)]
    pub of: Owner,
    /// Relative to that directory; empty for all of it.
    pub source: String,
    /// In the container.
    pub target: String,
    /// Whether the application may not write to it.
    #[serde(default)]
    pub read_only: bool,
}

/// Whose directory a path is in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Owner {
    /// The instance's.
    #[default]
    Instance,
    /// The cluster's.
    Cluster,
}

/// A file that `new` writes into the instance's directory; from then on it is the operator's.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FileRule {
    /// Relative to the instance's directory.
    pub path: String,
    /// A template; the names in it are those of [`TemplateValues`].
    pub content: String,
    /// Whether only the owner may read it.
    #[serde(default)]
    pub secret: bool,
    /// Whether a start needs it, and makes it where it is missing: instances that the original
    /// made do not have it.
    #[serde(default)]
    pub for_start: bool,
}

impl FileRule {
    /// Whether its text says where the instance runs; else it is content, and goes where that goes.
    pub fn is_of_the_place(&self) -> bool {
        self.content.contains("{{")
    }
}

/// How mail leaves.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Mail {
    /// By the environment file's `MAIL_` settings.
    #[default]
    Environment,
    /// By the cluster's `ssmtp/ssmtp.conf`, which the containers see.
    Ssmtp,
}

/// The environment file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EnvFileRules {
    /// The settings that the application does not start without.
    pub required: Vec<String>,
    /// Further settings that it knows.
    #[serde(default)]
    pub optional: Vec<String>,
    /// What `new` writes; a template's names are those of [`TemplateValues`].
    pub values: BTreeMap<String, String>,
}

/// What the templates of [`EnvFileRules::values`] and [`FileRule::content`] can name.
#[derive(Debug, Clone, Serialize)]
pub struct TemplateValues<'a> {
    /// The address that people type.
    pub root_url: &'a str,
    /// The instance's schema.
    pub schema: &'a str,
    /// The instance's database user.
    pub database_user: &'a str,
    /// Its password.
    pub database_password: &'a str,
    /// The instance's search index.
    pub index: &'a str,
    /// What sessions are signed with.
    pub secret_key_base: &'a str,
    /// The parts of `root_url`.
    pub protocol: &'a str,
    /// See `protocol`.
    pub host: &'a str,
    /// See `protocol`.
    pub port: u16,
}

/// The commands of every phase, each run by `/bin/bash -c` in the work dir.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Commands {
    /// The first set-up. It may drop what is there, so it only ever runs on an empty schema.
    pub set_up: String,
    /// Fills the search index anew.
    pub index: String,
    /// Migrates the database and the files.
    pub migrate: String,
    /// Sets the administrator's password, which it reads from standard input.
    pub admin_password: String,
    /// Gives a copy an identity of its own: the repository's, and keys that are logins.
    pub new_identity: Option<String>,
    /// Takes over settings that the application keeps itself, as JSON from standard input; groups of
    /// users are given by their names.
    pub settings: Option<String>,
    /// Fails where the schema lacks a migration of this version, or has one that it does not know.
    pub check_schema: Option<String>,
    /// The administrator's login.
    pub admin_user: String,
    /// The password that a fresh set-up leaves.
    pub default_admin_password: String,
}

/// The web process.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct WebRules {
    /// Its command.
    pub command: String,
    /// The port that it listens on.
    pub port: u16,
    /// How long it may take to end by itself, in seconds.
    pub stop_seconds: u64,
    /// How long it may take until it answers, in seconds.
    pub start_seconds: u64,
}

/// The background process.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ProcessRules {
    /// Its command.
    pub command: String,
    /// How long it may take to end by itself, in seconds.
    pub stop_seconds: u64,
    /// A statement that gives back what a killed one had taken; done before a start, when none
    /// runs.
    pub release: Option<String>,
}

/// When an instance is healthy.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct HealthRules {
    /// The address that is asked, below the instance's own.
    pub path: String,
    /// The status that it answers with.
    pub status: u16,
    /// Where the running version is found out.
    pub version: Option<VersionRules>,
}

/// Where the running version is found out.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct VersionRules {
    /// The address that is asked; that of the health check where it is not said.
    pub path: Option<String>,
    /// Where the answer (JSON) has it, as a JSON pointer.
    pub pointer: String,
    /// The versions that have that address; all where it is not said.
    pub versions: Option<VersionRange>,
}

impl VersionRules {
    /// Whether a version has that address; of a tag without numbers nobody knows, and its
    /// version is not compared.
    pub fn apply_to(&self, version: &Version) -> bool {
        match (&self.versions, version.numbers()) {
            (None, _) => true,
            (Some(range), Some(numbers)) => range.contains(&numbers),
            (Some(_), None) => false,
        }
    }
}

/// The page that people see.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PageRules {
    /// Its address, below the instance's own.
    pub path: String,
}

/// The log.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LogRules {
    /// Relative to the instance's directory.
    pub path: String,
}

/// The servers of one kind that an era works with.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ServiceRules {
    /// Their versions.
    pub versions: VersionRange,
    /// The image to take where a cluster's does not fit.
    pub image: String,
    /// Of a search server: a query whose one number is how many documents a whole index has.
    pub documents: Option<String>,
    /// Of a database server: how the statements begin with which the application changes a table
    /// at each of its starts. What is known can be done again on a copy.
    #[serde(default)]
    pub start_up_statements: Vec<String>,
}

/// How a search index is made of documents that are there already.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DocumentRules {
    /// Makes an index without documents.
    pub create_index: String,
    /// A query of all rows that belong into it: the UUID, which is the document's id, and when the
    /// row was changed, in seconds since 1970.
    pub rows: String,
    /// The documents' type.
    #[serde(rename = "type")]
    pub kind: String,
    /// The field of a document that has the same time.
    pub changed: String,
    /// Writes the documents anew whose ids it reads from standard input.
    pub write: String,
}

/// Work that is not done yet.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct UnfinishedRules {
    /// A query whose one number is how much there is.
    pub count: String,
    /// What it is, for an operator.
    pub what: String,
    /// What is done about it where a stop would lose it.
    #[serde(flatten)]
    pub rescue: Option<RescueRules>,
}

/// What is done about work that a stop would lose.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RescueRules {
    /// How long a stop waits for it, in seconds.
    pub wait_seconds: u64,
    /// The query of what was begun before `{before}` (in seconds since 1970): behind a start
    /// nobody works on that any more.
    pub stale: String,
    /// Makes up for what a stop lost.
    pub mend: String,
}

/// What of an instance is content, and how it is written.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ContentRules {
    /// The directory of its files.
    pub directory: String,
    /// Paths below it whose files are written once: they can be linked.
    pub write_once: Vec<String>,
    /// Tables that are no content.
    #[serde(default)]
    pub tables_without_content: Vec<String>,
}

/// A command for every night.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Upkeep {
    /// What it does.
    pub what: String,
    /// When, as `HH:MM`.
    pub at: String,
    /// The command.
    pub command: String,
}

/// A fault of some versions.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct KnownFault {
    /// The versions that have it.
    pub versions: VersionRange,
    /// What it is.
    pub what: String,
    /// Whether the version is of no use with it, so that an operator is warned.
    #[serde(default)]
    pub blocks: bool,
}

impl ServiceRules {
    /// Whether an image can serve it; an image whose tag has no numbers is taken on trust.
    pub fn fits(&self, tag: &str) -> bool {
        numbers(tag).is_none_or(|version| self.versions.contains(&version))
    }
}
