//! Who runs the tool, and which file the tool is.

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

/// Whether the tool may change files of any owner: containers write as root.
pub fn is_root() -> bool {
    rustix::process::geteuid().is_root()
}

/// The tool's own file, which links point at.
///
/// # Errors
/// Exit 1 where the operating system does not say.
pub fn tool() -> Result<PathBuf> {
    std::env::current_exe()
        .map_err(|error| Error::failed("cannot find the tool's own file").why(error))
}
