//! References of images: `repository:tag`.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};
use crate::model::label::Labels;
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

    /// Whether it is an image's id, and no name.
    pub fn is_id(&self) -> bool {
        self.0.starts_with("sha256:")
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

    /// The registry that it names itself; none where the default one is meant. A first word counts
    /// as a registry if it has a dot or a port in it, as the engine has it.
    pub fn registry(&self) -> Option<&str> {
        let (first, _) = self.repository().split_once('/')?;
        is_registry(first).then_some(first)
    }

    /// With its tag, also where that is the default one; a digest is left as it is.
    pub fn with_tag(&self) -> String {
        match self.0.contains('@') {
            true => self.0.clone(),
            false => format!("{}:{}", self.repository(), self.tag()),
        }
    }

    /// As the engine lists it: with its tag, and without the default registry's name.
    pub fn as_listed(&self) -> String {
        let whole = self.with_tag();
        let bare = whole
            .strip_prefix("docker.io/")
            .or_else(|| whole.strip_prefix("index.docker.io/"))
            .unwrap_or(&whole);
        match bare.strip_prefix("library/") {
            Some(official) if !official.split(':').next().unwrap_or("").contains('/') => {
                official.to_owned()
            }
            _ => bare.to_owned(),
        }
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

fn is_registry(word: &str) -> bool {
    word.contains(['.', ':']) || word == "localhost"
}

/// A registry that is asked first for what names no registry: `host[:port][/prefix]`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mirror(String);

impl Mirror {
    /// The mirror that the text says.
    ///
    /// # Errors
    /// Exit 2 where it is none: an address with `https://`, or a name that the engine would look
    /// for in its default registry.
    pub fn parse(text: &str) -> Result<Self> {
        let wrong = |why: &str| {
            Error::usage(format!("{text:?} is no mirror"))
                .why(why)
                .next("a mirror is HOST[:PORT][/PREFIX], such as registry.example.org:5000")
        };
        if text.contains("://") {
            return Err(wrong(
                "the engine itself decides how it speaks to a registry",
            ));
        }
        let host = text.split('/').next().unwrap_or_default();
        if !is_registry(host) {
            return Err(wrong(
                "its host needs a dot or a port, else it is taken for a path",
            ));
        }
        let fits = ImageRef::of(text, "tag").is_ok_and(|image| image.repository() == text)
            && !text.contains('@')
            && text
                .split('/')
                .skip(1)
                .all(|part| !part.is_empty() && !part.contains(':'));
        match fits {
            true => Ok(Mirror(text.to_owned())),
            false => Err(wrong("it has characters that no repository has")),
        }
    }

    /// Where it may have an image, the likeliest first; nowhere for an image of another registry,
    /// and for one that is named by its digest, which could not be given its name here.
    pub fn places_of(&self, image: &ImageRef) -> Vec<ImageRef> {
        if image.registry().is_some() || image.as_str().contains('@') {
            return Vec::new();
        }
        let path = image.with_tag();
        let mut places = vec![ImageRef(format!("{}/{path}", self.0))];
        if !path.contains('/') {
            // What passes requests on to the default registry has its official images here.
            places.push(ImageRef(format!("{}/library/{path}", self.0)));
        }
        places
    }
}

impl fmt::Display for Mirror {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// What the engine says of an image that it has.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Image {
    /// The digest of its configuration.
    pub id: String,
    /// Its size in bytes.
    pub size: u64,
    /// Its names with their tags; none where another image took them.
    pub names: Vec<String>,
    /// The digests under which registries have it, each behind its repository and an `@`.
    pub digests: Vec<String>,
    /// Its labels.
    pub labels: Labels,
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
        assert_eq!(image.registry(), Some("docker.coneda.net:443"));
        assert_eq!(ImageRef::parse("coneda/kor:v5").unwrap().registry(), None);
        assert!(ImageRef::parse("a b").is_err());
        assert!(ImageRef::parse("-x").is_err());
    }

    #[test]
    fn one_image_has_one_name_in_a_list() {
        for (given, listed) in [
            ("mariadb", "mariadb:latest"),
            ("docker.io/library/mariadb:10.11", "mariadb:10.11"),
            ("docker.io/coneda/kor:v5.0.1", "coneda/kor:v5.0.1"),
            ("library/a/b:1", "library/a/b:1"),
            ("h:5000/kor:v5.0.1", "h:5000/kor:v5.0.1"),
        ] {
            assert_eq!(ImageRef::parse(given).unwrap().as_listed(), listed);
        }
    }

    #[test]
    fn a_mirror_has_what_names_no_registry() {
        let mirror = Mirror::parse("registry.example.org:5000/hub").unwrap();
        let places = |image: &str| -> Vec<String> {
            let places = mirror.places_of(&ImageRef::parse(image).unwrap());
            places.iter().map(ToString::to_string).collect()
        };
        assert_eq!(
            places("mariadb:10.11"),
            [
                "registry.example.org:5000/hub/mariadb:10.11",
                "registry.example.org:5000/hub/library/mariadb:10.11"
            ]
        );
        assert_eq!(
            places("coneda/kor:v5"),
            ["registry.example.org:5000/hub/coneda/kor:v5"]
        );
        assert!(places("ghcr.io/coneda/kor:v5").is_empty());
        for bad in [
            "https://h.org",
            "mirror",
            "mirror/x",
            "h.org/",
            "h.org/a b",
            "h.org/a:1",
            "",
        ] {
            assert_eq!(Mirror::parse(bad).unwrap_err().exit_code(), 2, "{bad}");
        }
        assert!(Mirror::parse("localhost").is_ok());
        assert!(Mirror::parse("127.0.0.1:5000").is_ok());
    }
}
