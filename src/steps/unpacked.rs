//! What came out of a snapshot has the shape of an instance, and its settings do not lead to what
//! is somebody else's.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use crate::error::{Error, Result};
use crate::host::files;
use crate::model::env_file::EnvFile;
use crate::model::secret::Secret;
use crate::steps::intake::Intake;

/// Fails where a directory of the instance came as something else, or one of its files did.
///
/// # Errors
/// Exit 8 with the name, 1 where it cannot be looked at.
pub fn check_kinds(intake: &Intake) -> Result<()> {
    let texts = intake.texts.iter().map(|text| &text.name);
    let names = intake.roots.iter().chain(&intake.directories).chain(texts);
    for name in names {
        let path = intake.next.join(name);
        if !files::exists(&path) {
            continue;
        }
        let meta = fs::symlink_metadata(&path).map_err(|e| Error::io("look at", &path, &e))?;
        let wanted = match intake.directories.contains(name) {
            true => (meta.is_dir(), "directory"),
            false => (meta.is_file(), "file"),
        };
        if let (false, kind) = wanted {
            return Err(damaged(intake, &format!("its {name} is no {kind}")));
        }
    }
    Ok(())
}

/// Puts the settings of the place into the environment file that came.
///
/// # Errors
/// Exit 8 where they have no place in it, or it has them once more in another spelling, which the
/// application might read; 1 where it cannot be read or written.
pub fn overlay(intake: &Intake, name: &str) -> Result<()> {
    let path = intake.next.join(name);
    let text = read(intake, &path)?;
    let text = with_settings(&text, &intake.env)
        .map_err(|why| damaged(intake, &format!("its {name}: {why}")))?;
    files::write(&path, &text, files::PRIVATE)
}

fn read(intake: &Intake, path: &Path) -> Result<String> {
    if !files::exists(path) {
        return Ok(String::new());
    }
    let bytes = fs::read(path).map_err(|e| Error::io("read", path, &e))?;
    String::from_utf8(bytes).map_err(|_| damaged(intake, "its environment file is no text"))
}

fn with_settings(
    text: &str,
    settings: &BTreeMap<String, Option<Secret>>,
) -> Result<String, String> {
    let mut env = EnvFile::parse(text);
    let why = |error: Error| error.to_string();
    for (key, value) in settings {
        let is_there_once = env.keys().iter().filter(|k| *k == key).count() == 1;
        if value.is_none() || !is_there_once {
            env.unset(key).map_err(why)?;
        }
        if let Some(value) = value {
            env.set(key, value.reveal()).map_err(why)?;
        }
    }
    let text = env.to_string();
    // What is read is what counts: a quote that is not closed may have swallowed the rest.
    let read = EnvFile::parse(&text);
    for (key, value) in settings {
        let value = value.as_ref().map(|value| value.reveal().to_owned());
        let lines = text.lines().filter(|line| is_about(line, key)).count();
        if read.get(key) != value || lines != usize::from(value.is_some()) {
            return Err(format!("{key} stands in it in a form unknown here"));
        }
    }
    Ok(text)
}

/// Whether a line might set this key: Ruby's dotenv also takes `KEY: value` and `KEY = value`.
fn is_about(line: &str, key: &str) -> bool {
    let line = line.trim_start();
    let bare = line.strip_prefix("export").map_or(line, str::trim_start);
    bare.strip_prefix(key)
        .is_some_and(|rest| !rest.starts_with(|c: char| c.is_alphanumeric() || "_.".contains(c)))
}

fn damaged(intake: &Intake, why: &str) -> Error {
    let what = format!("{} is damaged, or no snapshot", intake.file.display());
    Error::damaged(what).why(why).next("take another snapshot")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with(text: &str) -> Result<String, String> {
        let some = |text| Some(Secret::new(text));
        let settings = BTreeMap::from([
            ("ELASTIC_INDEX".to_owned(), some("mine")),
            ("ELASTIC_TOKEN".to_owned(), None),
        ]);
        with_settings(text, &settings)
    }

    #[test]
    fn the_settings_of_the_place_are_there_once() {
        for (text, right) in [
            ("", "ELASTIC_INDEX='mine'\n"),
            (
                "ELASTIC_INDEX='theirs'\nA='b'\n",
                "ELASTIC_INDEX='mine'\nA='b'\n",
            ),
            (
                "ELASTIC_INDEX='theirs'\nexport ELASTIC_INDEX=x\nELASTIC_INDEXES=y\n",
                "ELASTIC_INDEXES=y\nELASTIC_INDEX='mine'\n",
            ),
            (
                "ELASTIC_TOKEN='theirs'\n# ELASTIC_TOKEN=x\n",
                "# ELASTIC_TOKEN=x\nELASTIC_INDEX='mine'\n",
            ),
        ] {
            assert_eq!(with(text).as_deref(), Ok(right), "{text}");
        }
    }

    #[test]
    fn no_other_spelling_of_them_gets_by() {
        for text in [
            "ELASTIC_INDEX: theirs\n",
            "ELASTIC_INDEX = theirs\n",
            "  export\tELASTIC_INDEX = 'theirs'\n",
            "ELASTIC_TOKEN: theirs\n",
            "A='\nELASTIC_INDEX=theirs\n'\n",
            "A='b\nELASTIC_INDEX: 'theirs\n",
            "ELASTIC_INDEX='a\nb'\n",
            "A=\"b\n",
        ] {
            let done = with(text);
            let is_safe = done.as_ref().is_ok_and(|text| {
                EnvFile::parse(text).get("ELASTIC_INDEX").as_deref() == Some("mine")
                    && text.matches("ELASTIC_INDEX").count() == 1
            });
            assert!(done.is_err() || is_safe, "{text}: {done:?}");
        }
        assert!(with("ELASTIC_INDEX: theirs\n").is_err());
    }
}
