//! Where users log in who are not known here: `auth.sources`, which becomes `AUTH_SOURCE_NAME_KEY`.

use std::collections::BTreeMap;

use super::settings::{Setting, Settings, in_words, words};
use super::{Carried, Fate};

/// What a source may say; lists become words behind each other.
const KEYS: [&str; 8] = [
    "type",
    "script",
    "user",
    "mail",
    "domain",
    "full_name",
    "splitter",
    "map_to",
];

/// What becomes of them.
pub fn carry(settings: &mut Settings, carried: &mut Carried) {
    let mut names: BTreeMap<String, String> = BTreeMap::new();
    for (path, setting) in settings.take_below("auth.sources") {
        let whole = format!("auth.sources.{path}");
        let (source, key) = path.split_once('.').unwrap_or((&path, ""));
        let name = letters(source);
        let holder = names
            .entry(name.clone())
            .or_insert_with(|| source.to_owned());
        if name.is_empty() || holder != source {
            carried.leave(
                &setting.file,
                &whole,
                "its name has to differ from others in letters",
            );
        } else if KEYS.contains(&key) {
            say(&name, key, &whole, &setting, carried);
        } else {
            carried.leave(&setting.file, &whole, "the new version has no such setting");
        }
    }
    names.remove("");
    if !names.is_empty() {
        let names: Vec<String> = names.keys().map(|name| name.to_lowercase()).collect();
        carried.say("AUTH_SOURCES", &names.join(" "));
    }
}

fn say(name: &str, key: &str, path: &str, setting: &Setting, carried: &mut Carried) {
    // These may have spaces in them; the others are lists.
    let text = match key {
        "script" | "splitter" | "map_to" | "type" => in_words(&setting.value),
        _ => Some(words(&setting.value).join(" ")),
    };
    let Some(text) = text else {
        return carried.leave(&setting.file, path, "it is no text");
    };
    carried.say(&format!("AUTH_SOURCE_{name}_{}", key.to_uppercase()), &text);
    if key == "script" {
        let why = "the program itself is in no directory that the new containers see";
        carried.remark(Fate::ToCheck, &setting.file, path, why);
    }
}

/// The new version takes letters alone for a source's name, and all behind an underscore for its key.
fn letters(name: &str) -> String {
    let letters = name.chars().filter(char::is_ascii_alphabetic);
    letters.collect::<String>().to_uppercase()
}
