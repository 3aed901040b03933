//! How much a directory holds, counted within a limit of time.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::time::{Duration, Instant};

/// What an archive has of a file beside its content: a head, and half a block to the next one.
const HEAD: u64 = 768;

/// What was counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Size {
    /// Bytes as the file system stores them.
    pub bytes: u64,
    /// Bytes in an archive, roughly: a file's content, and what stands in front of it.
    pub archived: u64,
    /// Whether the time was enough to see everything.
    pub whole: bool,
}

/// Counts what is below a directory; unreadable parts count as nothing.
pub fn of_directory(path: &Path, limit: Duration) -> Size {
    let end = Instant::now() + limit;
    let mut size = Size {
        bytes: 0,
        archived: 0,
        whole: true,
    };
    let mut open = vec![path.to_owned()];
    while let Some(directory) = open.pop() {
        for entry in fs::read_dir(directory).into_iter().flatten().flatten() {
            if Instant::now() > end {
                size.whole = false;
                return size;
            }
            match entry.metadata() {
                Ok(meta) if meta.is_dir() => open.push(entry.path()),
                Ok(meta) => {
                    size.bytes += meta.blocks() * 512;
                    size.archived += meta.len() + HEAD;
                }
                Err(_) => {}
            }
        }
    }
    size
}
