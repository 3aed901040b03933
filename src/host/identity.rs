//! Who runs the tool, and which file the tool is.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::PathBuf;

use crate::error::{Error, Result};

/// The user who typed the command: behind `sudo` the one who called it.
pub fn who() -> String {
    ["SUDO_USER", "USER", "LOGNAME"]
        .iter()
        .filter_map(|key| std::env::var(key).ok())
        .find(|name| !name.is_empty())
        .unwrap_or_else(|| match rustix::process::getuid().as_raw() {
            0 => "root".to_owned(),
            uid => format!("uid {uid}"),
        })
}

/// Whether the tool may change files of any owner.
pub fn is_root() -> bool {
    rustix::process::geteuid().is_root()
}

/// Containers write files as root, and whoever changes a cluster must be able to take them back.
///
/// # Errors
/// Exit 6 for everybody but root, before anything is changed.
pub fn need_root(verb: &str) -> Result<()> {
    if is_root() {
        return Ok(());
    }
    Err(Error::refused(format!("{verb} needs to be root"))
        .why("containers write files as root, and nobody else can take them back")
        .next("run the command with sudo"))
}

/// The tool's own file, which links point at. One that was replaced by a newer one since this
/// process began is meant by its path, not as the file that is gone.
///
/// # Errors
/// Exit 1 where the operating system does not say.
pub fn tool() -> Result<PathBuf> {
    let path = std::env::current_exe()
        .map_err(|error| Error::failed("cannot find the tool's own file").why(error))?;
    let bytes = path.as_os_str().as_bytes();
    Ok(match bytes.strip_suffix(b" (deleted)") {
        Some(before) => PathBuf::from(OsStr::from_bytes(before)),
        None => path,
    })
}
