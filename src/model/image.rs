//! References of images: `repository:tag`.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};
use crate::model::version::numbers;

/// An image with its tag. Without one, `latest` is meant, as the engine has it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct ImageRef(String);

impl ImageRef {
    /// The reference that the text says.
    ///
    /// # Errors
    /// Exit 2 where it has characters that no reference has.
    pub fn parse(text: &str) -> Result<Self> {
        let fits = text.starts_with(|c: char| c.is_ascii_alphanumeric())
            && text.len() <= 255
            && text
                .chars()
                .all(|c| c.is_ascii_alphanumeric() || "._-/:@".contains(c));
        if fits {
            Ok(ImageRef(text.to_owned()))
        } else {
            Err(Error::usage(format!("{text:?} is no image"))
                .why("an image is named as in mariadb:10.11"))
        }
    }

    /// An image of a repository at a tag.
    pub fn of(repository: &str, tag: &str) -> Result<Self> {
        Self::parse(&format!("{repository}:{tag}"))
    }

    /// The whole reference.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The repository without tag or digest.
    pub fn repository(&self) -> &str {
        let bare = self.0.split('@').next().unwrap_or(&self.0);
        match bare.rsplit_once(':') {
            // A colon before a slash belongs to the registry's port.
            Some((repository, tag)) if !tag.contains('/') => repository,
            _ => bare,
        }
    }

    /// The tag, `latest` where there is none.
    pub fn tag(&self) -> &str {
        self.0
            .split('@')
            .next()
            .and_then(|bare| bare.strip_prefix(self.repository()))
            .and_then(|rest| rest.strip_prefix(':'))
            .unwrap_or("latest")
    }

    /// The numbers of its tag, where it has some.
    pub fn numbers(&self) -> Option<Vec<u64>> {
        numbers(self.tag())
    }
}

impl fmt::Display for ImageRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// What the engine says of an image that it has.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Image {
    /// The digest of its configuration.
    pub id: String,
    /// Its size in bytes.
    pub size: u64,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_registry_s_port_is_no_tag() {
        let image = ImageRef::parse("docker.coneda.net:443/kor").unwrap();
        assert_eq!(
            (image.repository(), image.tag()),
            ("docker.coneda.net:443/kor", "latest")
        );
        let image = ImageRef::parse("docker.coneda.net:443/kor:v1.9").unwrap();
        assert_eq!(
            (image.repository(), image.tag()),
            ("docker.coneda.net:443/kor", "v1.9")
        );
        assert!(ImageRef::parse("a b").is_err());
        assert!(ImageRef::parse("-x").is_err());
    }
}
