//! Runs programs, and measures how long they take and how much memory they have.

use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use crate::common::Result;

/// How often a program is looked at.
const LOOK: Duration = Duration::from_millis(5);

/// Stands before the commands of a shell. `client` is the database's own, as its administrator; `answers`
/// waits until the site does.
const PREAMBLE: &str = r#"set -euo pipefail
login="--defaults-extra-file=/etc/kor-cluster/client.cnf --host=localhost --protocol=socket"
client() { docker exec -i "$DATABASE" mariadb $login "$@"; }
dump() {
  docker exec "$DATABASE" mariadb-dump $login --single-transaction --quick --routines --triggers --events \
    --hex-blob --no-tablespaces --default-character-set=utf8mb4 --max-allowed-packet=1G "$SCHEMA"
}
answers() { until curl -sf -o /dev/null -m 10 "http://127.0.0.1:$PORT/info"; do sleep 0.02; done; }
"#;

/// How a program went that was watched.
pub struct Ran {
    pub wall: f64,
    /// The most memory that it had at once, in MiB.
    pub peak_mib: f64,
    /// What it printed.
    pub out: String,
    /// The lines on its standard error, and how many seconds after its start they came.
    pub said: Vec<(f64, String)>,
}

/// Tells the operator what is being done.
pub fn say(text: &str) {
    eprintln!("{text}");
}

/// Runs a program, and watches its memory and what it says.
///
/// # Errors
/// Where it fails, with the end of what it said.
pub fn watch(mut command: Command) -> Result<Ran> {
    let what = format!("{command:?}");
    command
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    let started = Instant::now();
    let mut child = command.spawn().map_err(|e| format!("{what}: {e}"))?;
    let (stdout, stderr) = (child.stdout.take(), child.stderr.take());
    let (status, peak_mib, wall, out, said) = thread::scope(|scope| {
        let out = scope.spawn(move || {
            let mut text = String::new();
            stdout.map(|mut stdout| stdout.read_to_string(&mut text));
            text
        });
        let said = scope.spawn(move || {
            let lines = stderr.map(|stderr| BufReader::new(stderr).lines());
            let stamped = |line| (started.elapsed().as_secs_f64(), line);
            lines.into_iter().flatten().flatten().map(stamped).collect()
        });
        let (status, peak_mib) = wait(&mut child);
        let wall = started.elapsed().as_secs_f64();
        let (out, said) = (out.join(), said.join());
        (status, peak_mib, wall, out, said)
    });
    let gone = |_| format!("{what}: its output was lost");
    let (out, said): (String, Vec<(f64, String)>) =
        (out.map_err(gone)?, said.map_err(|_| what.clone())?);
    match status {
        Ok(status) if status.success() => Ok(Ran {
            wall,
            peak_mib,
            out,
            said,
        }),
        Ok(status) => {
            let lines: Vec<&str> = said.iter().map(|(_, line)| line.as_str()).collect();
            let end = lines[lines.len().saturating_sub(8)..].join("\n");
            Err(format!("{what} failed: {status}\n{end}"))
        }
        Err(error) => Err(format!("{what}: {error}")),
    }
}

/// Waits for its end. Its peak is what the kernel remembers, so that only the last moments can be missed.
fn wait(child: &mut Child) -> (std::io::Result<ExitStatus>, f64) {
    let status = format!("/proc/{}/status", child.id());
    let mut peak = 0.0;
    loop {
        if let Some(now) = fs::read_to_string(&status)
            .ok()
            .as_deref()
            .and_then(peak_in)
        {
            peak = f64::max(peak, now);
        }
        match child.try_wait() {
            Ok(None) => thread::sleep(LOOK),
            Ok(Some(status)) => return (Ok(status), peak),
            Err(error) => return (Err(error), peak),
        }
    }
}

fn peak_in(status: &str) -> Option<f64> {
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix("VmHWM:"))?;
    let kib: f64 = line.trim().trim_end_matches("kB").trim().parse().ok()?;
    Some(kib / 1024.0)
}

/// What a program prints, which must succeed.
///
/// # Errors
/// Where it does not.
pub fn output(mut command: Command) -> Result<String> {
    let what = format!("{command:?}");
    let output = command
        .stdin(Stdio::null())
        .output()
        .map_err(|e| format!("{what}: {e}"))?;
    if output.status.success() {
        Ok(String::from_utf8_lossy(&output.stdout).into_owned())
    } else {
        let why = String::from_utf8_lossy(&output.stderr).into_owned();
        Err(format!("{what} failed: {why}"))
    }
}

/// Commands of a shell, as an operator would type them; how many seconds they take.
///
/// # Errors
/// Where one of them fails.
pub fn shell(commands: &str, variables: &[(&'static str, String)]) -> Result<f64> {
    feed(commands, variables, "").map(|(seconds, _)| seconds)
}

/// The same with a text on standard input, and with what they print.
///
/// # Errors
/// Where one of them fails.
pub fn feed(
    commands: &str,
    variables: &[(&'static str, String)],
    input: &str,
) -> Result<(f64, String)> {
    let started = Instant::now();
    let mut child = Command::new("bash")
        .args(["-c", &format!("{PREAMBLE}{commands}")])
        .envs(variables.iter().map(|(key, value)| (key, value)))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .map_err(|e| format!("bash: {e}"))?;
    let stdin = child.stdin.take();
    let done = thread::scope(|scope| {
        scope.spawn(move || stdin.map(|mut stdin| stdin.write_all(input.as_bytes())));
        child.wait_with_output()
    })
    .map_err(|e| format!("bash: {e}"))?;
    if !done.status.success() {
        return Err(format!("{} failed: {}", commands.trim(), done.status));
    }
    let text = String::from_utf8_lossy(&done.stdout).into_owned();
    Ok((started.elapsed().as_secs_f64(), text))
}
