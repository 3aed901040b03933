//! Files of the data set: pictures, which do not compress, text, which does, and tiny ones.

use std::fs::{self, File};
use std::io::Write;
use std::path::Path;

use crate::common::Result;

const MIB: u64 = 1 << 20;

/// How many tiny files lie in one directory.
const PER_DIRECTORY: u64 = 200;

/// Numbers that look random and are the same in each run (xorshift64*).
pub struct Chance(u64);

impl Chance {
    pub fn new() -> Self {
        Chance(0x9e37_79b9_7f4a_7c15)
    }

    fn next(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_f491_4f6c_dd1d)
    }

    fn bytes(&mut self, buffer: &mut [u8]) {
        for chunk in buffer.chunks_mut(8) {
            let word = self.next().to_le_bytes();
            chunk.copy_from_slice(&word[..chunk.len()]);
        }
    }

    /// Words as they stand in descriptions: some of them often, most of them seldom.
    pub fn text(&mut self, length: usize) -> String {
        const SYLLABLES: [&str; 16] = [
            "ka", "to", "mi", "ra", "len", "dor", "ves", "sa", "pi", "un", "gra", "te", "no",
            "bel", "fis", "ur",
        ];
        let mut text = String::with_capacity(length + 16);
        while text.len() < length {
            // The lower of two numbers is often a low one.
            let mut word = (self.next() % 8192).min(self.next() % 8192);
            loop {
                text.push_str(SYLLABLES[(word % 16) as usize]);
                word /= 16;
                if word == 0 {
                    break;
                }
            }
            text.push(' ');
        }
        text.truncate(length);
        text
    }
}

/// The data set: 800 files of 2 MiB, 4 of 100 MB of text, 20,000 tiny ones; or a part of that.
///
/// # Errors
/// Where a file cannot be written.
pub fn make(media: &Path, smaller: u64) -> Result<()> {
    let mut chance = Chance::new();
    random_files(&mut chance, media, 800 / smaller, 2 * MIB)?;
    for number in 0..4 {
        let text = chance.text((100_000_000 / smaller) as usize);
        write(
            &media.join(format!("documents/{number}.txt")),
            text.as_bytes(),
        )?;
    }
    tiny_files(&mut chance, media, 20_000 / smaller)
}

/// Files that do not compress.
///
/// # Errors
/// Where one cannot be written.
pub fn random_files(chance: &mut Chance, media: &Path, count: u64, bytes: u64) -> Result<()> {
    let mut buffer = vec![0; bytes as usize];
    for number in 0..count {
        chance.bytes(&mut buffer);
        let name = format!("images/original/000/{number:03}/image.jpg");
        write(&media.join(name), &buffer)?;
    }
    Ok(())
}

/// Files of 100 to 2,000 bytes.
///
/// # Errors
/// Where one cannot be written.
pub fn tiny_files(chance: &mut Chance, media: &Path, count: u64) -> Result<()> {
    let text = chance.text(4_000);
    for number in 0..count {
        let directory = number / PER_DIRECTORY;
        let name = format!("images/icon/{directory:03}/{number:06}.jpg");
        let length = 100 + (chance.next() % 1_900) as usize;
        let from = (chance.next() % 2_000) as usize;
        write(&media.join(name), &text.as_bytes()[from..from + length])?;
    }
    Ok(())
}

fn write(path: &Path, bytes: &[u8]) -> Result<()> {
    let make = || {
        path.parent().map_or(Ok(()), fs::create_dir_all)?;
        File::create(path)?.write_all(bytes)
    };
    make().map_err(|e| format!("{}: {e}", path.display()))
}
