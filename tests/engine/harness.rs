//! What all these tests stand on: the binary, a directory of their own that is swept away however
//! the run ends, and clusters in it.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::LazyLock;
use std::sync::atomic::{AtomicU16, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use crate::docker::docker;

pub use crate::call::{Call, Ran, Running, called, called_plainly, tool};

/// Label of the cluster's directory on everything that the tool makes.
pub const ROOT_LABEL: &str = "net.coneda.kor-cluster.root";

/// The variable that says where a test is to work that another process began.
pub const GIVEN_PLACE: &str = "KOR_TEST_PLACE";

/// The version that the tests use, and a newer one.
pub const VERSION: &str = "v5.0.1";
pub const NEWER: &str = "v5.1.0";

/// The directory of this run. Everything that the tests make is below it or carries its name.
pub static PLACE: LazyLock<PathBuf> = LazyLock::new(|| {
    // One that another process has made, and takes away.
    if let Ok(given) = std::env::var(GIVEN_PLACE) {
        return given.into();
    }
    docker(&["version"]).expect_ok("these tests need the container engine");
    for image in [
        "mariadb:10.11".to_owned(),
        "elasticsearch:5.6.16".to_owned(),
        format!("kor-sample:{VERSION}"),
        format!("kor-sample:{NEWER}"),
    ] {
        wanted_image(&image, "");
    }
    let place = PathBuf::from(format!("/tmp/kct-{}", std::process::id()));
    sweep_earlier_runs();
    fs::create_dir_all(&place).unwrap();
    start_reaper(&place);
    place
});

/// Fails with what to type where an image is not here.
pub fn wanted_image(image: &str, built_by: &str) {
    docker(&["image", "inspect", image]).expect_ok(&format!(
        "{image} is needed: images/build {built_by} makes it"
    ));
}

/// Removes the containers and networks of clusters below `$1` and what is mounted there, then the
/// directory.
const SWEEP: &str = r#"
    label=net.coneda.kor-cluster.root
    for kind in container network; do
        case $kind in container) list='ps -aq'; format='{{index .Config.Labels "'$label'"}}';;
            network) list='network ls -q'; format='{{index .Labels "'$label'"}}';;
        esac
        for id in $(docker $list --filter label=$label); do
            case $(docker $kind inspect -f "$format" "$id" 2>/dev/null) in "$1"/*)
                case $kind in container) docker rm -fv "$id";; network) docker network rm "$id";; esac
            esac
        done
    done
    docker rm -fv $(docker ps -aq --filter "label=kor-cluster-test=$1") 2>/dev/null
    docker image rm -f $(docker image ls -q --filter "label=kor-cluster-test=$1") 2>/dev/null
    chattr -R -i "$1" 2>/dev/null
    grep -F " $1/" /proc/mounts | cut -d' ' -f2 | sort -r | xargs -r umount -l
    rm -rf "$1"
"#;

/// A process that outlives this one and tidies up after it, whether it ends, panics or is killed.
fn start_reaper(place: &Path) {
    let script = format!("trap '' INT HUP TERM; cat >/dev/null; {SWEEP}");
    let mut reaper = Command::new("sh")
        .args(["-c", &script, "reaper"])
        .arg(place)
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    // Closed by the end of this process.
    std::mem::forget(reaper.stdin.take());
    std::mem::forget(reaper);
}

/// What runs left whose reaper could not do its work.
fn sweep_earlier_runs() {
    for entry in fs::read_dir("/tmp").unwrap().flatten() {
        let name = entry.file_name().to_string_lossy().into_owned();
        let Some(pid) = name
            .strip_prefix("kct-")
            .filter(|p| p.parse::<u32>().is_ok())
        else {
            continue;
        };
        if !Path::new("/proc").join(pid).exists() {
            let _ = Command::new("sh")
                .args(["-c", SWEEP, "sweep"])
                .arg(entry.path())
                .output();
        }
    }
}

/// A name that nobody else has.
pub fn fresh_name() -> String {
    static NEXT: AtomicU64 = AtomicU64::new(0);
    let number = NEXT.fetch_add(1, Ordering::Relaxed);
    let run = PLACE
        .file_name()
        .unwrap()
        .to_string_lossy()
        .replace('-', "");
    let dice = std::time::SystemTime::now()
        .duration_since(std::time::UNIX_EPOCH)
        .unwrap()
        .subsec_nanos();
    format!("{run}x{:04x}n{number}", dice & 0xffff)
}

/// A port that nobody listens on, of a range that the kernel gives to nobody by itself.
pub fn free_port() -> u16 {
    static NEXT: LazyLock<AtomicU16> = LazyLock::new(|| {
        AtomicU16::new(20_000 + u16::try_from(std::process::id() % 200).unwrap() * 50)
    });
    loop {
        let port = NEXT.fetch_add(1, Ordering::Relaxed);
        if std::net::TcpListener::bind(("0.0.0.0", port)).is_ok() {
            return port;
        }
    }
}

/// Waits for something to come true, looking at it again and again.
#[track_caller]
pub fn until(what: &str, seconds: u64, mut is_so: impl FnMut() -> bool) {
    let end = Instant::now() + Duration::from_secs(seconds);
    // A look can cost a process, which those wait for that are looked at.
    let mut pause = Duration::from_millis(20);
    while !is_so() {
        assert!(Instant::now() < end, "not within {seconds} s: {what}");
        std::thread::sleep(pause);
        pause = (pause * 5 / 4).min(Duration::from_millis(200));
    }
}

/// How many files there are below a directory.
pub fn files_below(directory: &Path) -> usize {
    let Ok(entries) = fs::read_dir(directory) else {
        return 0;
    };
    entries
        .flatten()
        .map(|entry| match entry.file_type().unwrap().is_dir() {
            true => files_below(&entry.path()),
            false => 1,
        })
        .sum()
}

/// What a directory holds; nothing where it is not there.
pub fn entries(directory: &Path) -> Vec<PathBuf> {
    let read = fs::read_dir(directory).into_iter().flatten();
    let mut paths: Vec<PathBuf> = read.map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    paths
}

/// A line's value in a file of settings, without quotes.
pub fn setting(file: &Path, key: &str) -> String {
    let text = fs::read_to_string(file).unwrap_or_default();
    let begin = format!("{key}=");
    let value = text.lines().find_map(|line| line.strip_prefix(&begin));
    value.unwrap_or_default().trim_matches('\'').to_owned()
}
