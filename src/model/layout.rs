//! Every path of a cluster, in one place. The names are the original's; what is new lives in
//! `.kor-cluster/`.

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::model::name::Name;

/// The directory in a cluster's that is the tool's own.
pub const OWN: &str = ".kor-cluster";

/// The paths of one cluster's directory.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct ClusterLayout {
    root: PathBuf,
}

impl ClusterLayout {
    /// The layout of a cluster in this (absolute) directory.
    pub fn new(root: impl Into<PathBuf>) -> Self {
        ClusterLayout { root: root.into() }
    }

    /// The cluster's directory.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// `config.sh`
    pub fn config(&self) -> PathBuf {
        self.root.join("config.sh")
    }

    /// `cluster.sh`, the link to the tool.
    pub fn link(&self) -> PathBuf {
        self.root.join("cluster.sh")
    }

    /// `mysql.cnf`: how the database's own client logs in as its administrator.
    pub fn client_config(&self) -> PathBuf {
        self.root.join("mysql.cnf")
    }

    /// `mysql/`: the database server's data.
    pub fn database_data(&self) -> PathBuf {
        self.root.join("mysql")
    }

    /// `mysql.before/`: the data of the database server of before, while another one takes its
    /// place.
    pub fn database_data_before(&self) -> PathBuf {
        self.root.join("mysql.before")
    }

    /// `elastic/`
    pub fn search(&self) -> PathBuf {
        self.root.join("elastic")
    }

    /// `elastic/data/`: the search server's data.
    pub fn search_data(&self) -> PathBuf {
        self.search().join("data")
    }

    /// `elastic/data.before/`: the data of a search server that another one takes the place of.
    pub fn search_data_before(&self) -> PathBuf {
        self.search().join("data.before")
    }

    /// `ssmtp/`: mail settings of the eras that send with it.
    pub fn ssmtp(&self) -> PathBuf {
        self.root.join("ssmtp")
    }

    /// `nginx/`: the reverse proxy's settings, certificate and key.
    pub fn proxy(&self) -> PathBuf {
        self.root.join("nginx")
    }

    /// `nginx/vhosts/NAME.conf`: an instance's site there.
    pub fn site(&self, name: &Name) -> PathBuf {
        self.proxy().join("vhosts").join(format!("{name}.conf"))
    }

    /// `snapshots/`
    pub fn snapshots(&self) -> PathBuf {
        self.root.join("snapshots")
    }

    /// `contracts/`: an operator's own.
    pub fn contracts(&self) -> PathBuf {
        self.root.join("contracts")
    }

    /// `instances/`
    pub fn instances(&self) -> PathBuf {
        self.root.join("instances")
    }

    /// `instances/instance.sh`: in cluster scope, for the only instance.
    pub fn instances_link(&self) -> PathBuf {
        self.instances().join("instance.sh")
    }

    /// The paths of one instance.
    pub fn instance(&self, name: &Name) -> InstanceLayout {
        InstanceLayout {
            root: self.instances().join(name.as_str()),
        }
    }

    /// A path that a contract gives relative to the cluster's directory.
    pub fn inside(&self, relative: &str) -> PathBuf {
        inside(&self.root, relative)
    }

    /// `.kor-cluster/`: the tool's own.
    pub fn own(&self) -> PathBuf {
        self.root.join(OWN)
    }

    /// `.kor-cluster/journal/`
    pub fn journal(&self) -> PathBuf {
        self.own().join("journal")
    }

    /// `.kor-cluster/locks/`
    pub fn locks(&self) -> PathBuf {
        self.own().join("locks")
    }

    /// `.kor-cluster/exchange/`: pipes between the database's container and this tool.
    pub fn exchange(&self) -> PathBuf {
        self.own().join("exchange")
    }

    /// `.kor-cluster/work/`: what a snapshot is made of, while it is made.
    pub fn work(&self) -> PathBuf {
        self.own().join("work")
    }

    /// `.kor-cluster/next/`: what instances are going to have.
    pub fn next_ones(&self) -> PathBuf {
        self.own().join("next")
    }

