//! Checksums of files, and their list in the form of `sha256sum`.

use std::fmt::Write;

use sha2::{Digest, Sha256};

/// The hexadecimal digits of a digest.
pub fn hex(hash: Sha256) -> String {
    hash.finalize()
        .iter()
        .fold(String::with_capacity(64), |mut text, byte| {
            let _ = write!(text, "{byte:02x}");
            text
        })
}

/// The digest of something short.
#[cfg(test)]
pub fn hex_of(bytes: &[u8]) -> String {
    hex(Sha256::new_with_prefix(bytes))
}

/// One line of the list. As `sha256sum` does it, a name that would break its line is escaped, and
/// the line then begins with a backslash.
pub fn line(digest: &str, path: &[u8]) -> Vec<u8> {
    let mut line = Vec::with_capacity(path.len() + 72);
    if path.iter().any(|b| matches!(b, b'\\' | b'\n' | b'\r')) {
        line.push(b'\\');
    }
    line.extend_from_slice(digest.as_bytes());
    line.extend_from_slice(b"  ./");
    for byte in path {
        match byte {
            b'\\' => line.extend_from_slice(b"\\\\"),
            b'\n' => line.extend_from_slice(b"\\n"),
            b'\r' => line.extend_from_slice(b"\\r"),
            _ => line.push(*byte),
        }
    }
    line.push(b'\n');
    line
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_those_of_sha256sum() {
        let digest = hex_of(b"x");
        assert!(digest.starts_with("2d711642b726b044"));
        assert_eq!(line("d", b"a b"), b"d  ./a b\n");
        assert_eq!(line("d", b"a\nb\\\r"), b"\\d  ./a\\nb\\\\\\r\n");
    }
}
