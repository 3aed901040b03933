//! All that a verb can change on the real engine, as things that can be compared: containers and
//! networks, schemas by rows and sums, users and their rights, indices, files. What is drawn anew
//! each time, times and the tool's own records are made the same or left out.

mod database;
mod files;
mod indices;
mod running;

use std::collections::BTreeMap;
use std::path::Path;

pub use running::runs;

/// What there is of one cluster.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Picture(BTreeMap<String, Vec<String>>);

impl Picture {
    /// Of the cluster of this name in this directory, as soon as what runs in it answers.
    pub fn of(name: &str, root: &Path) -> Self {
        let mut picture = Picture::default();
        running::add(&mut picture, name);
        if running::runs(&format!("{name}_mysql")) {
            database::add(&mut picture, name, root);
        }
        if running::runs(&format!("{name}_elastic")) {
            indices::add(&mut picture, name);
        }
        files::add(&mut picture, name, root);
        picture
    }

    /// The same for an instance whose content is drawn anew each time that it is made: how much
    /// there is of it counts, and not what.
    pub fn but_content_of(&self, instance: &str) -> Self {
        let drawn = [
            format!("sum kor_{instance}."),
            format!("sum kor_{instance}__"),
        ];
        let data = format!("file instances/{instance}/data/");
        let site = format!("_instance_{instance}");
        let mut things = self.0.clone();
        things.retain(|thing, _| {
            let is_site = thing.starts_with("site ") && thing.ends_with(&site);
            !is_site && !drawn.iter().any(|begin| thing.starts_with(begin))
        });
        for (thing, what) in &mut things {
            if thing.starts_with(&data) {
                *what = vec!["there".to_owned(); what.len()];
            }
        }
        Picture(things)
    }

    /// The same without containers that do not run: they are as good as none.
    pub fn running(&self) -> Self {
        let mut things = self.0.clone();
        things.retain(|thing, what| {
            let is_idle = |what: &String| !what.starts_with("\"running\"");
            !thing.starts_with("container ") || !what.iter().all(is_idle)
        });
        Picture(things)
    }

    /// What differs, a line each.
    pub fn differences(&self, other: &Picture) -> String {
        let mut things: Vec<&String> = self.0.keys().chain(other.0.keys()).collect();
        things.sort();
        things.dedup();
        things
            .into_iter()
            .filter(|thing| self.0.get(*thing) != other.0.get(*thing))
            .map(|thing| {
                format!(
                    "{thing}\n    is {:?}\n    of {:?}\n",
                    self.0.get(thing),
                    other.0.get(thing)
                )
            })
            .collect()
    }

    fn add(&mut self, thing: impl AsRef<str>, what: impl AsRef<str>) {
        let of_it = self.0.entry(without_tags(thing.as_ref())).or_default();
        of_it.push(without_tags(what.as_ref()));
        of_it.sort();
    }
}

/// The drawn part of the names of a schema, its user and its index.
fn without_tags(text: &str) -> String {
    const TAG: usize = 6;
    let mut parts = text.split("__");
    let mut out = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let drawn = part.len() >= TAG
            && part.is_char_boundary(TAG)
            && part[..TAG].chars().all(|c| c.is_ascii_alphanumeric());
        out.push_str(if drawn { "__TAG" } else { "__" });
        out.push_str(if drawn { &part[TAG..] } else { part });
    }
    out
}
