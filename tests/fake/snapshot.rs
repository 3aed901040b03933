//! Everything that a verb can change, as text that can be compared: files with modes and contents,
//! and the fake engine's world. Drawn secrets, times and the tool's own records are left out.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::{FileTypeExt, PermissionsExt};
use std::path::Path;

use crate::place::Place;

/// The state of a place, one line per thing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct State(BTreeMap<String, String>);

impl State {
    pub fn of(place: &Place) -> Self {
        let mut things = BTreeMap::new();
        walk(place.path(), place.path(), &mut things);
        let mut world = serde_json::to_value(place.world()).unwrap();
        world["fails"] = serde_json::Value::Null;
        for container in world["containers"].as_object_mut().unwrap().values_mut() {
            container["started_at"] = serde_json::Value::Null;
        }
        // A server that was started and holds nothing is as good as none.
        for (servers, nothing) in [
            ("databases", r#"{"schemas":{},"unfinished":{},"users":{}}"#),
            ("searches", "{}"),
        ] {
            let servers = world[servers].as_object_mut().unwrap();
            let nothing: serde_json::Value = serde_json::from_str(nothing).unwrap();
            servers.retain(|_, held| *held != nothing);
        }
        for (key, value) in world.as_object().unwrap() {
            things.insert(format!("engine: {key}"), without_tags(&value.to_string()));
        }
        State(things)
    }

    /// What differs, for a message.
    pub fn differences(&self, other: &State) -> Vec<String> {
        let mut keys: Vec<&String> = self.0.keys().chain(other.0.keys()).collect();
        keys.sort();
        keys.dedup();
        keys.into_iter()
            .filter(|key| self.0.get(*key) != other.0.get(*key))
            .map(|key| format!("{key}\n  {:?}\n  {:?}", self.0.get(key), other.0.get(key)))
            .collect()
    }
}

/// The tool's own records, and the fake engine.
const LEFT_OUT: [&str; 7] = [
    ".kor-cluster/journal",
    ".kor-cluster/locks",
    ".kor-cluster/history.jsonl",
    ".kor-cluster/measured",
    "state/locks",
    "engine.json",
    "crash.log",
];

fn walk(root: &Path, directory: &Path, things: &mut BTreeMap<String, String>) {
    for entry in fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        let name = path.strip_prefix(root).unwrap().display().to_string();
        let name = without_tags(&name);
        if LEFT_OUT.iter().any(|left| name.ends_with(left)) {
            continue;
        }
        let meta = fs::symlink_metadata(&path).unwrap();
        let mode = meta.permissions().mode() & 0o777;
        if meta.is_symlink() {
            let target = fs::read_link(&path).unwrap();
            things.insert(name, format!("-> {}", target.display()));
        } else if meta.is_dir() {
            // Empty frames of the tool itself do not count: `state/clusters`, and the directory
            // that a `create` began in.
            let frame = [
                "state",
                "state/clusters",
                "c",
                "c/.kor-cluster",
                "c/.kor-cluster/exchange",
                "c/.kor-cluster/work",
                "c/.kor-cluster/next",
                "c/.kor-cluster/undo",
            ]
            .contains(&name.as_str());
            if !frame {
                things.insert(name, format!("directory {mode:o}"));
            }
            walk(root, &path, things);
        } else if meta.file_type().is_fifo() {
            things.insert(name, "a pipe".to_owned());
        } else if name.starts_with("c/snapshots/") {
            // Its name and its content have the time in them.
            let instance = name.split('.').next().unwrap();
            let of_it = things.entry(instance.to_owned()).or_default();
            of_it.push_str(&format!("{mode:o} a snapshot "));
        } else {
            let text = fs::read_to_string(&path).unwrap();
            things.insert(
                name.clone(),
                format!("{mode:o} {}", without_secrets(&name, &text)),
            );
        }
    }
}

/// The drawn part of the names of a schema, its user and its index, and of the directory of what is
/// kept.
fn without_tags(text: &str) -> String {
    const TAG: usize = 6;
    // In a grant, as JSON, its underscores are escaped.
    let text = text.replace(r"\\_", "_");
    let mut parts = text.split("__");
    let mut out = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        out.push_str("__TAG");
        out.push_str(part.get(TAG..).unwrap_or_default());
    }
    match out.split_once("undo/a/") {
        Some((before, after)) => {
            let rest = after.split_once('/').map_or("", |(_, rest)| rest);
            format!("{before}undo/a/ID/{rest}")
        }
        None => out,
    }
}

fn without_secrets(name: &str, text: &str) -> String {
    if name.ends_with("admin_password") || name.ends_with("root_password") {
        return format!("{} characters", text.len());
    }
    if name.ends_with("undo.json") {
        return "a record".to_owned();
    }
    let text = &without_tags(text);
    let drawn = [
        "  \"at\":",
        "DB_PASSWORD=",
        "password=",
        "SECRET_KEY_BASE=",
        "DATABASE_URL=",
    ];
    text.lines()
        .map(
            |line| match drawn.iter().find(|key| line.starts_with(*key)) {
                Some(key) => format!("{key}{} characters\n", line.len()),
                None => format!("{line}\n"),
            },
        )
        .collect()
}
