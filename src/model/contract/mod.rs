//! Contracts: how each era of ConedaKOR wants to be run. Data (`contracts/*.toml`), not code.

mod contracts;
mod rules;

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};
use crate::model::version::{Version, VersionRange};

pub use contracts::Contracts;
pub use rules::*;

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
    /// Directories that `new` makes, relative to the instance's.
    pub directories: Vec<String>,
    /// Files that `new` writes.
    #[serde(default)]
    pub files: Vec<FileRule>,
    /// Paths of the host that the containers see.
    pub mounts: Vec<MountRule>,
    /// The containers' environment. No secrets.
    #[serde(default)]
    pub environment: BTreeMap<String, String>,
    /// The environment file that the application reads, where the era has one.
    pub env_file: Option<EnvFileRules>,
    /// How mail leaves.
    #[serde(default)]
    pub mail: Mail,
    /// The commands of every phase.
    pub commands: Commands,
    /// The web process.
    pub web: WebRules,
    /// The background process, where the era has one.
    pub worker: Option<ProcessRules>,
    /// When an instance is healthy.
    pub health: HealthRules,
    /// The page that people see, where a browser has to run what is built into the image.
    pub page: Option<PageRules>,
    /// Where it writes its log.
    pub log: LogRules,
    /// The database servers that it works with.
    pub database: ServiceRules,
    /// The search servers that it works with.
    pub search: ServiceRules,
    /// How a search index is made of documents that are there already, where that is known.
    pub documents: Option<DocumentRules>,
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

    /// Whether two versions write the same search documents; nobody knows what a tag without
    /// numbers writes.
    pub fn writes_same_documents(&self, one: &Version, other: &Version) -> bool {
        let (Some(one), Some(other)) = (one.numbers(), other.numbers()) else {
            return false;
        };
        let both = |range: &VersionRange| range.contains(&one) && range.contains(&other);
        one == other || self.same_search_documents.iter().any(both)
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
        let rules = self.env_file.iter().flat_map(|rules| &rules.values);
        rules
            .map(|(key, template)| {
                let text = self.fill_in(&format!("the value of {key}"), template, values)?;
                Ok((key.clone(), text))
            })
            .collect()
    }

    /// The text of a file of a new instance.
    ///
    /// # Errors
    /// Exit 1 where the template names what is not there.
    pub fn file_text(&self, rule: &FileRule, values: &TemplateValues<'_>) -> Result<String> {
        self.fill_in(&format!("the file {}", rule.path), &rule.content, values)
    }

    fn fill_in(&self, what: &str, template: &str, values: &TemplateValues<'_>) -> Result<String> {
        let mut templates = minijinja::Environment::empty();
        templates.set_undefined_behavior(minijinja::UndefinedBehavior::Strict);
        templates.set_keep_trailing_newline(true);
        templates
            .render_str(template, values)
            .map_err(|error| Error::failed(format!("contract {}: {what}", self.name)).why(error))
    }
}
