//! A container engine of a test's own, in namespaces of its own: nobody else's containers, networks
//! and firewall are in its reach, and all of it ends with the process that began it.

use std::fs::{self, File};
use std::io::{BufRead, BufReader};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};

use crate::docker::docker;
use crate::harness::{GIVEN_PLACE, PLACE, called_plainly, fresh_name, until};

/// The variable that names the engine to whoever asks it.
const HOST: &str = "DOCKER_HOST";

/// The variable that says where the images are.
const OUTER: &str = "KOR_TEST_OUTER_ENGINE";

const IMAGES: [&str; 4] = [
    "mariadb:10.11",
    "elasticsearch:5.6.16",
    "kor-sample:v5.0.1",
    "kor-sample:v5.1.0",
];

/// Whether this process was begun by [`inside`].
pub fn is_inside() -> bool {
    std::env::var(OUTER).is_ok()
}

/// Runs one test of this binary again, where an engine of its own can be: whether it went well, and
/// the last line of its own.
pub fn inside(test: &str) -> (bool, String) {
    let place = PLACE.join(fresh_name());
    fs::create_dir(&place).unwrap();
    let outer = std::env::var(HOST).unwrap_or("unix:///var/run/docker.sock".to_owned());
    // The engine looks for others of its kind in /run/docker. No process outlives the namespace.
    let script = r#"exec 2>&1; ip link set lo up && mount -t tmpfs none /run/docker && "$@""#;
    let words = "--pdeathsig KILL unshare --net --pid --mount --fork --kill-child=KILL \
                 --mount-proc sh -c";
    let mut child = Command::new("setpriv")
        .args(words.split_whitespace())
        .args([script, "inside"])
        .arg(std::env::current_exe().unwrap())
        .args(["--exact", test, "--include-ignored", "--nocapture"])
        .env(GIVEN_PLACE, &place)
        .env(
            HOST,
            format!("unix://{}", place.join("engine.sock").display()),
        )
        .env(OUTER, outer)
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut last = String::new();
    for line in BufReader::new(child.stdout.take().unwrap()).lines() {
        let line = line.unwrap();
        println!("{line}");
        if line.starts_with('{') {
            last = line;
        }
    }
    let ended = child.wait().unwrap();
    // What is left of its control groups when nothing is in them any more.
    let groups = format!("*/{}*", place.file_name().unwrap().to_string_lossy());
    let words = ["/sys/fs/cgroup", "-depth", "-type", "d", "-path", &groups];
    called_plainly(
        "find",
        &[&words[..], &["-exec", "rmdir", "{}", ";"]].concat(),
    );
    let _ = fs::remove_dir_all(&place);
    (ended.success(), last)
}

/// The engine, running.
pub struct OwnEngine(Child);

impl OwnEngine {
    /// With the images of the outer one.
    pub fn started() -> Self {
        let outer = std::env::var(OUTER).unwrap();
        let format = "{{.Driver}}";
        let driver = called_plainly("docker", &["-H", &outer, "info", "-f", format]).ok();
        let config = format!(r#"{{"storage-driver":"{}"}}"#, driver.text());
        fs::write(at("engine.json"), config).unwrap();
        let engine = OwnEngine(start());
        let images = IMAGES.join(" ");
        let copy = format!("docker -H {outer} save {images} | docker load");
        called_plainly("sh", &["-c", &copy]).ok();
        engine
    }

    /// Ends it and all containers at once, as a crash of the host does, and starts it again.
    pub fn crash(&mut self) {
        let _ = self.0.kill();
        self.0.wait().unwrap();
        for process in contained() {
            called_plainly("kill", &["-s", "KILL", &process]);
        }
        self.start_again();
    }

    /// Stops it with all containers, as an operator does, and starts it again.
    pub fn restart(&mut self) {
        called_plainly("kill", &["-s", "TERM", &self.0.id().to_string()]).ok();
        self.0.wait().unwrap();
        self.start_again();
    }

    fn start_again(&mut self) {
        let _ = fs::remove_file(at("engine.pid"));
        self.0 = start();
        until("its containers run again", 180, || {
            let restarting = docker(&["ps", "-q", "--filter", "status=restarting"]);
            restarting.ok().text().is_empty()
        });
    }
}

/// What runs in containers, and what holds them: no process of anybody else is in sight.
fn contained() -> Vec<String> {
    let shims = called_plainly("pgrep", &["-f", "^/usr/bin/containerd-shim"]);
    let mut processes: Vec<String> = shims.text().lines().map(str::to_owned).collect();
    let groups = format!("*/{}/*", group());
    let words = ["/sys/fs/cgroup", "-path", &groups, "-name", "cgroup.procs"];
    let find = [&words[..], &["-exec", "cat", "{}", "+"]].concat();
    let listed = called_plainly("find", &find);
    // Those of another namespace are shown as 0.
    let ours = listed.text().lines().filter(|process| *process != "0");
    processes.extend(ours.map(str::to_owned));
    processes
}

impl Drop for OwnEngine {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// The control group that its containers are in.
fn group() -> String {
    PLACE.file_name().unwrap().to_string_lossy().into_owned()
}

fn at(name: &str) -> PathBuf {
    PLACE.join(name)
}

fn start() -> Child {
    let log = File::options()
        .create(true)
        .append(true)
        .open(at("engine.log"))
        .unwrap();
    let child = Command::new("dockerd")
        .arg("--config-file")
        .arg(at("engine.json"))
        .arg("--data-root")
        .arg(at("engine.data"))
        .arg("--exec-root")
        .arg(at("engine.run"))
        .arg("--pidfile")
        .arg(at("engine.pid"))
        .args(["--cgroup-parent", &format!("/{}", group()), "-H"])
        .arg(std::env::var(HOST).unwrap())
        .stdin(Stdio::null())
        .stdout(log.try_clone().unwrap())
        .stderr(log)
        .spawn()
        .unwrap();
    until("the engine answers", 180, || docker(&["version"]).code == 0);
    child
}
