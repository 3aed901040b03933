//! Takes the definers out of a dump: the names of database users that views, triggers, routines
//! and events belong to. Without them they belong to whoever loads the dump.

use std::io::{self, Write};

/// So much of a line's beginning is looked at: there the dump programs write a definer.
const HEAD: usize = 1024;

/// What a definer stands behind, at a place where no string is open.
const DEFINER: &[u8] = b"DEFINER=";

/// Where in a statement a byte is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Place {
    /// Outside of all that follows.
    Code,
    /// In a string or a quoted name, by its quote.
    Quoted(u8),
    /// Behind a backslash in a string.
    Escaped(u8),
    /// In a comment up to the end of the line.
    Line,
    /// In a comment up to `*/`. (What MariaDB and MySQL run as code, `/*!…*/`, is none.)
    Block,
}

/// Passes a dump on without its definers. Only what stands in code at the beginning of a line, as
/// the dump programs write it, is taken out; nothing in strings is touched.
#[derive(Debug)]
pub struct WithoutDefiners<W> {
    to: W,
    place: Place,
    last: u8,
    head: Vec<u8>,
    in_head: bool,
}

impl<W: Write> WithoutDefiners<W> {
    /// Passes on to `to`.
    pub fn new(to: W) -> Self {
        WithoutDefiners {
            to,
            place: Place::Code,
            last: b'\n',
            head: Vec::with_capacity(HEAD),
            in_head: true,
        }
    }

    /// Passes on what is held back, and gives the rest of the way back.
    ///
    /// # Errors
    /// The system's.
    pub fn finish(mut self) -> io::Result<W> {
        self.end_head()?;
        Ok(self.to)
    }

    fn end_head(&mut self) -> io::Result<()> {
        let head = std::mem::take(&mut self.head);
        self.to.write_all(&without(&head))?;
        self.head = head;
        self.head.clear();
        self.in_head = false;
        Ok(())
    }

    /// Follows the bytes up to the end of a line or of `bytes`; how many these are.
    fn follow(&mut self, bytes: &[u8]) -> usize {
        for (at, &byte) in bytes.iter().enumerate() {
            self.place = self.place.behind(self.last, byte);
            // A character of two bytes that was just closed opens nothing.
            self.last = match (self.place, byte) {
                (Place::Code, b'/') if self.last == b'*' => 0,
                _ => byte,
            };
            if byte == b'\n' {
                return at + 1;
            }
        }
        bytes.len()
    }
}

impl Place {
    fn behind(self, last: u8, byte: u8) -> Place {
        match (self, byte) {
            (Place::Escaped(quote), _) => Place::Quoted(quote),
            (Place::Quoted(quote), b'\\') if quote != b'`' => Place::Escaped(quote),
            // A doubled quote closes and opens again, which comes to the same.
            (Place::Quoted(quote), byte) if byte == quote => Place::Code,
            (Place::Line, b'\n') => Place::Code,
            (Place::Block, b'/') if last == b'*' => Place::Code,
            (Place::Code, b'\'' | b'"' | b'`') => Place::Quoted(byte),
            (Place::Code, b'#') => Place::Line,
            (Place::Code, b'-') if last == b'-' => Place::Line,
            (Place::Code, b'*') if last == b'/' => Place::Block,
            // `/*!` and `/*M!` are code.
            (Place::Block, b'!') if last == b'*' || last == b'M' => Place::Code,
            (place, _) => place,
        }
    }
}

impl<W: Write> Write for WithoutDefiners<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let mut rest = bytes;
        while !rest.is_empty() {
            let most = match self.in_head {
                true => (HEAD - self.head.len()).min(rest.len()),
                false => rest.len(),
            };
            let (now, later) = rest.split_at(self.follow(&rest[..most]));
            match self.in_head {
                true => self.head.extend_from_slice(now),
                false => self.to.write_all(now)?,
            }
            let line_ended = now.last() == Some(&b'\n');
            if self.in_head && (line_ended || self.head.len() == HEAD) {
                self.end_head()?;
            }
            // A line that begins inside of a string is passed on as it is.
            if line_ended {
                self.in_head = self.place == Place::Code;
            }
            rest = later;
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.to.flush()
    }
}

/// A line's beginning without its definer.
fn without(head: &[u8]) -> Vec<u8> {
    let Some(at) = find(head) else {
        return head.to_vec();
    };
    let mut end = at + DEFINER.len();
    end += name_length(&head[end..]);
    if head.get(end) == Some(&b'@') {
        end += 1;
        end += name_length(&head[end..]);
    }
    if head.get(end) == Some(&b' ') {
        end += 1;
    }
    [&head[..at], &head[end..]].concat()
}

