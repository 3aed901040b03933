//! What an image is built from: a public address, a directory, or a repository at a tag.

use std::fmt;
use std::path::{Path, PathBuf};

use crate::error::{Error, Result};
use crate::model::version::Version;

/// What an image is built from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Source {
    /// A public address, which the engine fetches itself.
    Address(String),
    /// A path on this machine: a repository (the version's tag is taken) or else a directory.
    Path(PathBuf),
    /// A directory whose files are taken as they stand, also if it is a repository: `dir:PATH`.
    Directory(PathBuf),
}

impl Source {
    /// The source that the text says. A path may be relative.
    ///
    /// # Errors
    /// Exit 2 for an address that is not public (with a login in it, by ssh), or that has
    /// characters which no address has.
    pub fn parse(text: &str) -> Result<Self> {
        let wrong = |why: &str| {
            Error::usage(format!(
                "{:?} is nothing to build from",
                without_login(text)
            ))
            .why(why)
            .next("say https://…/NAME.git, a directory, or a local repository")
        };
        if let Some((scheme, rest)) = text.split_once("://") {
            let authority = rest.split(['/', '#', '?']).next().unwrap_or_default();
            if authority.contains('@') {
                return Err(wrong(
                    "an address with a login in it is shown to everybody: labels and lists have it",
                ));
            }
            if !["https", "http", "git"].contains(&scheme) {
                return Err(wrong(
                    "the engine fetches https, http and git only, and what is public",
                ));
            }
            let fits = |c: char| c.is_ascii_graphic() && !"\"'`\\<>".contains(c);
            return match !authority.is_empty() && text.chars().all(fits) {
                true => Ok(Source::Address(text.to_owned())),
                false => Err(wrong("it is no address")),
            };
        }
        if text.starts_with("git@") {
            return Err(wrong(
                "the engine has no key for it; clone it, and name the clone",
            ));
        }
        let (path, as_it_stands) = match text.strip_prefix("dir:") {
            Some(path) => (path, true),
            None => (text, false),
        };
        if path.is_empty() || path.contains(['\0', '\n']) {
            return Err(wrong("it is no path"));
        }
        Ok(match as_it_stands {
            true => Source::Directory(PathBuf::from(path)),
            false => Source::Path(PathBuf::from(path)),
        })
    }

    /// The same for a file of settings, where a relative path would mean another place each time.
    ///
    /// # Errors
    /// As [`Source::parse`]; exit 2 for a relative path.
    pub fn absolute(text: &str) -> Result<Self> {
        let source = Source::parse(text)?;
        match source.path() {
            Some(path) if !path.is_absolute() => {
                Err(Error::usage(format!("{text:?} is a relative path"))
                    .why("here it would mean another place with each call")
                    .next("write the whole path, beginning with /"))
            }
            _ => Ok(source),
        }
    }

    /// Its path, where it is on this machine.
    pub fn path(&self) -> Option<&Path> {
        match self {
            Source::Address(_) => None,
            Source::Path(path) | Source::Directory(path) => Some(path),
        }
    }

    /// Below a directory, where its path is relative.
    pub fn below(self, directory: &Path) -> Self {
        match self {
            Source::Path(path) => Source::Path(directory.join(path)),
            Source::Directory(path) => Source::Directory(directory.join(path)),
            address => address,
        }
    }
}

/// The address with which the engine fetches a version: a repository's gets the version as its
/// branch or tag, unless one is said.
pub fn address_of(address: &str, version: &Version) -> String {
    match is_repository(address) {
        true => format!("{address}#{}", version.tag()),
        false => address.to_owned(),
    }
}

/// Whether an address is that of a repository of which no branch or tag is said.
pub fn is_repository(address: &str) -> bool {
    !address.contains('#') && (address.ends_with(".git") || address.starts_with("git://"))
}

fn without_login(text: &str) -> String {
    match (text.split_once("://"), text.rsplit_once('@')) {
        (Some((scheme, _)), Some((_, rest))) => format!("{scheme}://****@{rest}"),
        _ => text.to_owned(),
    }
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Source::Address(address) => f.write_str(address),
            Source::Path(path) => write!(f, "{}", path.display()),
            Source::Directory(path) => write!(f, "dir:{}", path.display()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_source_is_an_address_or_a_path() {
        let kor = "https://github.com/coneda/kor.git";
        assert_eq!(Source::parse(kor).unwrap(), Source::Address(kor.into()));
        assert_eq!(
            Source::parse("/srv/kor").unwrap(),
            Source::Path("/srv/kor".into())
        );
        assert_eq!(
            Source::parse("dir:/srv/kor").unwrap(),
            Source::Directory("/srv/kor".into())
        );
        assert_eq!(
            Source::parse("dir:/srv/kor").unwrap().to_string(),
            "dir:/srv/kor"
        );
        assert_eq!(
            Source::parse("kor").unwrap().below(Path::new("/srv")),
            Source::Path("/srv/kor".into())
        );
        for bad in [
            "",
            "ssh://host/x",
            "git@github.com:coneda/kor.git",
            "https://",
            "file:///x",
            "https://h/a b",
        ] {
            assert_eq!(Source::parse(bad).unwrap_err().exit_code(), 2, "{bad}");
        }
        assert!(Source::absolute("kor").is_err());
        assert!(Source::absolute("dir:/kor").is_ok());
    }

    #[test]
    fn a_login_in_an_address_is_refused_and_not_shown() {
        let error = Source::parse("https://me:secret@example.org/kor.git").unwrap_err();
        assert!(!format!("{error:?}").contains("secret"), "{error:?}");
    }

    #[test]
    fn a_repository_is_fetched_at_the_version() {
        let version = Version::parse("v5.0.1").unwrap();
        let of = |address: &str| address_of(address, &version);
        assert_eq!(of("https://h/kor.git"), "https://h/kor.git#v5.0.1");
        assert_eq!(of("https://h/kor.git#mine"), "https://h/kor.git#mine");
        assert_eq!(of("https://h/kor.tar.gz"), "https://h/kor.tar.gz");
    }
}
