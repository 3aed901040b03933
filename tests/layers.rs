//! The house: data flows one way, and a room imports only from rooms below it.

#![allow(clippy::unwrap_used, missing_docs)]

use std::fs;
use std::path::{Path, PathBuf};

/// The rooms from top to bottom. Rooms in one row do not see each other.
const ROWS: [&[&str]; 7] = [
    &["cli"],
    &["commands"],
    &["steps"],
    &["journal", "services"],
    &["engine"],
    &["host"],
    &["model"],
];

/// The rooms that the journal sees: it knows no engine and no service.
const OF_THE_JOURNAL: [&str; 3] = ["journal", "host", "model"];

#[test]
fn a_room_imports_only_from_rooms_below_it() {
    let mut wrong = Vec::new();
    let mut seen = 0;
    for file in source_files(Path::new("src")) {
        let room = room_of(&file);
        let Some(room) = room else { continue };
        for (number, line) in fs::read_to_string(&file).unwrap().lines().enumerate() {
            for imported in imports(line) {
                if row(&imported).is_none() {
                    continue;
                }
                seen += 1;
                if !may_see(&room, &imported) {
                    wrong.push(format!(
                        "{}:{}: {room} → {imported}",
                        file.display(),
                        number + 1
                    ));
                }
            }
        }
    }
    assert!(seen > 100, "the imports were not found");
    assert!(
        wrong.is_empty(),
        "imports that go up:\n{}",
        wrong.join("\n")
    );
}

#[test]
fn the_rule_finds_what_breaks_it() {
    assert!(!may_see("engine", "steps"));
    assert!(!may_see("journal", "services"));
    assert!(!may_see("journal", "engine"));
    assert!(may_see("steps", "engine"));
    assert_eq!(imports("use crate::cli::args;"), ["cli"]);
    assert_eq!(imports("    let x = crate::steps::run();"), ["steps"]);
    assert_eq!(
        imports("use crate::{host::files, model};"),
        ["host", "model"]
    );
}

#[test]
fn no_file_is_too_long() {
    let long: Vec<String> = ["src", "tests", "benches", "fuzz/src"]
        .into_iter()
        .flat_map(|directory| source_files(Path::new(directory)))
        .map(|file| (fs::read_to_string(&file).unwrap().lines().count(), file))
        .filter(|(lines, _)| *lines > 600)
        .map(|(lines, file)| format!("{}: {lines}", file.display()))
        .collect();
    assert!(long.is_empty(), "over 600 lines: {}", long.join(", "));
}

fn may_see(room: &str, imported: &str) -> bool {
    if room == "journal" {
        return OF_THE_JOURNAL.contains(&imported);
    }
    match (row(room), row(imported)) {
        (Some(own), Some(other)) => room == imported || other > own,
        _ => true,
    }
}

fn row(room: &str) -> Option<usize> {
    ROWS.iter().position(|rooms| rooms.contains(&room))
}

fn room_of(file: &Path) -> Option<String> {
    let mut parts = file.components().skip(1);
    let first = parts.next()?.as_os_str().to_string_lossy().into_owned();
    Some(first.trim_end_matches(".rs").to_owned()).filter(|room| row(room).is_some())
}

/// The rooms that a line of code names, in `use` or in a path.
fn imports(line: &str) -> Vec<String> {
    let code = line.split("//").next().unwrap_or_default();
    let mut found = Vec::new();
    for part in code.split("crate::").skip(1) {
        let words = match part.strip_prefix('{') {
            Some(list) => list.split(',').map(first_word).collect(),
            None => vec![first_word(part)],
        };
        found.extend(words.into_iter().filter(|word| !word.is_empty()));
    }
    found
}

fn first_word(text: &str) -> String {
    text.trim()
        .chars()
        .take_while(|c| c.is_alphanumeric() || *c == '_')
        .collect()
}

fn source_files(directory: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for entry in fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            files.extend(source_files(&path));
        } else if path.extension().is_some_and(|e| e == "rs") {
            files.push(path);
        }
    }
    files
}