    /// `.kor-cluster/next/NAME/`: an instance's content before it takes the old one's place, laid
    /// out like the instance's directory.
    pub fn next(&self, name: &Name) -> InstanceLayout {
        InstanceLayout {
            root: self.next_ones().join(name.as_str()),
        }
    }

    /// `.kor-cluster/next/NAME__ahead/`: the same for content that only a search index is made of.
    pub fn ahead(&self, name: &Name) -> InstanceLayout {
        InstanceLayout {
            root: self.next_ones().join(format!("{name}__ahead")),
        }
    }

    /// `.kor-cluster/next/NAME__servers/`: the data of servers that nothing but a copy of the
    /// instance's content is in.
    pub fn apart(&self, name: &Name) -> PathBuf {
        self.next_ones().join(format!("{name}__servers"))
    }

    /// `.kor-cluster/undo/NAME/`: content that another one took the place of, a directory for each.
    pub fn undo(&self, name: &Name) -> PathBuf {
        self.own().join("undo").join(name.as_str())
    }

    /// `.kor-cluster/history.jsonl`
    pub fn history(&self) -> PathBuf {
        self.own().join("history.jsonl")
    }

    /// `.kor-cluster/database_root_password`, which the database server reads at its first start.
    pub fn root_password(&self) -> PathBuf {
        self.own().join("database_root_password")
    }

    /// `.kor-cluster/adopted.json`: what `adopt` found; only where the original made the cluster.
    pub fn adopted(&self) -> PathBuf {
        self.own().join("adopted.json")
    }

    /// `.kor-cluster/proxy.json`: how the container of the reverse proxy is made.
    pub fn proxy_spec(&self) -> PathBuf {
        self.own().join("proxy.json")
    }

    /// `.kor-cluster/index_unknown/NAME`: whether the search index of an adopted instance was
    /// compared with its table yet.
    pub fn index_unknown(&self, name: &Name) -> PathBuf {
        self.own().join("index_unknown").join(name.as_str())
    }

    /// `.kor-cluster/measured/NAME.json`: sizes as the last changing verb found them.
    pub fn measured(&self, name: &Name) -> PathBuf {
        self.own().join("measured").join(format!("{name}.json"))
    }
}

/// The paths of one instance's directory.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct InstanceLayout {
    root: PathBuf,
}

impl InstanceLayout {
    /// The layout of an instance's files in a directory of the tool's own.
    pub fn elsewhere(root: PathBuf) -> Self {
        InstanceLayout { root }
    }

    /// The instance's directory.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// `config.sh`
    pub fn config(&self) -> PathBuf {
        self.root.join("config.sh")
    }

    /// `instance.sh`, the link to the tool.
    pub fn link(&self) -> PathBuf {
        self.root.join("instance.sh")
    }

    /// `mysql.cnf`: how the database's own client logs in as the instance's user.
    pub fn client_config(&self) -> PathBuf {
        self.root.join("mysql.cnf")
    }

    /// `.env`: the environment file that the application reads.
    pub fn env_file(&self) -> PathBuf {
        self.root.join(".env")
    }

    /// `admin_password`: the administrator's first password.
    pub fn admin_password(&self) -> PathBuf {
        self.root.join("admin_password")
    }

    /// `data/`
    pub fn data(&self) -> PathBuf {
        self.root.join("data")
    }

    /// `log/`
    pub fn log(&self) -> PathBuf {
        self.root.join("log")
    }

    /// `database.yml`: what the eras that are configured by files know of the database and the
    /// search server.
    pub fn database_file(&self) -> PathBuf {
        self.root.join("database.yml")
    }

    /// A path that a contract gives relative to the instance's directory.
    pub fn inside(&self, relative: &str) -> PathBuf {
        inside(&self.root, relative)
    }
}

fn inside(root: &Path, relative: &str) -> PathBuf {
    match relative {
        // A join would leave a slash behind.
        "" => root.to_owned(),
        _ => root.join(relative),
    }
}
