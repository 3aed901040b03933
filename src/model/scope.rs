//! What a command acts on.

use std::path::{Path, PathBuf};

use crate::model::name::Name;

/// The place that a command was called for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Scope {
    /// This machine.
    Host,
    /// A cluster.
    Cluster {
        /// Its directory.
        root: PathBuf,
        /// Whether the only instance is meant where there is just one (`instances/instance.sh`).
        only_instance: bool,
    },
    /// An instance.
    Instance {
        /// Its cluster's directory.
        root: PathBuf,
        /// Its name.
        name: Name,
    },
}

impl Scope {
    /// The cluster's directory.
    pub fn root(&self) -> Option<&Path> {
        match self {
            Scope::Host => None,
            Scope::Cluster { root, .. } | Scope::Instance { root, .. } => Some(root),
        }
    }
}

impl std::fmt::Display for Scope {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Scope::Host => f.write_str("this host"),
            Scope::Cluster { root, .. } => write!(f, "the cluster in {}", root.display()),
            Scope::Instance { root, name } => {
                write!(
                    f,
                    "the instance {name} of the cluster in {}",
                    root.display()
                )
            }
        }
    }
}
