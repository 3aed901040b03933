//! Snapshots as files: packed, described, checked, unpacked. `docs/snapshots.md` has the format.
//!
//! Whatever the size of a snapshot, memory stays flat: everything streams.

pub(crate) mod attributes;
mod budget;
mod disk;
mod dump_end;
mod entries;
mod entry;
mod least;
mod packed;
mod pass;
mod path;
mod reader;
mod seen;
mod show;
mod sink;
mod source;
mod sums;
mod tail;
mod verify;
mod walk;
mod watch;
mod writer;

pub use budget::Limits;
pub use least::unpacked_at_least;
pub use reader::{Checked, Origin, Rules, Sinks, Strays, check, unpack};
pub use show::manifest;
pub use verify::verify;
pub use walk::{LeftOut, Tree};
pub use watch::Watch;
pub use writer::{Finished, Options, Writer};

#[cfg(test)]
mod tests;

/// A file in a snapshot that is made of what streams, in parts of [`PART`] bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stream {
    /// The database's dump, `db.sql.00000` and on.
    Dump,
    /// The search index's documents, one JSON object a line, `index.ndjson.00000` and on.
    Index,
}

impl Stream {
    /// What its parts are called, without their number.
    pub fn name(self) -> &'static str {
        match self {
            Stream::Dump => "db.sql",
            Stream::Index => "index.ndjson",
        }
    }
}

/// How long a part of a stream is, in bytes; the last one is shorter. A tar archive wants the
/// size of each file before the file, so one part is in memory at a time.
pub const PART: usize = 8 << 20;

/// The list of checksums, as `sha256sum` writes it.
pub(crate) const SUMS: &str = "SHA256SUMS";

/// What the snapshot says of itself.
pub(crate) const MANIFEST: &str = "snapshot.json";

/// A tar archive consists of blocks of this length.
pub(crate) const BLOCK: usize = 512;

/// How much is read, hashed and packed at a time, in bytes.
pub(crate) const CHUNK: usize = 128 << 10;

/// The largest window of zstd that is unpacked, as a power of two: 32 MiB of memory. Level 3 has
/// 2 MiB, level 20 these 32.
pub(crate) const WINDOW: u32 = 25;

/// Directories that are nested deeper are not packed and not unpacked: each one on the way is
/// held open.
pub(crate) const DEEPEST: usize = 200;
