//! How long the tool takes, beside what cannot be undercut on the same machine in the same minute.
//! `script/bench quick` builds it and tells it where everything is. Only the standard library is used,
//! so that a plain `rustc` is enough.

mod probes;
mod timing;

use std::env;
use std::fs::{self, File};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};
use std::time::Instant;

use timing::{Result, in_turns, milliseconds, output, time};

/// What one number may be at most, as the project promises it.
const LIST_MS: f64 = 50.0;
const HELP_MS: f64 = 10.0;
const CREATE_MS: f64 = 50.0;
const BINARY_MB: f64 = 15.0;
const STATUS_OVER_MS: f64 = 100.0;

/// What `script/bench` made before.
struct Places {
    /// The release binary, as it is shipped.
    release: PathBuf,
    /// The same with the fake engine in it.
    fake: PathBuf,
    /// The fake engine's world.
    world: PathBuf,
    /// A cluster of a hundred instances in that world.
    hundred: PathBuf,
    /// A cluster that runs on the real engine.
    running: PathBuf,
    /// An empty directory.
    scratch: PathBuf,
}

/// A line of the table.
struct Line {
    what: &'static str,
    value: f64,
    unit: &'static str,
    floor: Option<(&'static str, f64)>,
    limit: f64,
}

fn main() -> ExitCode {
    match places().and_then(|places| measure(&places)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error}\n next: script/bench quick");
            ExitCode::FAILURE
        }
    }
}

fn places() -> Result<Places> {
    let place = |key: &str| {
        env::var_os(key)
            .map(PathBuf::from)
            .ok_or_else(|| format!("{key} is not set"))
    };
    Ok(Places {
        release: place("KOR_BENCH_RELEASE")?,
        fake: place("KOR_BENCH_FAKE")?,
        world: place("KOR_BENCH_WORLD")?,
        hundred: place("KOR_BENCH_HUNDRED")?,
        running: place("KOR_BENCH_RUNNING")?,
        scratch: place("KOR_BENCH_SCRATCH")?,
    })
}

fn measure(places: &Places) -> Result<()> {
    let lines = [
        list(places)?,
        help(places)?,
        create(places)?,
        binary(places)?,
        status(places)?,
    ];
    println!(
        "{:<34} {:>9}   {:<36} {:>9}",
        "median", "", "floor", "limit"
    );
    for line in &lines {
        let floor = line.floor.map_or(String::new(), |(what, value)| {
            format!("{value:.1} ms  {what}")
        });
        let verdict = if line.value <= line.limit {
            ""
        } else {
            "  missed"
        };
        println!(
            "{:<34} {:>6.1} {}   {floor:<36} {:>6.0} {}{verdict}",
            line.what, line.value, line.unit, line.limit, line.unit
        );
    }
    let [list, help, create, binary, status] = lines.map(|line| line.value);
    println!(
        "{{\"list_100_ms\":{list:.1},\"help_ms\":{help:.1},\"create_ms\":{create:.1},\
         \"binary_mb\":{binary:.1},\"status_over_ms\":{status:.1}}}"
    );
    Ok(())
}

fn list(places: &Places) -> Result<Line> {
    let answer = output(tool_of_hundred(places))?;
    let instances = answer.matches("\"should_run\"").count();
    if instances != 100 {
        return Err(format!(
            "list shows {instances} instances in the place of 100"
        ));
    }
    let (value, floor) = in_turns(
        |_| time(&mut tool_of_hundred(places)),
        |_| time(Command::new("docker").arg("ps")),
    )?;
    let floor = Some(("docker ps", floor));
    Ok(Line {
        what: "list --json, 100 instances",
        value,
        unit: "ms",
        floor,
        limit: LIST_MS,
    })
}

fn tool_of_hundred(places: &Places) -> Command {
    let mut tool = Command::new(&places.fake);
    tool.env("KOR_CLUSTER_FAKE_ENGINE", &places.world)
        .arg("-C")
        .arg(&places.hundred)
        .args(["list", "--json"]);
    tool
}

fn help(places: &Places) -> Result<Line> {
    let (value, floor) = in_turns(
        |_| time(Command::new(&places.release).arg("--help")),
        |_| time(&mut Command::new("true")),
    )?;
    let floor = Some(("true", floor));
    Ok(Line {
        what: "--help",
        value,
        unit: "ms",
        floor,
        limit: HELP_MS,
    })
}

/// The floor is what no lay-out that survives a loss of power can do without: a directory with a
/// file, both on the disk.
fn create(places: &Places) -> Result<Line> {
    let (value, floor) = in_turns(
        |run| {
            let mut tool = Command::new(&places.release);
            tool.arg("create")
                .arg(places.scratch.join(format!("bench-{run}")));
            time(&mut tool)
        },
        |run| synced_directory(&places.scratch.join(format!("floor-{run}"))),
    )?;
    let floor = Some(("a directory and a file, synced", floor));
    Ok(Line {
        what: "create",
        value,
        unit: "ms",
        floor,
        limit: CREATE_MS,
    })
}

fn synced_directory(path: &Path) -> Result<f64> {
    let started = Instant::now();
    let make = || {
        fs::create_dir(path)?;
        let mut file = File::create(path.join("config.sh"))?;
        file.write_all(&[b'x'; 512])?;
        file.sync_all()?;
        File::open(path)?.sync_all()
    };
    make().map_err(|e| format!("{}: {e}", path.display()))?;
    Ok(milliseconds(started))
}

fn binary(places: &Places) -> Result<Line> {
    let size = fs::metadata(&places.release)
        .map_err(|e| e.to_string())?
        .len();
    let value = size as f64 / 1e6;
    Ok(Line {
        what: "the release binary",
        value,
        unit: "MB",
        floor: None,
        limit: BINARY_MB,
    })
}

/// What `status` takes beyond the slowest of the answers that it waits for.
fn status(places: &Places) -> Result<Line> {
    let probes = probes::of_cluster(&places.running)?;
    let call = || {
        let mut tool = Command::new(&places.release);
        tool.arg("-C")
            .arg(&places.running)
            .args(["status", "--json"]);
        tool
    };
    let answer = output(call())?;
    let up = answer
        .split_whitespace()
        .collect::<String>()
        .matches("\"condition\":\"up\"")
        .count();
    // Each is one that can be up, but for the count of unfinished work.
    if up + 1 != probes.len() {
        return Err(format!("status says {up} of {} are up", probes.len() - 1));
    }
    let (whole, slowest) = in_turns(
        |_| time(&mut call()),
        |_| {
            probes
                .iter()
                .map(probes::Probe::time)
                .try_fold(0.0, |most, next| next.map(|n| f64::max(most, n)))
        },
    )?;
    let floor = Some(("its slowest answer", slowest));
    let value = whole - slowest;
    Ok(Line {
        what: "status, beyond its slowest answer",
        value,
        unit: "ms",
        floor,
        limit: STATUS_OVER_MS,
    })
}
