//! The first line of a dump by newer programs of MariaDB's, which turns the client's sandbox on.
//! Older clients and those of MySQL end at it; whoever loads what nobody vouches for turns the
//! sandbox on by himself.

use std::io::{self, Read};

/// What the line begins with; some versions wrote it without the `M`.
const BEGINS: [&[u8]; 2] = [b"/*M!999999\\-", b"/*!999999\\-"];

/// A longer line is not that one, in bytes.
const LONGEST: usize = 200;

/// A dump without that line.
pub struct WithoutSandboxLine<R> {
    from: R,
    /// What was read to look for it, and is not passed on yet.
    begin: Vec<u8>,
    passed: usize,
    looked: bool,
}

impl<R: Read> WithoutSandboxLine<R> {
    /// Takes it from `from`.
    pub fn new(from: R) -> Self {
        WithoutSandboxLine {
            from,
            begin: Vec::new(),
            passed: 0,
            looked: false,
        }
    }

    /// Reads the first line, or as much of it as tells that it is another one.
    fn look(&mut self) -> io::Result<()> {
        while may_be_it(&self.begin) {
            let mut byte = [0];
            if self.from.read(&mut byte)? == 0 {
                break;
            }
            self.begin.push(byte[0]);
        }
        if is_it(&self.begin) {
            self.begin.clear();
        }
        self.looked = true;
        Ok(())
    }
}

/// Whether more has to be read to know.
fn may_be_it(begin: &[u8]) -> bool {
    let fits = |line: &&[u8]| {
        let both = line.len().min(begin.len());
        line[..both] == begin[..both]
    };
    BEGINS.iter().any(fits) && begin.last() != Some(&b'\n') && begin.len() < LONGEST
}

fn is_it(begin: &[u8]) -> bool {
    BEGINS.iter().any(|line| begin.starts_with(line)) && begin.last() == Some(&b'\n')
}

impl<R: Read> Read for WithoutSandboxLine<R> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        if !self.looked {
            self.look()?;
        }
        let held = &self.begin[self.passed..];
        if held.is_empty() {
            return self.from.read(into);
        }
        let most = held.len().min(into.len());
        into[..most].copy_from_slice(&held[..most]);
        self.passed += most;
        Ok(most)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn passed(text: &str) -> String {
        let mut out = String::new();
        WithoutSandboxLine::new(text.as_bytes())
            .read_to_string(&mut out)
            .unwrap();
        out
    }

    #[test]
    fn the_one_line_goes_and_nothing_else() {
        let rest = "-- MariaDB dump\n/*M!999999\\- enable the sandbox mode */ \nSELECT 1;\n";
        for line in [
            "/*M!999999\\- enable the sandbox mode */ \n",
            "/*!999999\\- enable the sandbox mode */\n",
        ] {
            assert_eq!(passed(&format!("{line}{rest}")), rest);
        }
        let long = format!("/*M!999999\\-{}\n", "x".repeat(1000));
        for kept in [
            rest,
            "",
            "/",
            "/*M!999999",
            "/*M!999999\\- x",
            "/*M!100100 x */\n",
            &long,
        ] {
            assert_eq!(passed(kept), kept);
        }
    }
}
