//! Clusters of the tests: fresh ones, and the one that most tests share.

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::docker::{container_states, containers, docker};
use crate::harness::{Call, PLACE, VERSION, called, free_port, fresh_name, tool};
use crate::picture;

pub use crate::turns::{Turn, other, shared, turn};

/// A cluster that a test made. It goes with all that it has when this is dropped.
pub struct Cluster {
    pub name: String,
    pub root: PathBuf,
}

impl Cluster {
    /// Laid out, with the sample application and little memory, and not up.
    pub fn created() -> Self {
        let name = fresh_name();
        Self::created_in(PLACE.join(&name), name)
    }

    /// The same in this directory.
    pub fn created_in(root: PathBuf, name: String) -> Self {
        let cluster = Cluster { name, root };
        let port = free_port().to_string();
        tool()
            .args([
                "create",
                cluster.path(),
                "--port",
                &port,
                "--app-repository",
                "kor-sample",
            ])
            .args(["--search-memory", "512m", "--database-memory", "256m"])
            .ok();
        cluster
    }

    /// The same, up.
    pub fn booted() -> Self {
        let cluster = Self::created();
        cluster.call(["boot"]).ok();
        cluster
    }

    pub fn path(&self) -> &str {
        self.root.to_str().unwrap()
    }

    pub fn link(&self) -> PathBuf {
        self.root.join("cluster.sh")
    }

    pub fn instance_root(&self, name: &str) -> PathBuf {
        self.root.join("instances").join(name)
    }

    pub fn instance_link(&self, name: &str) -> PathBuf {
        self.instance_root(name).join("instance.sh")
    }

    /// A call of its `cluster.sh`.
    pub fn call<'a>(&self, words: impl IntoIterator<Item = &'a str>) -> Call {
        called(self.link()).args(words)
    }

    /// A call of an instance's `instance.sh`.
    pub fn instance<'a>(&self, name: &str, words: impl IntoIterator<Item = &'a str>) -> Call {
        called(self.instance_link(name)).args(words)
    }

    /// Makes an instance on a free port, and says the port.
    pub fn add(&self, name: &str) -> u16 {
        let port = free_port();
        self.call([
            "new",
            name,
            "--version",
            VERSION,
            "--port",
            &port.to_string(),
        ])
        .ok();
        port
    }

    pub fn database(&self) -> String {
        format!("{}_mysql", self.name)
    }

    pub fn search(&self) -> String {
        format!("{}_elastic", self.name)
    }

    pub fn web(&self, instance: &str) -> String {
        format!("{}_instance_{instance}", self.name)
    }

    /// The schema that an instance has.
    pub fn schema(&self, instance: &str) -> String {
        let said = self.instance(instance, ["config", "get", "DB_NAME"]).ok();
        said.text().trim().to_owned()
    }

    /// What a statement of the administrator answers, without column names.
    pub fn sql(&self, statement: &str) -> String {
        let answer = docker(&[
            "exec",
            &self.database(),
            "mariadb",
            "--defaults-extra-file=/etc/kor-cluster/client.cnf",
            "--host=localhost",
            "-BNe",
            statement,
        ])
        .ok();
        answer.text().to_owned()
    }

    /// `status --json` of one instance, as an object.
    pub fn status_of(&self, instance: &str) -> Value {
        let status = self.instance(instance, ["status", "--json"]).ok().json();
        status["instances"][0].clone()
    }

    pub fn condition(&self, instance: &str) -> String {
        self.status_of(instance)["condition"]
            .as_str()
            .unwrap()
            .to_owned()
    }

    /// Whether both services run.
    pub fn is_up(&self) -> bool {
        picture::runs(&self.database()) && picture::runs(&self.search())
    }

    /// Whether the web process of an instance runs.
    pub fn runs(&self, instance: &str) -> bool {
        picture::runs(&self.web(instance))
    }

    /// Everything that an operation could change, to compare: files with their content, and
    /// containers. What a service writes by itself is left out.
    pub fn picture(&self) -> Vec<String> {
        let mut lines = container_states(self.path());
        collect(&self.root, &self.root, &mut lines);
        lines.sort();
        lines
    }

    /// Ends services at once and removes everything.
    fn remove(&self) {
        for name in containers(self.path()) {
            docker(&["rm", "-fv", &name]);
        }
        for name in crate::docker::networks(self.path()) {
            docker(&["network", "rm", &name]);
        }
        let _ = fs::remove_dir_all(&self.root);
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        self.remove();
    }
}

/// Fails with the lines that differ, and those alone.
#[track_caller]
pub fn assert_same(now: &[String], before: &[String]) {
    let gone: Vec<_> = before.iter().filter(|line| !now.contains(line)).collect();
    let come: Vec<_> = now.iter().filter(|line| !before.contains(line)).collect();
    assert!(
        gone.is_empty() && come.is_empty(),
        "gone: {gone:#?}\ncome: {come:#?}"
    );
}

fn collect(root: &Path, directory: &Path, lines: &mut Vec<String>) {
    let Ok(entries) = fs::read_dir(directory) else {
        return;
    };
    for entry in entries.flatten() {
        let path = entry.path();
        let relative = path.strip_prefix(root).unwrap().display().to_string();
        let kind = entry.file_type().unwrap();
        let moves = ["mysql", "elastic/data", ".kor-cluster/locks"].contains(&relative.as_str())
            || relative.ends_with("/log");
        if kind.is_dir() {
            lines.push(relative);
            if !moves {
                collect(root, &path, lines);
            }
        } else if kind.is_symlink() {
            lines.push(format!(
                "{relative} -> {}",
                fs::read_link(&path).unwrap().display()
            ));
        } else {
            lines.push(format!(
                "{relative} {:?}",
                String::from_utf8_lossy(&fs::read(&path).unwrap_or_default())
            ));
        }
    }
}
