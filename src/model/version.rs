//! Versions of ConedaKOR: `v1.9`, `v1.9.2`, `1.9.2` or any image tag such as `master`.

use std::cmp::Ordering;
use std::fmt;

use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};

/// A version as the operator gave it. What has no number in it is a tag that cannot be compared.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Version(String);

impl Version {
    /// The version that the text says: an image tag (`[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}`, the
    /// rule of the image specification). A number without its `v` gets one.
    ///
    /// # Errors
    /// Exit 2 where it is no tag.
    pub fn parse(text: &str) -> Result<Self> {
        let fits = text.len() <= 128
            && text.starts_with(|c: char| c.is_ascii_alphanumeric() || c == '_')
            && text
                .chars()
                .all(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | '.' | '-'));
        if !fits {
            return Err(Error::usage(format!("{text:?} is no version"))
                .why("a version is a tag such as v5.0.1 or master")
                .next("`contract list` shows what is covered"));
        }
        if text.starts_with(|c: char| c.is_ascii_digit()) && numbers(text).is_some() {
            return Ok(Version(format!("v{text}")));
        }
        Ok(Version(text.to_owned()))
    }

    /// The tag of the image, with its `v`.
    pub fn tag(&self) -> &str {
        &self.0
    }

    /// The numbers of it (`v1.9` has two), or nothing for a tag such as `master`.
    pub fn numbers(&self) -> Option<Vec<u64>> {
        numbers(self.0.strip_prefix('v')?)
    }

    /// Whether an application that says `running` is what was asked for: `v1.9` means any 1.9.x,
    /// and a tag without numbers is not compared.
    pub fn is_met_by(&self, running: &str) -> bool {
        let Some(asked) = self.numbers() else {
            return true;
        };
        numbers(running.trim_start_matches('v')).is_some_and(|run| run.starts_with(&asked))
    }
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Compares versions number by number; missing numbers count as 0.
pub fn compare(a: &[u64], b: &[u64]) -> Ordering {
    let longest = a.len().max(b.len());
    let at = |numbers: &[u64], i: usize| numbers.get(i).copied().unwrap_or(0);
    (0..longest)
        .map(|i| at(a, i).cmp(&at(b, i)))
        .find(|order| order.is_ne())
        .unwrap_or(Ordering::Equal)
}

/// The numbers of a text such as `10.11.6`; nothing where a part is no number. What follows a
/// dash or a plus (`5.6.16-alpine`) is left out.
pub fn numbers(text: &str) -> Option<Vec<u64>> {
    let bare = text.split(['-', '+']).next().unwrap_or_default();
    bare.split('.').map(|part| part.parse().ok()).collect()
}

/// A range of versions, `from` included and `below` excluded.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct VersionRange {
    /// The lowest version that is in it.
    pub from: String,
    /// The lowest version that is no longer in it.
    pub below: String,
}

impl VersionRange {
    /// Whether these numbers are in the range. `v5` or `v5.0` is in it where its lowest is.
    pub fn contains(&self, version: &[u64]) -> bool {
        match (numbers(&self.from), numbers(&self.below)) {
            (Some(from), Some(below)) => {
                compare(version, &from).is_ge() && compare(version, &below).is_lt()
            }
            _ => false,
        }
    }
}

impl fmt::Display for VersionRange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} up to (not including) {}", self.from, self.below)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_gets_its_v_and_a_tag_stays() {
        assert_eq!(Version::parse("1.9.2").unwrap().tag(), "v1.9.2");
        assert_eq!(Version::parse("v1.9").unwrap().tag(), "v1.9");
        assert_eq!(Version::parse("master").unwrap().tag(), "master");
        for bad in ["", "a b", "-x", "v1;rm", "ü", "v1/2"] {
            assert!(Version::parse(bad).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn two_numbers_mean_any_third() {
        let asked = Version::parse("v1.9").unwrap();
        assert!(asked.is_met_by("1.9.2"));
        assert!(!asked.is_met_by("1.10.2"));
        assert!(!Version::parse("v5.0.1").unwrap().is_met_by("5.1.0"));
        assert!(Version::parse("master").unwrap().is_met_by("5.1.0"));
    }

    #[test]
    fn ranges_exclude_their_end() {
        let range = VersionRange {
            from: "5.0".into(),
            below: "6".into(),
        };
        assert!(range.contains(&[5, 0, 1]));
        assert!(range.contains(&[5]));
        assert!(!range.contains(&[6, 0]));
        assert!(!range.contains(&[4, 9, 9]));
    }
}
