//! A place of its own for each test: directories, a registry, a fake engine.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::atomic::{AtomicU32, Ordering};

use kor_cluster::engine::fake::World;
use kor_cluster::host::space;

/// A directory with a registry, a fake engine's world and whatever the test makes in it.
pub struct Place {
    directory: tempfile::TempDir,
    first_port: u16,
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
            directory: Place::builder().tempdir().unwrap(),
            first_port: ports(),
        }
    }

    /// One for hundreds of calls: in memory, where that can be had, for what takes the time of most
    /// of them is the disk. Where there is little of it, there would be no room for a database.
    pub fn in_memory() -> Self {
        const LITTLE: u64 = 1 << 30;
        let memory = Path::new("/dev/shm");
        let has_room = space::free(memory).is_ok_and(|(_, free)| free > LITTLE);
        let directory = has_room.then(|| Place::builder().tempdir_in(memory));
        match directory {
            Some(Ok(directory)) => Place {
                directory,
                first_port: ports(),
            },
            _ => Place::new(),
        }
    }

    fn builder() -> tempfile::Builder<'static, 'static> {
        let mut builder = tempfile::Builder::new();
        builder.prefix("kor-fake-");
        builder
    }

    /// The port of an instance here. The tool tries whether a port is free by taking it for a
    /// moment, so that nobody else may try the same one.
    pub fn port(&self, instance: char) -> u16 {
        self.first_port + (instance as u16 - 'a' as u16) % PORTS
    }

    /// Words with the ports of `a` and `b` in the places of `{a}` and `{b}`.
    pub fn words(&self, words: &[&str]) -> Vec<String> {
        let filled = |word: &&str| match word.as_bytes() {
            [b'{', instance, b'}'] => self.port(char::from(*instance)).to_string(),
            _ => (*word).to_owned(),
        };
        words.iter().map(filled).collect()
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
        ended(
            self.tool(binary())
                .args(self.words(words))
                .output()
                .unwrap(),
        )
    }

    /// A link of a cluster or an instance, with these words.
    pub fn link(&self, link: &str, words: &[&str]) -> Ended {
        let mut command = self.tool(self.join(link));
        ended(command.args(self.words(words)).output().unwrap())
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

/// How many ports a place has.
const PORTS: u16 = 8;

/// The first port of a new place, below those that the system gives away by itself.
fn ports() -> u16 {
    const FROM: u32 = 20_000;
    const COUNT: u32 = 1_500;
    static MADE: AtomicU32 = AtomicU32::new(0);
    // Other tests may be at work on this machine.
    let begin = std::process::id().wrapping_mul(97);
    let number = begin.wrapping_add(MADE.fetch_add(1, Ordering::Relaxed)) % COUNT;
    u16::try_from(FROM + number * u32::from(PORTS)).unwrap()
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
