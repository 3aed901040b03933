//! Everything that a verb can change, as text that can be compared: files with modes and contents,
//! and the fake engine's world. Drawn secrets, times and the tool's own records are left out.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::{FileTypeExt, PermissionsExt};
use std::path::{Path, PathBuf};

use crate::place::Place;

/// The state of a place, one line per thing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct State(BTreeMap<String, String>);

impl State {
    pub fn of(place: &Place) -> Self {
        let mut things = BTreeMap::new();
        let mut tags = Tags::of(place);
        walk(place.path(), place.path(), &mut tags, &mut things);
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
            // Sorted by the names as they are now.
            let text = tags.named(&value.to_string());
            match serde_json::from_str(&text).unwrap() {
                serde_json::Value::Object(entries) => things.extend(
                    entries
                        .into_iter()
                        .map(|(name, entry)| (format!("engine: {key} {name}"), entry.to_string())),
                ),
                value => drop(things.insert(format!("engine: {key}"), value.to_string())),
            }
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
const LEFT_OUT: [&str; 8] = [
    ".kor-cluster/journal",
    ".kor-cluster/locks",
    ".kor-cluster/history.jsonl",
    ".kor-cluster/measured",
    "state/locks",
    "engine.json",
    "engine.new",
    "crash.log",
];

fn walk(root: &Path, directory: &Path, tags: &mut Tags, things: &mut BTreeMap<String, String>) {
    for path in sorted(directory) {
        let name = path.strip_prefix(root).unwrap().display().to_string();
        let name = without_id(&tags.named(&name));
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
            // One for an instance that keeps nothing at the moment.
            let of_undo = name.strip_prefix("c/.kor-cluster/undo/");
            if !frame && of_undo.is_none_or(|rest| rest.contains('/')) {
                things.insert(name, format!("directory {mode:o}"));
            }
            walk(root, &path, tags, things);
        } else if meta.file_type().is_fifo() {
            things.insert(name, "a pipe".to_owned());
        } else if name.starts_with("c/snapshots/") {
            // Its name and its content have the time in them.
            let instance = name.split('.').next().unwrap();
            let of_it = things.entry(instance.to_owned()).or_default();
            of_it.push_str(&format!("{mode:o} a snapshot "));
        } else {
            let text = tags.named(&fs::read_to_string(&path).unwrap());
            things.insert(
                name.clone(),
                format!("{mode:o} {}", without_secrets(&name, &text)),
            );
        }
    }
}

/// The drawn parts of the names of schemas, users and indices, each called by its place in the order
/// in which they come: that of an instance first, then those of what it keeps.
struct Tags(Vec<String>);

impl Tags {
    /// How long one is.
    const LENGTH: usize = 6;

    fn of(place: &Place) -> Self {
        let mut tags = Tags(Vec::new());
        let instances = sorted(&place.join("c/instances"));
        let kept = sorted(&place.join("c/.kor-cluster/undo"));
        let kept = kept.iter().flat_map(|of_one| sorted(of_one));
        let kept = kept.map(|one| one.join("content"));
        for directory in instances.into_iter().chain(kept) {
            for file in ["config.sh", ".env"] {
                let text = fs::read_to_string(directory.join(file));
                tags.named(&text.unwrap_or_default());
            }
        }
        tags
    }

    /// A text with these names in the place of the tags.
    fn named(&mut self, text: &str) -> String {
        // In a grant, as JSON, its underscores are escaped.
        let text = text.replace(r"\\_", "_");
        let mut parts = text.split("__");
        let mut out = parts.next().unwrap_or_default().to_owned();
        for part in parts {
            let (tag, rest) = part.split_at_checked(Tags::LENGTH).unwrap_or((part, ""));
            let known = self.0.iter().position(|known| known == tag);
            let number = known.unwrap_or_else(|| {
                self.0.push(tag.to_owned());
                self.0.len() - 1
            });
            out.push_str(&format!("__TAG{number}{rest}"));
        }
        out
    }
}

/// What is in a directory; nothing where there is none.
fn sorted(directory: &Path) -> Vec<PathBuf> {
    let Ok(entries) = fs::read_dir(directory) else {
        return Vec::new();
    };
    let mut paths: Vec<PathBuf> = entries.map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    paths
}

/// Without the drawn name of the directory of what is kept.
fn without_id(path: &str) -> String {
    let Some((before, after)) = path.split_once("undo/") else {
        return path.to_owned();
    };
    let mut parts = after.splitn(3, '/');
    let name = parts.next().unwrap_or_default();
    let id = parts.next().map_or("", |_| "/ID/");
    let rest = parts.next().unwrap_or_default();
    format!("{before}undo/{name}{id}{rest}")
}

fn without_secrets(name: &str, text: &str) -> String {
    if name.ends_with("admin_password") || name.ends_with("root_password") {
        return format!("{} characters", text.len());
    }
    if name.ends_with("undo.json") || name.ends_with(".noted") {
        return "a record".to_owned();
    }
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
