//! Where everything is, and how much of it there is.

use std::env;
use std::fs;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::common::Result;
use crate::common::run;

/// What `script/bench` made before.
pub struct Place {
    /// The release binary, as it is shipped.
    pub tool: PathBuf,
    /// A cluster that runs on the real engine.
    pub cluster: PathBuf,
    /// An empty directory in the same file system.
    pub scratch: PathBuf,
    /// How many times tool and floor take turns.
    pub rounds: u64,
    /// All sizes are divided by this: 1, or 50 to try the bench itself.
    pub smaller: u64,
}

/// An instance, by its files.
pub struct Instance {
    pub root: PathBuf,
    pub port: u16,
    pub schema: String,
    /// The container of its web server.
    pub web: String,
    /// The container of the database.
    pub database: String,
}

impl Place {
    /// # Errors
    /// Where `script/bench` has not said it.
    pub fn of_environment() -> Result<Self> {
        let path = |key: &str| {
            let value = env::var_os(key).map(PathBuf::from);
            value.ok_or_else(|| format!("{key} is not set"))
        };
        let number = |key: &str| {
            let value = env::var(key).ok().and_then(|value| value.parse().ok());
            value.ok_or_else(|| format!("{key} is not a number"))
        };
        Ok(Place {
            tool: path("KOR_BENCH_TOOL")?,
            cluster: path("KOR_BENCH_CLUSTER")?,
            scratch: path("KOR_BENCH_SCRATCH")?,
            rounds: number("KOR_BENCH_ROUNDS")?,
            smaller: number("KOR_BENCH_SMALLER")?,
        })
    }

    /// A call of the tool for an instance.
    pub fn call(&self, instance: &str, words: &[&str]) -> Command {
        let mut tool = Command::new(&self.tool);
        tool.arg("-C")
            .arg(self.cluster.join("instances").join(instance));
        tool.args(["--yes", "--no-progress"]).args(words);
        tool
    }

    /// Makes an instance, which does not run.
    ///
    /// # Errors
    /// What the tool says.
    pub fn make_instance(&self, name: &str) -> Result<Instance> {
        run::say(&format!("making the instance {name} …"));
        let mut tool = Command::new(&self.tool);
        tool.arg("-C").arg(&self.cluster);
        tool.args(["--quiet", "new", name, "--version", "v5.0.1"]);
        tool.args(["--port", &free_port()?.to_string()]);
        run::output(tool)?;
        self.instance(name)
    }

    /// What is told to commands of a shell about an instance, and where they may write.
    pub fn variables(&self, instance: &Instance) -> Vec<(&'static str, String)> {
        let mut all = instance.variables();
        all.push(("SCRATCH", self.scratch.display().to_string()));
        let cluster = self.cluster.display();
        all.push(("LABEL", format!("net.coneda.kor-cluster.root={cluster}")));
        all
    }

    /// An instance, as its files describe it now.
    ///
    /// # Errors
    /// Where they do not.
    pub fn instance(&self, name: &str) -> Result<Instance> {
        let root = self.cluster.join("instances").join(name);
        let cluster = value_of(&self.cluster.join("config.sh"), "CLUSTER_NAME")?;
        let config = root.join("config.sh");
        let port = value_of(&config, "PORT")?;
        Ok(Instance {
            port: port.parse().map_err(|_| format!("{port} is no port"))?,
            schema: value_of(&config, "DB_NAME")?,
            web: format!("{cluster}_instance_{name}"),
            database: format!("{cluster}_mysql"),
            root,
        })
    }
}

impl Instance {
    /// What is told to commands of a shell about it.
    pub fn variables(&self) -> Vec<(&'static str, String)> {
        vec![
            ("ROOT", self.root.display().to_string()),
            ("PORT", self.port.to_string()),
            ("SCHEMA", self.schema.clone()),
            ("WEB", self.web.clone()),
            ("DATABASE", self.database.clone()),
        ]
    }
}

/// A port that nobody has at the moment: other clusters of this host have their own registry.
fn free_port() -> Result<u16> {
    TcpListener::bind(("127.0.0.1", 0))
        .and_then(|listener| listener.local_addr())
        .map(|address| address.port())
        .map_err(|e| format!("there is no free port: {e}"))
}

fn value_of(config: &Path, key: &str) -> Result<String> {
    let text = fs::read_to_string(config).map_err(|e| format!("{}: {e}", config.display()))?;
    text.lines()
        .find_map(|line| line.strip_prefix(key)?.strip_prefix('='))
        .map(|value| value.trim_matches(['"', '\'']).to_owned())
        .ok_or_else(|| format!("{} has no {key}", config.display()))
}
