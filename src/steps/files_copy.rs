//! A copy of an instance's files that something is tried out on, while the files themselves serve.

use std::path::{Path, PathBuf};

use crate::error::Result;
use crate::host::clone::{Clone as TreeClone, Rules};
use crate::host::{crash, files, inventory};
use crate::model::name::Name;
use crate::steps::{World, exchange, noted};

/// How many directories above a copy are made for it: `undo/NAME/ID/content/`.
const LEVELS: usize = 3;

/// Copies a directory as it is now.
pub fn copy(world: &World<'_>, from: &Path, to: &Path, rules: &Rules) -> Result<()> {
    files::remove_tree(to)?;
    if let Some(above) = to.parent() {
        exchange::make_directories(above)?;
    }
    let (mode, owner) = files::rights(from)?.unwrap_or((0o755, (0, 0)));
    files::make_directory(to, mode, Some(owner))?;
    update(world, from, to, rules)
}

/// Makes a copy that is there what the directory is now. Where it is made of links, only the names in
/// both are compared.
pub fn update(world: &World<'_>, from: &Path, to: &Path, rules: &Rules) -> Result<()> {
    TreeClone::begin(from, to, rules)?.update(world.interrupt)?;
    // What it was made of may be gone before the engine's host would have written it by itself.
    files::sync_file_system(to)
}

/// Removes the copy, and the directories above it that it alone is in, however far it came with them.
pub fn undo(to: &Path) -> Result<()> {
    files::remove_tree(to)?;
    for above in to.ancestors().skip(1).take(LEVELS) {
        if above.is_dir() && !files::remove_if_empty(above)? {
            break;
        }
    }
    Ok(())
}

/// Of two copies one is not needed: where `worked_on` was changed, the original is what is kept in
/// the place of `kept`; where it was not, the original goes on serving. The one that is not needed
/// is set aside: removing it takes its time, and nobody writes meanwhile.
pub fn settle(worked_on: &Path, kept: &Path) -> Result<()> {
    if !worked_on.is_dir() || !kept.is_dir() {
        return Ok(());
    }
    let same = inventory::are_same(worked_on, kept)?;
    if !same {
        // The application wrote to it, and it is going to be what serves.
        files::sync_file_system(worked_on)?;
    }
    crash::point("before one of two copies goes");
    let aside = aside(worked_on);
    files::remove_tree(&aside)?;
    files::rename(if same { worked_on } else { kept }, &aside)
}

/// Fails where `directory` has other files than when two copies were made of it, of which the one that was
/// `worked_on` is to take its place. Files in `but` do not count.
pub fn check_copied(
    instance: &Name,
    directory: &Path,
    worked_on: &Path,
    but: &[PathBuf],
) -> Result<()> {
    if !worked_on.is_dir() {
        return Ok(());
    }
    let changes = inventory::differences(&aside(worked_on), directory, but)?;
    noted::need_none(instance, &changes.lines())
}

/// Removes the copy that was set aside; both go then.
pub fn undo_settle(worked_on: &Path) -> Result<()> {
    files::remove_tree(&aside(worked_on))
}

/// Beside the one that was worked on, in a place that is discarded at the end.
fn aside(worked_on: &Path) -> PathBuf {
    worked_on.with_extension("superfluous")
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;
    use crate::host::interrupt::Interrupt;

    #[test]
    fn a_copy_that_was_only_begun_leaves_nothing() {
        let place = tempfile::tempdir().unwrap();
        let to = place.path().join("undo/main/id/content/data");
        fs::create_dir_all(place.path().join("undo/other")).unwrap();
        for begun in to.ancestors().take(4) {
            fs::create_dir_all(begun).unwrap();
            undo(&to).unwrap();
            let left = files::names_in(&place.path().join("undo")).unwrap();
            assert_eq!(left, ["other"], "{}", begun.display());
        }
    }

    #[test]
    fn the_copy_that_was_worked_on_stays_only_where_that_changed_it() {
        let place = tempfile::tempdir().unwrap();
        let at = |name: &str| place.path().join(name);
        for (changes, worked_on, kept) in [(false, false, true), (true, true, false)] {
            fs::create_dir_all(at("data/media")).unwrap();
            fs::write(at("data/media/a"), "a").unwrap();
            fs::write(at("data/settings.json"), "{}").unwrap();
            let rules = Rules {
                write_once: vec!["media".into()],
                ..Rules::default()
            };
            for name in ["worked", "kept"] {
                fs::create_dir(at(name)).unwrap();
                let (from, to) = (at("data"), at(name));
                let mut clone = TreeClone::begin(&from, &to, &rules).unwrap();
                clone.update(&Interrupt::default()).unwrap();
            }
            if changes {
                fs::write(at("worked/settings.json"), "{\"a\":1}").unwrap();
            }
            for _ in 0..2 {
                settle(&at("worked"), &at("kept")).unwrap();
                assert_eq!(at("worked").exists(), worked_on);
                assert_eq!(at("kept").exists(), kept);
            }
            undo_settle(&at("worked")).unwrap();
            assert_eq!(
                at("worked").exists(),
                worked_on,
                "the others are other steps'"
            );
            let left = files::names_in(place.path()).unwrap();
            assert_eq!(left.len(), 2, "{left:?}");
            for name in ["worked", "kept", "data"] {
                files::remove_tree(&at(name)).unwrap();
            }
        }
    }
}
