//! The contracts that apply in one place.

use crate::error::{Error, Result};
use crate::model::contract::Contract;
use crate::model::version::Version;

/// The contracts that are part of the tool.
const BUILT_IN: &[(&str, &str)] = &[
    ("v5", include_str!("../../../contracts/v5.toml")),
    ("v4", include_str!("../../../contracts/v4.toml")),
    ("v4.0", include_str!("../../../contracts/v4.0.toml")),
    ("v3", include_str!("../../../contracts/v3.toml")),
    ("v2", include_str!("../../../contracts/v2.toml")),
    ("v1", include_str!("../../../contracts/v1.toml")),
];

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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::contract::TemplateValues;

    const VALUES: TemplateValues<'_> = TemplateValues {
        root_url: "http://localhost:8001",
        schema: "kor_a",
        database_user: "kor_a",
        database_password: "secret",
        index: "kor_a",
        secret_key_base: "key",
        protocol: "http",
        host: "localhost",
        port: 8001,
    };

    #[test]
    fn the_built_in_contracts_are_whole() {
        let contracts = Contracts::with(Vec::new()).unwrap();
        assert!(contracts.default_version().is_some());
        for contract in contracts.all() {
            let values = contract.env_values(&VALUES).unwrap();
            let rules = contract.env_file.iter();
            for key in rules.flat_map(|rules| &rules.required) {
                assert!(values.iter().any(|(k, _)| k == key), "{key} is not written");
            }
            for rule in &contract.files {
                let text = contract.file_text(rule, &VALUES).unwrap();
                let has_secret = text.contains(VALUES.database_password) || text.contains("key\n");
                assert_eq!(has_secret, rule.secret, "{}: {}", contract.name, rule.path);
            }
        }
    }

    #[test]
    fn every_version_from_1_9_on_has_one_contract_and_what_keeps_content_elsewhere_has_none() {
        let contracts = Contracts::with(Vec::new()).unwrap();
        for (tag, name) in [
            ("v1.9", "v1"),
            ("v1.9.2", "v1"),
            ("v2.0.1", "v2"),
            ("v2.1.0", "v2"),
            ("v3.0.5", "v3"),
            ("v4.0.1", "v4.0"),
            ("v4.1.0", "v4"),
            ("v5.0.1", "v5"),
            ("master", "v5"),
        ] {
            let version = Version::parse(tag).unwrap();
            let covering: Vec<_> = contracts
                .all()
                .iter()
                .filter(|c| c.covers(&version))
                .collect();
            assert_eq!(covering.len(), 1, "{tag}");
            assert_eq!(covering[0].name, name);
        }
        let version = Version::parse("v1.8.3").unwrap();
        assert!(contracts.covering(&version).is_err());
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
