//! How much room there is.

use std::os::unix::fs::MetadataExt;
use std::path::Path;

use rustix::fs::statvfs;

use crate::error::{Error, Result};

/// The file system that a path is on, and how many bytes whoever runs this may still write there.
///
/// # Errors
/// Exit 1, 4 or 6 with the path.
pub fn free(path: &Path) -> Result<(u64, u64)> {
    let io = |e: std::io::Error| Error::io("look at", path, &e);
    let device = std::fs::metadata(path).map_err(io)?.dev();
    let of = statvfs(path).map_err(|e| io(e.into()))?;
    Ok((device, of.f_bavail.saturating_mul(of.f_frsize)))
}
