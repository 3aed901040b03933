//! Contracts: how each era of ConedaKOR wants to be run. Data (`contracts/*.toml`), not code.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};
use crate::model::version::{Version, VersionRange, numbers};

/// The contracts that are part of the tool.
const BUILT_IN: &[(&str, &str)] = &[("v5", include_str!("../../contracts/v5.toml"))];

/// How a range of versions wants to be run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Contract {
    /// Its name, such as `v5`.
    pub name: String,
    /// The versions that it covers.
    pub versions: VersionRange,
    /// Tags without numbers that it covers too.
    #[serde(default)]
    pub tags: Vec<String>,
    /// The version that `new` takes where none is given.
    pub default_version: Option<String>,
    /// The image.
    pub image: ImageRules,
    /// Paths of the instance's directory that the containers see.
    pub mounts: Vec<MountRule>,
    /// The containers' environment. No secrets.
    #[serde(default)]
    pub environment: BTreeMap<String, String>,
    /// The environment file that the application reads.
    pub env_file: EnvFileRules,
    /// The commands of every phase.
    pub commands: Commands,
    /// The web process.
    pub web: WebRules,
    /// The background process, where the era has one.
    pub worker: Option<ProcessRules>,
    /// When an instance is healthy.
    pub health: HealthRules,
    /// Where it writes its log.
    pub log: LogRules,
    /// The database servers that it works with.
    pub database: ServiceRules,
    /// The search servers that it works with.
    pub search: ServiceRules,
    /// Work that a stop would lose.
    pub unfinished: Option<UnfinishedRules>,
    /// What of an instance is content, and how it is written.
    pub content: ContentRules,
    /// Commands that upstream's operations guide asks for every night.
    #[serde(default)]
    pub upkeep: Vec<Upkeep>,
    /// Ranges of versions within which the same search documents are written.
    #[serde(default)]
    pub same_search_documents: Vec<VersionRange>,
    /// Faults of versions that an operator should know before they bite.
    #[serde(default)]
    pub known_faults: Vec<KnownFault>,
}

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

/// A path of the instance's directory that the containers see.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MountRule {
    /// Relative to the instance's directory.
    pub source: String,
    /// In the container.
    pub target: String,
    /// Whether the application may not write to it.
    #[serde(default)]
    pub read_only: bool,
    /// Whether it is a directory that `new` makes.
    #[serde(default)]
    pub directory: bool,
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

/// What the templates of [`EnvFileRules::values`] can name.
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
}

/// When an instance is healthy.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct HealthRules {
    /// The address that is asked, below the instance's own.
    pub path: String,
    /// The status that it answers with.
    pub status: u16,
    /// Where the answer (JSON) has the running version, as a JSON pointer.
    pub version: Option<String>,
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
}

/// Work that a stop would lose.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct UnfinishedRules {
    /// A query whose one number is how much there is.
    pub count: String,
    /// The same, of what was begun before `{before}` (in seconds since 1970): behind a start
    /// nobody works on that any more.
    pub stale: String,
    /// Makes up for what a stop lost.
    pub mend: String,
    /// What it is, for an operator.
    pub what: String,
    /// How long a stop waits for it, in seconds.
    pub wait_seconds: u64,
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

impl Contract {
    /// Parses a contract; `file` is for the message alone.
    ///
    /// # Errors
    /// Exit 1 with the place in the file.
    pub fn parse(text: &str, file: &str) -> Result<Self> {
        toml::from_str(text).map_err(|error| {
            Error::failed(format!("{file} is no contract"))
                .why(error.to_string().replace('\n', " "))
                .next("mend that file; `contract show` prints a whole one")
        })
    }

    /// Whether it covers a version.
    pub fn covers(&self, version: &Version) -> bool {
        match version.numbers() {
            Some(numbers) => self.versions.contains(&numbers),
            None => self.tags.iter().any(|tag| tag == version.tag()),
        }
    }

    /// The faults of a version that are known.
    pub fn faults_of(&self, version: &Version) -> Vec<&KnownFault> {
        let Some(numbers) = version.numbers() else {
            return Vec::new();
        };
        self.known_faults
            .iter()
            .filter(|fault| fault.versions.contains(&numbers))
            .collect()
    }

