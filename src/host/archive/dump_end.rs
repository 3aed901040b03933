//! Whether a dump is whole: its last line says so.
//!
//! A dump that was cut off inside its last statement would load without an error.

/// Keeps the end of what passes.
#[derive(Debug, Default)]
pub struct DumpEnd {
    last: Vec<u8>,
}

/// What `mysqldump` and `mariadb-dump` write as their last line, with the time behind it.
const COMPLETED: &[u8] = b"-- Dump completed";

/// The last line is shorter than this, with all white space behind it.
const ENOUGH: usize = 256;

impl DumpEnd {
    /// These bytes of the dump follow.
    pub fn passed(&mut self, bytes: &[u8]) {
        if bytes.len() >= ENOUGH {
            self.last.clear();
            self.last.extend_from_slice(&bytes[bytes.len() - ENOUGH..]);
        } else {
            self.last.extend_from_slice(bytes);
            let beyond = self.last.len().saturating_sub(ENOUGH);
            self.last.drain(..beyond);
        }
    }

    /// Whether what passed ended as a whole dump does.
    pub fn is_whole(&self) -> bool {
        let trimmed = self.last.trim_ascii_end();
        let line = trimmed
            .iter()
            .rposition(|b| *b == b'\n')
            .map_or(0, |at| at + 1);
        trimmed[line..].starts_with(COMPLETED)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_line_decides() {
        let whole = |pieces: &[&[u8]]| {
            let mut end = DumpEnd::default();
            pieces.iter().for_each(|piece| end.passed(piece));
            end.is_whole()
        };
        let long = [b'x'; 1000];
        assert!(whole(&[
            b"CREATE;\n-- Dump completed on 2026-01-31 12:00:00\n"
        ]));
        assert!(whole(&[&long, b"\n-- Dump comp", b"leted\n\n"]));
        assert!(!whole(&[b"-- Dump completed\n", &long]));
        assert!(!whole(&[b"-- Dump completed\nINSERT"]));
        assert!(!whole(&[b"SELECT '-- Dump completed'"]));
        assert!(!whole(&[]));
    }
}
