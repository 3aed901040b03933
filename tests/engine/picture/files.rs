//! Files with their rights, owner and sum; text that has something drawn in it without that.

use std::fs;
use std::os::unix::fs::{FileTypeExt, MetadataExt};
use std::path::Path;

use sha2::{Digest, Sha256};

use super::Picture;
use crate::harness::PLACE;

/// What services and applications write by themselves, and the tool's own records.
const LEFT_OUT: [&str; 6] = [
    "mysql",
    "elastic/data",
    "elastic/data.before",
    ".kor-cluster/locks",
    ".kor-cluster/history.jsonl",
    ".kor-cluster/measured",
];

/// Empty frames of the tool's own.
const FRAMES: [&str; 7] = [
    ".kor-cluster/measured",
    ".kor-cluster",
    ".kor-cluster/journal",
    ".kor-cluster/exchange",
    ".kor-cluster/work",
    ".kor-cluster/next",
    ".kor-cluster/undo",
];

/// Lines with something drawn in them.
const DRAWN: [&str; 5] = [
    "  \"at\":",
    "DB_PASSWORD=",
    "password=",
    "SECRET_KEY_BASE=",
    "DATABASE_URL=",
];

pub fn add(picture: &mut Picture, name: &str, root: &Path) {
    let entry = PLACE.join("state/clusters").join(name);
    if let Ok(target) = fs::read_link(entry) {
        picture.add("registry", target.display().to_string());
    }
    if root.is_dir() {
        walk(picture, root, root);
    }
}

fn walk(picture: &mut Picture, root: &Path, directory: &Path) {
    for entry in fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        let relative = path.strip_prefix(root).unwrap().display().to_string();
        let meta = fs::symlink_metadata(&path).unwrap();
        let rights = format!("{:o} {}:{}", meta.mode() & 0o7777, meta.uid(), meta.gid());
        let thing = format!("file {}", without_ids(&relative));
        let left_out = LEFT_OUT.contains(&relative.as_str());
        if meta.is_symlink() {
            let target = fs::read_link(&path).unwrap();
            picture.add(thing, format!("-> {}", target.display()));
        } else if meta.is_dir() {
            if !is_frame(&relative) {
                picture.add(thing, format!("directory {rights}"));
            }
            if !left_out && !relative.ends_with("/log") {
                walk(picture, root, &path);
            }
        } else if left_out {
        } else if relative.starts_with("snapshots/") {
            let instance = relative.split('.').next().unwrap();
            picture.add(format!("file {instance}"), format!("a snapshot {rights}"));
        } else if meta.file_type().is_fifo() || meta.file_type().is_socket() {
            picture.add(thing, "a pipe");
        } else {
            picture.add(thing, format!("{rights} {}", content(&relative, &path)));
        }
    }
}

fn is_frame(relative: &str) -> bool {
    let of_undo = relative.strip_prefix(".kor-cluster/undo/");
    FRAMES.contains(&relative) || of_undo.is_some_and(|instance| !instance.contains('/'))
}

fn content(relative: &str, path: &Path) -> String {
    let bytes = fs::read(path).unwrap();
    let name = path.file_name().unwrap().to_string_lossy();
    if name.ends_with("password") || name == "secret_key_base" {
        return format!("{} characters", bytes.len());
    }
    if name == "undo.json" || name == "adopted.json" || name.ends_with(".noted") {
        return "a record".to_owned();
    }
    match String::from_utf8(bytes) {
        Ok(text) if !relative.contains("/data/") => text
            .lines()
            .map(
                |line| match DRAWN.iter().find(|key| line.starts_with(*key)) {
                    Some(key) => format!("{key}{} characters\n", line.len()),
                    None => format!("{line}\n"),
                },
            )
            .collect(),
        Ok(text) => sum(text.as_bytes()),
        Err(error) => sum(error.as_bytes()),
    }
}

fn sum(bytes: &[u8]) -> String {
    format!("{:x?}", Sha256::digest(bytes)).replace([' ', ',', '[', ']'], "")
}

/// What is kept of an earlier content has the id of its operation in its path.
fn without_ids(relative: &str) -> String {
    let Some(rest) = relative.strip_prefix(".kor-cluster/undo/") else {
        return relative.to_owned();
    };
    let mut parts: Vec<&str> = rest.split('/').collect();
    if let Some(id) = parts.get_mut(1) {
        *id = "ID";
    }
    format!(".kor-cluster/undo/{}", parts.join("/"))
}
