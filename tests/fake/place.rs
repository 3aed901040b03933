//! A place of its own for each test: directories, a registry, a fake engine.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use kor_cluster::engine::fake::World;

/// A directory with a registry, a fake engine's world and whatever the test makes in it.
pub struct Place {
    directory: tempfile::TempDir,
}

/// What a call of the tool came to.
#[derive(Debug)]
pub struct Ended {
    /// The exit code; none where a signal ended it.
    pub code: Option<i32>,
    /// Standard output.
    pub out: String,
    /// Standard error.
    pub err: String,
}

impl Place {
    pub fn new() -> Self {
        Place {
            directory: tempfile::Builder::new()
                .prefix("kor-fake-")
                .tempdir()
                .unwrap(),
        }
    }

    pub fn path(&self) -> &Path {
        self.directory.path()
    }

    pub fn join(&self, path: &str) -> PathBuf {
        self.path().join(path)
    }

    pub fn world_file(&self) -> PathBuf {
        self.join("engine.json")
    }

    pub fn world(&self) -> World {
        World::load(&self.world_file()).unwrap()
    }

    pub fn change_world(&self, change: impl FnOnce(&mut World)) {
        let mut world = self.world();
        change(&mut world);
        world.save(&self.world_file()).unwrap();
    }

    /// The tool, to be called by this path.
    pub fn tool(&self, called: impl AsRef<Path>) -> Command {
        let mut command = Command::new(called.as_ref());
        command
            .current_dir(self.path())
            .env_clear()
            .env("PATH", "/usr/bin:/bin")
            .env("USER", "tester")
            .env("KOR_CLUSTER_STATE", self.join("state"))
            .env("KOR_CLUSTER_FAKE_ENGINE", self.world_file());
        command
    }

    /// The binary itself, with these words.
    pub fn call(&self, words: &[&str]) -> Ended {
        ended(self.tool(binary()).args(words).output().unwrap())
    }

    /// A link of a cluster or an instance, with these words.
    pub fn link(&self, link: &str, words: &[&str]) -> Ended {
        ended(self.tool(self.join(link)).args(words).output().unwrap())
    }

    /// A cluster `c` that is up.
    pub fn with_cluster() -> Self {
        let place = Place::new();
        place.call(&["create", "c"]).done();
        place.link("c/cluster.sh", &["boot"]).done();
        place
    }
}

impl Ended {
    /// It must have gone well.
    pub fn done(self) -> Self {
        assert_eq!(self.code, Some(0), "{self:?}");
        self
    }

    /// It must have ended with this code.
    pub fn with(self, code: i32) -> Self {
        assert_eq!(self.code, Some(code), "{self:?}");
        self
    }

    /// The object on its standard output.
    pub fn json(&self) -> serde_json::Value {
        serde_json::from_str(&self.out).unwrap_or_else(|e| panic!("{e}: {self:?}"))
    }
}

pub fn binary() -> PathBuf {
    PathBuf::from(env!("CARGO_BIN_EXE_kor-cluster"))
}

pub fn ended(output: Output) -> Ended {
    Ended {
        code: output.status.code(),
        out: String::from_utf8_lossy(&output.stdout).into_owned(),
        err: String::from_utf8_lossy(&output.stderr).into_owned(),
    }
}
