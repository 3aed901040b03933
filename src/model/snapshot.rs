//! What a snapshot is called, and what it says of itself.

use std::collections::BTreeMap;
use std::fmt;

use jiff::Timestamp;
use jiff::civil::DateTime;
use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};
use crate::model::name::Name;
use crate::model::version::Version;

/// The version of the format that this program writes, and the newest that it reads.
pub const FORMAT: u32 = 1;

/// How a time stands in a file's name.
const STAMP: &str = "%Y%m%d_%H%M%S";

/// How a snapshot is packed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub enum Packing {
    /// This program's own: everything, with its description where it is found at once.
    #[default]
    #[serde(rename = "tar.zst")]
    Zstd,
    /// The shell script's, which it can import.
    #[serde(rename = "tar.gz")]
    Gzip,
}

impl Packing {
    /// How the file's name ends, without the dot.
    pub fn suffix(self) -> &'static str {
        match self {
            Packing::Zstd => "tar.zst",
            Packing::Gzip => "tar.gz",
        }
    }
}

/// The name of a snapshot's file, `INSTANCE.YYYYMMDD_HHMMSS.VERSION.tar.zst`, as the shell script
/// made them too (with `.tar.gz`).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SnapshotName {
    /// The instance that it is of.
    pub instance: Name,
    /// When. This program writes UTC, the shell script wrote the host's local time.
    pub taken: DateTime,
    /// The instance's version.
    pub version: Version,
    /// How it is packed.
    pub packing: Packing,
}

impl SnapshotName {
    /// The name of a snapshot that is made now.
    pub fn new(instance: Name, taken: Timestamp, version: Version, packing: Packing) -> Self {
        let taken = taken.to_zoned(jiff::tz::TimeZone::UTC).datetime();
        SnapshotName {
            instance,
            taken,
            version,
            packing,
        }
    }

    /// What a file's name (without its directory) says. It is read from the right: names of
    /// instances in the field and versions both may have dots in them.
    ///
    /// # Errors
    /// Exit 2 where it is not the name of a snapshot.
    pub fn parse(text: &str) -> Result<Self> {
        let not_one = || {
            Error::usage(format!("{text:?} is not the name of a snapshot"))
                .why("a snapshot is called INSTANCE.YYYYMMDD_HHMMSS.VERSION.tar.zst")
        };
        let (bare, packing) = [Packing::Zstd, Packing::Gzip]
            .into_iter()
            .find_map(|p| Some((text.strip_suffix(p.suffix())?.strip_suffix('.')?, p)))
            .ok_or_else(not_one)?;
        let mut version_at = bare.len();
        while let Some(stamp_end) = bare[..version_at].rfind('.') {
            version_at = stamp_end;
            let Some(stamp_at) = bare[..stamp_end].rfind('.') else {
                break;
            };
            if let Some(taken) = stamp(&bare[stamp_at + 1..stamp_end]) {
                return Ok(SnapshotName {
                    instance: Name::on_disk(&bare[..stamp_at]).map_err(|_| not_one())?,
                    taken,
                    version: Version::parse(&bare[stamp_end + 1..]).map_err(|_| not_one())?,
                    packing,
                });
            }
        }
        Err(not_one())
    }
}

/// The time that `YYYYMMDD_HHMMSS` says, with exactly these digits.
fn stamp(text: &str) -> Option<DateTime> {
    let time = DateTime::strptime(STAMP, text).ok()?;
    (time.strftime(STAMP).to_string() == text).then_some(time)
}

impl fmt::Display for SnapshotName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let taken = self.taken.strftime(STAMP);
        let suffix = self.packing.suffix();
        write!(f, "{}.{taken}.{}.{suffix}", self.instance, self.version)
    }
}

/// How writers were kept out while the files and the rows were taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Hold {
    /// By a lock on the tables, for a moment.
    Lock,
    /// By taking the right to write away, for as long as it took.
    ReadOnly,
    /// They were not.
    None,
}

/// How the files were taken before they were packed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CloneKind {
    /// As a copy that shares its blocks until one of both is written.
    Reflink,
    /// As hard links.
    HardLinks,
    /// As a copy.
    Copy,
    /// They were not: they were packed where they stand.
    None,
}

/// What whoever makes a snapshot knows of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct About {
    /// The version of kor-cluster that made it.
    pub tool: String,
    /// The cluster's name.
    pub cluster: String,
    /// The instance's name.
    pub instance: String,
    /// The instance's version, as its tag.
    pub version: String,
    /// The name of the contract that covers it.
    pub contract: String,
    /// The moment that its content is of, in whole seconds.
    pub taken: Timestamp,
    /// How writers were kept out.
    pub hold: Hold,
    /// How the files were taken.
    pub clone: CloneKind,
    /// What the database server says of its version.
    pub database: String,
    /// The rows of each table, as counted in the same moment.
    pub rows: BTreeMap<String, u64>,
    /// How many documents the search index had; nothing where it is not in the snapshot.
    pub documents: Option<u64>,
    /// Whether all of it is of one moment.
    pub consistent: bool,
}