/// Where a definer stands: behind `CREATE` (or `CREATE OR REPLACE`) at the beginning, or first in
/// code of the form `/*!50017 …`.
fn find(head: &[u8]) -> Option<usize> {
    let begins = [&b"CREATE "[..], b"CREATE OR REPLACE ", b"ALTER "];
    let begin = begins
        .iter()
        .find(|begin| head.starts_with(begin) && head[begin.len()..].starts_with(DEFINER));
    if let Some(begin) = begin {
        return Some(begin.len());
    }
    if !head.starts_with(b"/*!") {
        return None;
    }
    let mut from = 0;
    while let Some(found) = position(&head[from..], DEFINER) {
        let at = from + found;
        let before = head[..at].trim_ascii_end();
        let digits = before.iter().rev().take_while(|b| b.is_ascii_digit());
        let code = &before[..before.len() - digits.count()];
        if code.ends_with(b"/*!") || code.ends_with(b"CREATE") {
            return Some(at);
        }
        from = at + DEFINER.len();
    }
    None
}

fn position(text: &[u8], what: &[u8]) -> Option<usize> {
    text.windows(what.len()).position(|window| window == what)
}

/// How long a name is, quoted or not.
fn name_length(text: &[u8]) -> usize {
    let quote = match text.first() {
        Some(quote @ (b'`' | b'\'' | b'"')) => *quote,
        _ => {
            let plain = |b: &&u8| b.is_ascii_alphanumeric() || b"_$.%-".contains(b);
            return text.iter().take_while(plain).count();
        }
    };
    let mut at = 1;
    while at < text.len() {
        if text[at] == quote {
            if text.get(at + 1) != Some(&quote) {
                return at + 1;
            }
            at += 1;
        }
        at += 1;
    }
    text.len()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn passed(text: &[u8], piece: usize) -> Vec<u8> {
        let mut out = WithoutDefiners::new(Vec::new());
        for piece in text.chunks(piece.max(1)) {
            out.write_all(piece).unwrap();
        }
        out.finish().unwrap()
    }

    #[test]
    fn definers_go_where_the_dump_programs_write_them() {
        for (with, out) in [
            (
                "/*!50003 CREATE*/ /*!50017 DEFINER=`root`@`localhost`*/ /*!50003 TRIGGER t BEFORE INSERT ON a FOR EACH ROW SET NEW.x = 'DEFINER=`a`@`b`' */;;\n",
                "/*!50003 CREATE*/ /*!50017 */ /*!50003 TRIGGER t BEFORE INSERT ON a FOR EACH ROW SET NEW.x = 'DEFINER=`a`@`b`' */;;\n",
            ),
            (
                "/*!50013 DEFINER=`o``d@d`@`%` SQL SECURITY DEFINER */\n",
                "/*!50013 SQL SECURITY DEFINER */\n",
            ),
            (
                "CREATE DEFINER=`root`@`%` PROCEDURE `p`()\nBEGIN\n  SELECT 'it''s\nCREATE DEFINER=`x`@`y` '; END ;;\n",
                "CREATE PROCEDURE `p`()\nBEGIN\n  SELECT 'it''s\nCREATE DEFINER=`x`@`y` '; END ;;\n",
            ),
            (
                "INSERT INTO `t` VALUES ('a\\'\\n/*!50017 DEFINER=`r`@`l`*/','\\\\'),(x'00');\nCREATE DEFINER=root@localhost FUNCTION f()\n",
                "INSERT INTO `t` VALUES ('a\\'\\n/*!50017 DEFINER=`r`@`l`*/','\\\\'),(x'00');\nCREATE FUNCTION f()\n",
            ),
            (
                "-- isn't code\n/* it isn't\n either */\nCREATE DEFINER=`a`@`b` VIEW v AS SELECT 1;\n",
                "-- isn't code\n/* it isn't\n either */\nCREATE VIEW v AS SELECT 1;\n",
            ),
        ] {
            for piece in [1, 7, 4096] {
                let found = passed(with.as_bytes(), piece);
                assert_eq!(String::from_utf8_lossy(&found), out);
            }
        }
    }

    #[test]
    fn long_lines_are_passed_on_whole() {
        let long = [
            b"INSERT INTO t VALUES ('".to_vec(),
            vec![b'x'; 100_000],
            b"');\n".to_vec(),
        ];
        let text = [long.concat(), b"CREATE DEFINER=a@b VIEW v;\n".to_vec()].concat();
        let out = passed(&text, 8192);
        assert_eq!(out.len(), text.len() - "DEFINER=a@b ".len());
    }

    proptest! {
        #[test]
        fn what_has_no_definer_stays_and_pieces_do_not_matter(
            text in "[a-z'\"`\\\\#*/! \n-]{0,300}", piece in 1usize..40,
        ) {
            prop_assert_eq!(passed(text.as_bytes(), piece), text.as_bytes());
        }
    }
}
