//! Generated secrets are in no argument, label, environment, log, output or readable file.

use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};

use crate::cluster::{Cluster, shared};
use crate::docker::{containers, docker};
use crate::harness::{VERSION, free_port};

/// The value of a key in a file of settings, bare.
fn value(file: &Path, key: &str) -> String {
    let text = fs::read_to_string(file).unwrap();
    let line = text
        .lines()
        .find_map(|line| line.strip_prefix(&format!("{key}=")))
        .unwrap();
    line.trim_matches(['\'', '"']).to_owned()
}

/// What was drawn for a cluster and its instances.
pub fn secrets(cluster: &Cluster, instances: &[&str]) -> Vec<String> {
    let mut found = vec![value(&cluster.root.join("config.sh"), "DB_PASSWORD")];
    for name in instances {
        let root = cluster.instance_root(name);
        found.push(value(&root.join("config.sh"), "DB_PASSWORD"));
        // By era: in the environment file, in a file of its own, or none.
        let key = root.join("secret_key_base");
        if root.join(".env").exists() {
            found.push(value(&root.join(".env"), "SECRET_KEY_BASE"));
        } else if key.exists() {
            found.push(fs::read_to_string(key).unwrap().trim().to_owned());
        }
        found.push(
            fs::read_to_string(root.join("admin_password"))
                .unwrap()
                .trim()
                .to_owned(),
        );
    }
    for secret in &found {
        assert!(secret.len() >= 16, "{secret:?} is short");
    }
    assert_eq!(found.iter().collect::<BTreeSet<_>>().len(), found.len());
    found
}

#[track_caller]
pub fn assert_free(place: &str, text: &[u8], secrets: &[String]) {
    for secret in secrets {
        let there = text
            .windows(secret.len())
            .any(|window| window == secret.as_bytes());
        assert!(!there, "{place} has a secret in it");
    }
}

/// Files that others than their owner may read, write or run.
pub fn open_files(directory: &Path, found: &mut Vec<std::path::PathBuf>) {
    let Ok(entries) = fs::read_dir(directory) else {
        return;
    };
    for entry in entries.flatten() {
        let Ok(metadata) = entry.path().symlink_metadata() else {
            continue;
        };
        if metadata.is_dir() {
            open_files(&entry.path(), found);
        } else if metadata.is_file() && metadata.permissions().mode() & 0o077 != 0 {
            found.push(entry.path());
        }
    }
}

/// Arguments of every process, and the environment of those outside of containers.
fn processes(seen: &mut BTreeSet<Vec<u8>>) {
    let here = fs::read_link("/proc/self/ns/mnt").unwrap();
    for entry in fs::read_dir("/proc").unwrap().flatten() {
        let path = entry.path();
        if let Ok(arguments) = fs::read(path.join("cmdline")) {
            seen.insert(arguments);
        }
        if fs::read_link(path.join("ns/mnt")).is_ok_and(|there| there == here)
            && let Ok(environment) = fs::read(path.join("environ"))
        {
            seen.insert(environment);
        }
    }
}

#[test]
fn no_secret_is_seen_while_an_instance_is_made_and_started() {
    let turn = shared();
    let cluster = &turn.cluster;
    let over = AtomicBool::new(false);
    let seen = Mutex::new(BTreeSet::new());
    let port = free_port().to_string();
    let (made, inspected, wide) = std::thread::scope(|scope| {
        scope.spawn(|| {
            while !over.load(Ordering::Relaxed) {
                processes(&mut seen.lock().unwrap());
                std::thread::sleep(std::time::Duration::from_millis(5));
            }
        });
        let looking = scope.spawn(|| {
            let (mut inspected, mut wide) = (BTreeSet::new(), BTreeSet::new());
            while !over.load(Ordering::Relaxed) {
                for name in containers(cluster.path()) {
                    inspected.insert(docker(&["inspect", &name]).out);
                }
                let mut files = Vec::new();
                open_files(&cluster.root.join(".kor-cluster"), &mut files);
                wide.extend(files);
                std::thread::sleep(std::time::Duration::from_millis(100));
            }
            (inspected, wide)
        });
        let made = cluster
            .call(["new", "secret", "--version", VERSION, "--port", &port])
            .run();
        let started = cluster.instance("secret", ["start"]).run();
        over.store(true, Ordering::Relaxed);
        let (inspected, wide) = looking.join().unwrap();
        (
            format!("{}{}{}{}", made.out, made.err, started.out, started.err),
            inspected,
            wide,
        )
    });
    let secrets = secrets(cluster, &["secret", "a_b"]);
    cluster.instance("secret", ["stop"]).ok();
    crate::failures::discard(cluster, "secret");
    assert!(
        inspected.iter().any(|text| text.contains("_run_secret_")),
        "the set-up was not seen"
    );
    assert_free("what `new` printed", made.as_bytes(), &secrets);
    for text in &inspected {
        assert_free("docker inspect", text.as_bytes(), &secrets);
    }
    for text in &*seen.lock().unwrap() {
        assert_free(
            &String::from_utf8_lossy(text).replace('\0', " "),
            text,
            &secrets,
        );
    }
    assert!(
        wide.is_empty(),
        "the tool's own files are open to others: {wide:?}"
    );
}

#[test]
fn no_secret_is_in_what_containers_files_and_verbs_show() {
    let turn = shared();
    let cluster = &turn.cluster;
    let secrets = secrets(cluster, &["a_b", "axb"]);
    for name in containers(cluster.path()) {
        assert_free(
            &name,
            docker(&["inspect", &name]).ok().out.as_bytes(),
            &secrets,
        );
        let logs = docker(&["logs", &name]).ok();
        assert_free(&format!("log of {name}"), logs.out.as_bytes(), &secrets);
        assert_free(&format!("log of {name}"), logs.err.as_bytes(), &secrets);
    }
    for image in ["mariadb:10.11", "elasticsearch:5.6.16", "kor-sample:v5.0.1"] {
        let history = docker(&["history", "--no-trunc", image]).ok();
        let inspected = docker(&["image", "inspect", image]).ok();
        assert_free(image, (history.out + &inspected.out).as_bytes(), &secrets);
    }
    let mut files = Vec::new();
    open_files(&cluster.root, &mut files);
    assert!(
        files.iter().any(|f| f.ends_with("log/production.log")),
        "{}",
        files.len()
    );
    for file in files {
        // A server's file of a moment may be gone meanwhile.
        let Ok(bytes) = fs::read(&file) else { continue };
        assert_free(&file.display().to_string(), &bytes, &secrets);
    }
    for words in [
        &["status", "--json"][..],
        &["list", "--json"],
        &["history", "--json", "-n", "1000"],
        &["config", "get", "--json"],
        &["-i", "a_b", "config", "get"],
        &["restart", "a_b", "--dry-run", "--json"],
        &["new", "more", "--dry-run"],
        &["-i", "a_b", "logs", "-n", "10000"],
        &["logs", "-n", "10000"],
    ] {
        let ran = cluster.call(words.iter().copied()).ok();
        assert_free(&words.join(" "), (ran.out + &ran.err).as_bytes(), &secrets);
    }
}
