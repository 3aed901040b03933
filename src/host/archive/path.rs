//! Paths as they stand in an archive: bytes, and none that leaves the directory it is unpacked in.

use crate::host::archive::DEEPEST;

/// Longer paths and targets of links are not packed and not unpacked, in bytes.
pub const LONGEST: usize = 4000;

/// What is wrong with a path or link, for an error.
pub type Wrong = &'static str;

/// The path of an entry in its plain form: components with one slash between them, without `./`.
/// Empty for the directory itself.
pub fn plain(raw: &[u8]) -> Result<Vec<u8>, Wrong> {
    if raw.is_empty() {
        return Err("its name is empty");
    }
    if raw.starts_with(b"/") {
        return Err("its name is absolute");
    }
    if raw.contains(&0) {
        return Err("its name has a zero byte in it");
    }
    let mut plain = Vec::with_capacity(raw.len());
    let mut depth = 0;
    for part in raw.split(|b| *b == b'/') {
        match part {
            b"" | b"." => continue,
            b".." => return Err("its name leads out of the snapshot (..)"),
            _ if part.len() > 255 => return Err("a part of its name is longer than 255 bytes"),
            _ => {}
        }
        if depth > 0 {
            plain.push(b'/');
        }
        plain.extend_from_slice(part);
        depth += 1;
    }
    if depth > DEEPEST || plain.len() > LONGEST {
        return Err("it is nested too deep");
    }
    Ok(plain)
}

/// The directory of a path, and its name in it.
pub fn split(path: &[u8]) -> (&[u8], &[u8]) {
    match path.iter().rposition(|b| *b == b'/') {
        Some(at) => (&path[..at], &path[at + 1..]),
        None => (b"", path),
    }
}

/// The first component.
pub fn top(path: &[u8]) -> &[u8] {
    path.split(|b| *b == b'/').next().unwrap_or_default()
}

/// Why a symbolic link at this path may not lead there: it has to stay inside the top directory
/// that it is in (`data/`), whatever other links are on the way. So `..` may only stand in front:
/// there it counts real directories.
pub fn link_leaves(path: &[u8], target: &[u8]) -> Option<Wrong> {
    let real = path.iter().filter(|b| **b == b'/').count();
    if target.is_empty() {
        return Some("it is a link to nothing");
    }
    if target.len() > LONGEST {
        return Some("it is a link to a place that is nested too deep");
    }
    if real == 0 {
        return Some("it is a link outside of a directory");
    }
    if target.starts_with(b"/") {
        return Some("it is a link to an absolute path");
    }
    let (mut up, mut down) = (0, false);
    for part in target.split(|b| *b == b'/') {
        match part {
            b"" | b"." => {}
            b".." if down => return Some("it is a link with .. behind a name"),
            b".." => up += 1,
            _ => down = true,
        }
    }
    (up >= real).then_some("it is a link that leads out of its directory")
}

/// A path for an error, with what would break a line or a terminal escaped.
pub fn shown(path: &[u8]) -> String {
    let mut text = String::from("./");
    for c in String::from_utf8_lossy(path).chars() {
        match c {
            c if c.is_control() => text.extend(c.escape_default()),
            c => text.push(c),
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_made_plain_or_refused() {
        assert_eq!(plain(b"./data/x y/").unwrap(), b"data/x y");
        assert_eq!(plain(b"./").unwrap(), b"");
        assert_eq!(plain(b"a//./b").unwrap(), b"a/b");
        assert_eq!(plain(b"...").unwrap(), b"...");
        let deep = "d/".repeat(300);
        let long = "n".repeat(256);
        for bad in ["", "/etc", "..", "a/../b", "./..", "a\0b", &deep, &long] {
            assert!(plain(bad.as_bytes()).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn links_stay_in_their_top_directory() {
        let leaves = |path: &str, to: &str| link_leaves(path.as_bytes(), to.as_bytes()).is_some();
        for (path, to) in [
            ("data/a", "b"),
            ("data/a", "./b/c"),
            ("data/d/a", "../b"),
            ("data/d/e/a", "../../b"),
        ] {
            assert!(!leaves(path, to), "{path} → {to}");
        }
        for (path, to) in [
            ("a", "b"),
            ("data/a", "/etc/passwd"),
            ("data/a", "../.env"),
            ("data/d/a", "../../.env"),
            ("data/d/a", "x/../b"),
            ("data/a", ".."),
            ("data/a", ""),
        ] {
            assert!(leaves(path, to), "{path} → {to}");
        }
    }

    #[test]
    fn what_would_break_a_line_is_escaped() {
        assert_eq!(shown(b"a\n\x1bb"), "./a\\n\\u{1b}b");
        assert_eq!(split(b"a/b/c"), (&b"a/b"[..], &b"c"[..]));
        assert_eq!(top(b"a/b"), b"a");
    }
}
