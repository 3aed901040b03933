//! A call of the tool, or of another program, and how it ended.

use std::ffi::OsStr;
use std::io::Write;
use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::harness::PLACE;

/// How a program ended.
#[derive(Debug, Clone)]
pub struct Ran {
    pub what: String,
    pub code: i32,
    pub out: String,
    pub err: String,
    pub took: Duration,
}

impl Ran {
    /// Fails the test if the exit code is another.
    #[track_caller]
    pub fn expect(self, code: i32) -> Self {
        assert_eq!(
            self.code, code,
            "{} ended with {} in the place of {code}\n--- out\n{}\n--- err\n{}",
            self.what, self.code, self.out, self.err
        );
        self
    }

    #[track_caller]
    pub fn ok(self) -> Self {
        self.expect(0)
    }

    #[track_caller]
    pub fn expect_ok(self, why: &str) -> Self {
        assert_eq!(self.code, 0, "{why}: {}{}", self.out, self.err);
        self
    }

    /// Fails the test if one of the texts is in neither output.
    #[track_caller]
    pub fn says(self, texts: &[&str]) -> Self {
        for text in texts {
            assert!(
                self.err.contains(text) || self.out.contains(text),
                "{} does not say {text:?}\n--- out\n{}\n--- err\n{}",
                self.what,
                self.out,
                self.err
            );
        }
        self
    }

    #[track_caller]
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.out).unwrap_or_else(|error| {
            panic!(
                "{}: no JSON ({error}):\n{}\n{}",
                self.what, self.out, self.err
            )
        })
    }

    pub fn text(&self) -> &str {
        self.out.trim_end()
    }
}

/// A call of the tool that is being put together.
pub struct Call {
    command: Command,
    input: Vec<u8>,
}

/// The tool as it was built.
pub fn tool() -> Call {
    called(env!("CARGO_BIN_EXE_kor-cluster"))
}

/// The tool through a link.
pub fn called(program: impl AsRef<OsStr>) -> Call {
    let mut command = Command::new(program);
    for key in [
        "VERSION",
        "PORT",
        "SERVER_NAME",
        "CLUSTER_PORT",
        "KOR_CLUSTER",
        "KOR_CLUSTER_FAKE_ENGINE",
    ] {
        command.env_remove(key);
    }
    command.env("KOR_CLUSTER_STATE", PLACE.join("state"));
    command.current_dir(&*PLACE);
    Call {
        command,
        input: Vec::new(),
    }
}

impl Call {
    pub fn args<S: AsRef<OsStr>>(mut self, words: impl IntoIterator<Item = S>) -> Self {
        self.command.args(words);
        self
    }

    pub fn env(mut self, key: &str, value: impl AsRef<OsStr>) -> Self {
        self.command.env(key, value);
        self
    }

    pub fn from(mut self, directory: &Path) -> Self {
        self.command.current_dir(directory);
        self
    }

    pub fn input(mut self, text: &str) -> Self {
        self.input = text.as_bytes().to_vec();
        self
    }

    /// Starts it and lets it be.
    pub fn spawn(mut self) -> Running {
        let what = format!("{:?}", self.command);
        let begun = Instant::now();
        let mut child = self
            .command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap_or_else(|error| panic!("{what}: {error}"));
        // A program that reads nothing may have closed it already.
        let _ = child.stdin.take().unwrap().write_all(&self.input);
        Running {
            child: Some(child),
            what,
            begun,
        }
    }

    pub fn run(self) -> Ran {
        self.spawn().end()
    }

    #[track_caller]
    pub fn ok(self) -> Ran {
        self.run().ok()
    }

    #[track_caller]
    pub fn expect(self, code: i32) -> Ran {
        self.run().expect(code)
    }
}

/// A call that is under way.
pub struct Running {
    child: Option<Child>,
    what: String,
    begun: Instant,
}

impl Running {
    pub fn pid(&self) -> u32 {
        self.child.as_ref().unwrap().id()
    }

    pub fn is_over(&mut self) -> bool {
        self.child.as_mut().unwrap().try_wait().unwrap().is_some()
    }

    pub fn signal(&self, signal: &str) {
        let pid = self.pid().to_string();
        Command::new("kill")
            .args(["-s", signal, &pid])
            .status()
            .unwrap();
    }

    pub fn end(mut self) -> Ran {
        let output = self.child.take().unwrap().wait_with_output().unwrap();
        Ran {
            what: std::mem::take(&mut self.what),
            code: output
                .status
                .code()
                .unwrap_or_else(|| 128 + output.status.signal().unwrap_or(0)),
            out: String::from_utf8_lossy(&output.stdout).into_owned(),
            err: String::from_utf8_lossy(&output.stderr).into_owned(),
            took: self.begun.elapsed(),
        }
    }
}

impl Drop for Running {
    /// A test that failed meanwhile leaves nothing running.
    fn drop(&mut self) {
        if let Some(child) = &mut self.child {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

/// Runs another program, without the tool's surroundings.
pub fn called_plainly(program: &str, words: &[&str]) -> Ran {
    let begun = Instant::now();
    let output = Command::new(program)
        .args(words)
        .stdin(Stdio::null())
        .output()
        .unwrap_or_else(|error| panic!("{program}: {error}"));
    Ran {
        what: format!("{program} {}", words.join(" ")),
        code: output.status.code().unwrap_or(-1),
        out: String::from_utf8_lossy(&output.stdout).into_owned(),
        err: String::from_utf8_lossy(&output.stderr).into_owned(),
        took: begun.elapsed(),
    }
}
