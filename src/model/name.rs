//! Names of clusters and instances: the only text of an operator that reaches paths, SQL and
//! container names, so it is a checked type from the command line on.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};

/// The longest name that is given to something new.
pub const LONGEST: usize = 40;

/// The name of a cluster or an instance.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Name(String);

impl Name {
    /// A name for something new: `[a-z0-9][a-z0-9_-]{0,39}` without `__` (search indices are lower
    /// case, and `a__next` is the tool's own).
    ///
    /// # Errors
    /// Exit 2 with the rule that the text breaks.
    pub fn for_new(text: &str) -> Result<Self> {
        let broken = if text.is_empty() {
            Some("it is empty")
        } else if text.len() > LONGEST {
            Some("it is longer than 40 characters")
        } else if !text.starts_with(|c: char| c.is_ascii_lowercase() || c.is_ascii_digit()) {
            Some("it does not start with a lower case letter or a digit")
        } else if !text
            .chars()
            .all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_' || c == '-')
        {
            Some("only a-z, 0-9, _ and - are allowed")
        } else if text.contains("__") {
            Some("two underscores in a row are the tool's own")
        } else {
            None
        };
        match broken {
            None => Ok(Name(text.to_owned())),
            Some(rule) => Err(Error::usage(format!("{text:?} is no name for this"))
                .why(rule)
                .next("use a name such as my_instance")),
        }
    }

    /// A name that stands on disk already: whatever the original wrote, as long as it is one path
    /// component and can be part of a container's name.
    ///
    /// # Errors
    /// Exit 2 where it could leave its directory.
    pub fn on_disk(text: &str) -> Result<Self> {
        let fits = !text.is_empty()
            && text.len() <= 128
            && !text.starts_with(['.', '-'])
            && text
                .chars()
                .all(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.'));
        if fits {
            Ok(Name(text.to_owned()))
        } else {
            Err(Error::usage(format!("{text:?} is no name of an instance"))
                .next("`list` shows the names"))
        }
    }

    /// The name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}