/// What was packed, as counted while it was.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Content {
    /// Regular files, each inode once.
    pub files: u64,
    /// Further names of these files.
    pub hard_links: u64,
    /// Symbolic links.
    pub links: u64,
    /// Directories.
    pub directories: u64,
    /// Bytes of the regular files, holes included.
    pub file_bytes: u64,
    /// Bytes of the dump, unpacked.
    pub dump_bytes: u64,
    /// Bytes of the search index's documents, unpacked.
    pub index_bytes: u64,
    /// Bytes of the tar archive up to the description, unpacked: headers, files, dump, documents.
    pub tar_bytes: u64,
    /// What could not be packed: sockets, pipes, devices, links that lead out of their directory.
    pub left_out: u64,
    /// SHA-256 of the list of checksums, in hexadecimal digits.
    pub checksums: String,
}

/// What a snapshot says of itself: the last file in it, `snapshot.json`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Manifest {
    /// The version of the format.
    pub format: u32,
    /// What whoever made it knew.
    #[serde(flatten)]
    pub about: About,
    /// What is in it.
    pub content: Content,
}

impl Manifest {
    /// As it stands in the snapshot.
    ///
    /// # Errors
    /// Exit 1; there is no such case.
    pub fn to_json(&self) -> Result<Vec<u8>> {
        let mut json = serde_json::to_vec_pretty(self)
            .map_err(|e| Error::failed("cannot describe the snapshot").why(e))?;
        json.push(b'\n');
        Ok(json)
    }

    /// What the text in a snapshot says.
    ///
    /// # Errors
    /// Exit 6 where a newer program wrote it, 8 where it is not a description.
    pub fn parse(json: &[u8]) -> Result<Self> {
        #[derive(Deserialize)]
        struct Format {
            format: u32,
        }
        let bad = |e| Error::damaged("the snapshot's snapshot.json cannot be read").why(e);
        let Format { format } = serde_json::from_slice(json).map_err(bad)?;
        if format > FORMAT {
            return Err(Error::refused(format!("the snapshot has format {format}"))
                .why(format!("this kor-cluster reads formats up to {FORMAT}"))
                .next("use the kor-cluster that made it, or a newer one"));
        }
        serde_json::from_slice(json).map_err(bad)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_read_from_the_right() {
        for (text, instance, version) in [
            ("main.20261122_224500.v5.0.1.tar.zst", "main", "v5.0.1"),
            ("a_b-c.20261122_224500.master.tar.gz", "a_b-c", "master"),
            ("x.y.20261122_224500.v1.9.tar.gz", "x.y", "v1.9"),
            (
                "20200101_000000.20261122_224500.v3.tar.gz",
                "20200101_000000",
                "v3",
            ),
        ] {
            let name = SnapshotName::parse(text).unwrap();
            assert_eq!(name.instance.as_str(), instance);
            assert_eq!(name.version.tag(), version);
            assert_eq!(
                name.taken,
                jiff::civil::datetime(2026, 11, 22, 22, 45, 0, 0)
            );
            assert_eq!(name.to_string(), text);
        }
    }

    #[test]
    fn what_is_no_name_is_refused() {
        for text in [
            "",
            "main.tar.zst",
            "main.20261122_224500.tar.zst",
            "main.20261322_224500.v5.tar.zst",
            "main.2026112_2224500.v5.tar.zst",
            ".20261122_224500.v5.tar.zst",
            "main.20261122_224500.v5.tar",
            ".main.20261122_224500.v5.tar.zst.new",
            "main.20261122_224500..tar.zst",
            "a/b.20261122_224500.v5.tar.zst",
            "é.20261122_224500.v5.tar.zst",
        ] {
            assert!(SnapshotName::parse(text).is_err(), "{text:?}");
        }
    }

    #[test]
    fn the_time_in_a_name_is_utc() {
        let taken = Timestamp::from_second(1_769_860_800).unwrap();
        let version = Version::parse("v5.0.1").unwrap();
        let name = SnapshotName::new(
            Name::for_new("main").unwrap(),
            taken,
            version,
            Packing::Zstd,
        );
        assert_eq!(name.to_string(), "main.20260131_120000.v5.0.1.tar.zst");
    }

    #[test]
    fn a_newer_format_is_no_damage() {
        let error = Manifest::parse(br#"{"format": 2}"#).unwrap_err();
        assert_eq!(error.exit_code(), 6);
        assert_eq!(Manifest::parse(b"{}").unwrap_err().exit_code(), 8);
    }
}
