//! Repositories: a tag's files as a tar stream, and whether a public one answers. The engine
//! fetches public ones with the same program on the same machine.

use std::io::Read;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

use crate::error::{Error, Result};
use crate::host::build_context::Produced;
use crate::host::interrupt::{Interrupt, LOOK};
use crate::model::version::Version;

/// Whether a directory is a repository, with or without a work tree.
pub fn is_repository(path: &Path) -> bool {
    path.join(".git").exists() || (path.join("HEAD").is_file() && path.join("objects").is_dir())
}

/// The files of a version (a tag of that name, else a branch) as a tar stream.
///
/// # Errors
/// Exit 4 where the repository has no such tag, 1 with what git says, 6 where there is no git.
pub fn archive(repository: &Path, version: &Version) -> Result<Produced> {
    let revision = revision(repository, version)?;
    let mut child = git()
        .arg("-C")
        .arg(repository)
        .args(["archive", "--format=tar", &revision])
        .stdout(Stdio::piped())
        .spawn()
        .map_err(|e| no_git(&e))?;
    let what = format!("cannot read {} at {version}", repository.display());
    let Some(output) = child.stdout.take() else {
        return Err(Error::failed(what));
    };
    let finish = move || match child.wait_with_output() {
        Ok(ended) if ended.status.success() => Ok(()),
        Ok(ended) => Err(Error::failed(what).why(said(&ended))),
        Err(error) => Err(Error::failed(what).why(error)),
    };
    Ok(Produced::new(output, finish))
}

fn revision(repository: &Path, version: &Version) -> Result<String> {
    let mut last = None;
    for name in [format!("refs/tags/{version}"), version.to_string()] {
        let ended = git()
            .arg("-C")
            .arg(repository)
            .args(["rev-parse", "--verify", "--end-of-options"])
            .arg(format!("{name}^{{commit}}"))
            .output()
            .map_err(|e| no_git(&e))?;
        if ended.status.success() {
            return Ok(String::from_utf8_lossy(&ended.stdout).trim().to_owned());
        }
        last = Some(said(&ended));
    }
    let why = last.unwrap_or_default();
    if why.contains("ownership") || why.contains("not a git repository") {
        let what = format!("git does not read {}", repository.display());
        return Err(Error::failed(what).why(why));
    }
    let path = repository.display();
    Err(Error::not_found(format!("{path} has no tag {version}"))
        .why("a repository is built at the version's tag")
        .next(format!(
            "fetch it (git -C {path} fetch --tags), or take the files as they stand: --from dir:{path}"
        )))
}

/// Asks a public repository whether it has a version, for so long.
///
/// # Errors
/// Exit 1 where it does not answer in time, has no such tag or is not public.
pub fn ask(address: &str, version: &Version, limit: Duration, stop: &Interrupt) -> Result<()> {
    let spawned = git()
        .args(["ls-remote", "--exit-code", "--", address])
        .args([
            format!("refs/tags/{version}"),
            format!("refs/heads/{version}"),
        ])
        // Its own helpers end with it.
        .process_group(0)
        .stdout(Stdio::null())
        .spawn();
    let Ok(mut child) = spawned else {
        // Without git here nobody can be asked; the engine says what it finds.
        return Ok(());
    };
    let end = Instant::now() + limit;
    let what = format!("{address} gives nothing to build {version} from");
    let next = "if a proxy leads there, set https_proxy here too; or clone it where it can be reached, and name the clone with --from";
    loop {
        match child.try_wait() {
            Ok(None) if stop.is_pending() => {
                end_group(&mut child);
                return Err(Error::interrupted(what));
            }
            Ok(None) if Instant::now() >= end => {
                end_group(&mut child);
                let why = format!("no answer within {} s", limit.as_secs());
                return Err(Error::failed(what).why(why).next(next));
            }
            Ok(None) => std::thread::sleep(LOOK),
            Ok(Some(status)) if status.success() => return Ok(()),
            Ok(Some(status)) if status.code() == Some(2) => {
                return Err(Error::failed(what)
                    .why("it has no such tag")
                    .next("say a version that it has"));
            }
            Ok(Some(_)) => {
                let mut words = String::new();
                if let Some(mut stderr) = child.stderr.take() {
                    let _ = stderr.read_to_string(&mut words);
                }
                return Err(Error::failed(what).why(words.trim()).next(next));
            }
            Err(error) => return Err(Error::failed(what).why(error)),
        }
    }
}

fn end_group(child: &mut Child) {
    let group = i32::try_from(child.id())
        .ok()
        .and_then(rustix::process::Pid::from_raw);
    if let Some(group) = group {
        let _ = rustix::process::kill_process_group(group, rustix::process::Signal::KILL);
    }
    let _ = child.wait();
}

/// git, which never asks for a password and heeds no repository that the caller is in.
fn git() -> Command {
    let mut command = Command::new("git");
    for key in ["GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE"] {
        command.env_remove(key);
    }
    command
        .env("GIT_TERMINAL_PROMPT", "0")
        .env("LC_ALL", "C")
        .stdin(Stdio::null())
        .stderr(Stdio::piped());
    command
}

fn said(ended: &Output) -> String {
    let text = String::from_utf8_lossy(&ended.stderr);
    text.trim().to_owned()
}

fn no_git(error: &std::io::Error) -> Error {
    Error::refused("git cannot be run")
        .why(error)
        .next("install it (apt-get install git), or build from a directory")
}

#[cfg(test)]
mod tests {
    use std::net::TcpListener;

    use super::*;

    #[test]
    fn a_repository_that_never_answers_is_given_up() {
        let silent = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = format!("http://{}/kor.git", silent.local_addr().unwrap());
        let version = Version::parse("v5.0.1").unwrap();
        let begun = Instant::now();
        let limit = Duration::from_secs(1);
        let error = ask(&address, &version, limit, &Interrupt::default()).unwrap_err();
        assert!(error.to_string().contains("within 1 s"), "{error}");
        assert!(begun.elapsed() < Duration::from_secs(5));
        let stop = Interrupt::default();
        stop.ask();
        assert!(
            ask(&address, &version, limit, &stop)
                .unwrap_err()
                .interrupted
        );
    }

    #[test]
    fn a_directory_without_a_repository_is_told_apart() {
        let place = tempfile::tempdir().unwrap();
        assert!(!is_repository(place.path()));
        std::fs::create_dir(place.path().join(".git")).unwrap();
        assert!(is_repository(place.path()));
        let version = Version::parse("v5.0.1").unwrap();
        let error = archive(place.path(), &version).err().unwrap();
        assert_eq!(error.exit_code(), 1, "{error}");
    }
}
