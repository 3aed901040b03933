//! Labels of what the tool makes in the engine: what is ours is found by them, never by name.

use std::collections::BTreeMap;

/// The cluster's name.
pub const CLUSTER: &str = "net.coneda.kor-cluster.cluster";
/// The cluster's directory.
pub const ROOT: &str = "net.coneda.kor-cluster.root";
/// The instance's name.
pub const INSTANCE: &str = "net.coneda.kor-cluster.instance";
/// What a container is for; see [`crate::model::container::Role`].
pub const ROLE: &str = "net.coneda.kor-cluster.role";
/// The version of ConedaKOR that was asked for.
pub const VERSION: &str = "net.coneda.kor-cluster.version";
/// The operation that made a container for one command.
pub const OPERATION: &str = "net.coneda.kor-cluster.operation";
/// The digest of how a container was made; see [`crate::model::container::ContainerSpec::digest`].
pub const SPEC: &str = "net.coneda.kor-cluster.spec";
/// The version of the tool that made it.
pub const TOOL: &str = "net.coneda.kor-cluster.tool";

/// On an image that the tool built: what it was built from.
pub const SOURCE: &str = "net.coneda.kor-cluster.source";
/// On an image that the tool built: the version that it was built as.
pub const TAG: &str = "net.coneda.kor-cluster.tag";

/// Labels as the engine has them.
pub type Labels = BTreeMap<String, String>;

/// Which containers or networks are meant: those that have all these labels.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Selector(pub Labels);

impl Selector {
    /// Everything that the tool made on this host.
    pub fn ours() -> Self {
        Selector::default()
    }

    /// Everything of the cluster in this directory.
    pub fn cluster(root: &std::path::Path) -> Self {
        Selector::default().with(ROOT, &root.display().to_string())
    }

    /// Narrows it by one more label.
    pub fn with(mut self, label: &str, value: &str) -> Self {
        self.0.insert(label.to_owned(), value.to_owned());
        self
    }

    /// Whether these labels have all that is asked for.
    pub fn selects(&self, labels: &Labels) -> bool {
        labels.contains_key(ROOT) && self.0.iter().all(|(k, v)| labels.get(k) == Some(v))
    }
}
