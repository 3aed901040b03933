//! Which clusters this host has: a directory with one link per cluster. It makes names unique and
//! is how `list` finds clusters that are down. It is an index, never the truth: a link whose
//! cluster is gone counts as none.

use std::fs;
use std::path::{Path, PathBuf};

use crate::error::Result;
use crate::host::files;
use crate::model::name::Name;

/// The registry of this host.
#[derive(Debug, Clone)]
pub struct Registry {
    root: PathBuf,
}

impl Registry {
    /// In `KOR_CLUSTER_STATE`, else `/var/lib/kor-cluster` for root and the user's own state
    /// directory for others.
    pub fn of_this_host() -> Self {
        let set = |key: &str| std::env::var_os(key).filter(|v| !v.is_empty());
        let root = match set("KOR_CLUSTER_STATE") {
            Some(root) => PathBuf::from(root),
            None if crate::host::identity::is_root() => PathBuf::from("/var/lib/kor-cluster"),
            None => set("XDG_STATE_HOME")
                .map(PathBuf::from)
                .or_else(|| set("HOME").map(|home| Path::new(&home).join(".local/state")))
                .unwrap_or_else(|| PathBuf::from("/var/tmp"))
                .join("kor-cluster"),
        };
        Registry { root }
    }

    /// Where host-wide locks lie.
    ///
    /// # Errors
    /// Exit 6 where the directory cannot be made.
    pub fn locks(&self) -> Result<PathBuf> {
        let directory = self.root.join("locks");
        fs::create_dir_all(&directory)
            .map_err(|e| crate::error::Error::io("make the directory", &directory, &e))?;
        Ok(directory)
    }

    /// The cluster of a name, if it is still there.
    pub fn find(&self, name: &Name) -> Option<PathBuf> {
        let root = fs::read_link(self.link(name)).ok()?;
        root.join("config.sh").is_file().then_some(root)
    }

    /// All clusters that are still there, by name.
    pub fn all(&self) -> Vec<(Name, PathBuf)> {
        files::names_in(&self.clusters())
            .unwrap_or_default()
            .iter()
            .filter_map(|text| Name::on_disk(text).ok())
            .filter_map(|name| self.find(&name).map(|root| (name, root)))
            .collect()
    }

    /// Enters a cluster.
    ///
    /// # Errors
    /// Exit 1 or 6 where the registry cannot be written.
    pub fn enter(&self, name: &Name, root: &Path) -> Result<()> {
        let clusters = self.clusters();
        fs::create_dir_all(&clusters)
            .map_err(|e| crate::error::Error::io("make the directory", &clusters, &e))?;
        files::link(&self.link(name), root)
    }

    /// Takes a cluster out, if the name is this directory's.
    ///
    /// # Errors
    /// Exit 1 or 6 where the registry cannot be written.
    pub fn strike(&self, name: &Name, root: &Path) -> Result<()> {
        let link = self.link(name);
        if fs::read_link(&link).is_ok_and(|target| target == root) {
            files::remove_file(&link)?;
        }
        Ok(())
    }

    fn clusters(&self) -> PathBuf {
        self.root.join("clusters")
    }

    fn link(&self, name: &Name) -> PathBuf {
        self.clusters().join(name.as_str())
    }
}
