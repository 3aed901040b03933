//! In which order processes did what, written down for tests only.

/// Something that is to be written down; only then is it put into words.
#[cfg(not(feature = "test-support"))]
pub fn note(_what: impl FnOnce() -> String) {}

/// Adds a line with this process and what it did to the file in `KOR_CLUSTER_SEQUENCE`. Several
/// processes may write to it: each line is whole, and behind those that were there before.
#[cfg(feature = "test-support")]
pub fn note(what: impl FnOnce() -> String) {
    use std::io::Write;
    let Some(path) = std::env::var_os("KOR_CLUSTER_SEQUENCE") else {
        return;
    };
    let line = format!("{} {}\n", std::process::id(), what());
    let _ = std::fs::OpenOptions::new()
        .create(true)
        .append(true)
        .open(path)
        .and_then(|mut file| file.write_all(line.as_bytes()));
}