    /// What the environment file of a new instance says.
    ///
    /// # Errors
    /// Exit 1 where a template names what is not there.
    pub fn env_values(&self, values: &TemplateValues<'_>) -> Result<Vec<(String, String)>> {
        let mut templates = minijinja::Environment::empty();
        templates.set_undefined_behavior(minijinja::UndefinedBehavior::Strict);
        self.env_file
            .values
            .iter()
            .map(|(key, template)| {
                let text = templates.render_str(template, values).map_err(|error| {
                    Error::failed(format!("contract {}: the value of {key}", self.name)).why(error)
                })?;
                Ok((key.clone(), text))
            })
            .collect()
    }
}

/// The contracts that apply in one place: an operator's own first, then the built-in ones.
#[derive(Debug, Clone)]
pub struct Contracts {
    all: Vec<Contract>,
}

impl Contracts {
    /// The built-in ones behind an operator's own.
    ///
    /// # Errors
    /// Exit 1 where a built-in one cannot be read (a fault of the tool that a test would find).
    pub fn with(own: Vec<Contract>) -> Result<Self> {
        let mut all = own;
        for (name, text) in BUILT_IN {
            all.push(Contract::parse(
                text,
                &format!("the built-in contract {name}"),
            )?);
        }
        Ok(Contracts { all })
    }

    /// All of them, the strongest first.
    pub fn all(&self) -> &[Contract] {
        &self.all
    }

    /// The contract that covers a version.
    ///
    /// # Errors
    /// Exit 6 with the list of what is covered.
    pub fn covering(&self, version: &Version) -> Result<&Contract> {
        self.all
            .iter()
            .find(|contract| contract.covers(version))
            .ok_or_else(|| {
                let covered: Vec<String> = self
                    .all
                    .iter()
                    .map(|c| format!("{} ({})", c.name, c.versions))
                    .collect();
                Error::refused(format!("no contract covers version {version}"))
                    .why(format!("covered are {}", covered.join(", ")))
                    .next(
                        "`contract list` shows them; one of your own goes into CLUSTER/contracts/",
                    )
            })
    }

    /// The version that `new` takes where none is given.
    pub fn default_version(&self) -> Option<&str> {
        self.all.iter().find_map(|c| c.default_version.as_deref())
    }
}

impl ServiceRules {
    /// Whether an image can serve it; an image whose tag has no numbers is taken on trust.
    pub fn fits(&self, tag: &str) -> bool {
        numbers(tag).is_none_or(|version| self.versions.contains(&version))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_built_in_contracts_are_whole() {
        let contracts = Contracts::with(Vec::new()).unwrap();
        let version = Version::parse(contracts.default_version().unwrap()).unwrap();
        let contract = contracts.covering(&version).unwrap();
        let values = contract
            .env_values(&TemplateValues {
                root_url: "http://localhost:8001",
                schema: "kor_a",
                database_user: "kor_a",
                database_password: "secret",
                index: "kor_a",
                secret_key_base: "key",
            })
            .unwrap();
        for key in &contract.env_file.required {
            assert!(values.iter().any(|(k, _)| k == key), "{key} is not written");
        }
    }

    #[test]
    fn what_no_contract_covers_is_refused_with_the_list() {
        let contracts = Contracts::with(Vec::new()).unwrap();
        let error = contracts
            .covering(&Version::parse("v9.0").unwrap())
            .unwrap_err();
        assert_eq!(error.exit_code(), 6);
        assert!(error.to_string().contains("v5"), "{error}");
    }

    #[test]
    fn the_blank_page_of_v5_1_0_is_known() {
        let contracts = Contracts::with(Vec::new()).unwrap();
        let version = Version::parse("v5.1.0").unwrap();
        let contract = contracts.covering(&version).unwrap();
        assert!(!contract.faults_of(&version).is_empty());
        let version = Version::parse("v5.0.1").unwrap();
        assert!(contract.faults_of(&version).iter().all(|f| !f.blocks));
    }
}
