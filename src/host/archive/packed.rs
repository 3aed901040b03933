//! The tar archive as it grows: entries, their checksums, and counts of both.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};

use crate::error::{Error, Result};
use crate::host::archive::attributes::Attributes;
use crate::host::archive::entry::{self, Entry};
use crate::host::archive::seen::{Role, Seen};
use crate::host::archive::sink::Sink;
use crate::host::archive::watch::Watch;
use crate::host::archive::{CHUNK, path, sums};

/// Entries on their way into the compressor.
pub struct Packed<'a> {
    /// Where they go.
    pub sink: Sink,
    /// The file that is written, for errors.
    pub file: PathBuf,
    /// Bytes of the archive so far, unpacked.
    pub bytes: u64,
    watch: Watch<'a>,
    seen: Seen,
    /// The list of checksums so far: tar wants its size first.
    list: File,
    list_bytes: u64,
    list_hash: Sha256,
    chunk: Vec<u8>,
}

impl<'a> Packed<'a> {
    /// An empty archive; `list` is an empty file that nobody else uses.
    pub fn new(sink: Sink, file: &Path, list: File, watch: Watch<'a>) -> Self {
        Packed {
            sink,
            file: file.to_owned(),
            bytes: 0,
            watch,
            seen: Seen::default(),
            list,
            list_bytes: 0,
            list_hash: Sha256::new(),
            chunk: vec![0; CHUNK],
        }
    }

    /// An entry without content.
    ///
    /// # Errors
    /// Exit 1 where the path is there already, or nothing can be written.
    pub fn bare(&mut self, path: &[u8], entry: Entry<'_>, attributes: &Attributes) -> Result<()> {
        let role = match entry {
            Entry::File(_) | Entry::HardLink(_) => Role::File,
            Entry::Link(_) => Role::Other,
            Entry::Directory => Role::Directory,
        };
        self.seen
            .note(path, role)
            .map_err(|why| Error::failed(format!("cannot pack {}", path::shown(path))).why(why))?;
        self.raw(&entry::head(path, entry, attributes))
    }

    /// A regular file of exactly this size, and its line in the list.
    ///
    /// # Errors
    /// Exit 1 where `from` is shorter or longer, cannot be read, or nothing can be written.
    pub fn file(
        &mut self,
        path: &[u8],
        size: u64,
        attributes: &Attributes,
        from: &mut dyn Read,
    ) -> Result<()> {
        self.bare(path, Entry::File(size), attributes)?;
        let digest = self.content(path, size, from)?;
        let line = sums::line(&digest, path);
        self.list_hash.update(&line);
        self.list_bytes += line.len() as u64;
        self.list
            .write_all(&line)
            .map_err(|e| Error::io("write", &self.file, &e))
    }

    /// The list of all files so far, as an entry of its own, and its digest.
    ///
    /// # Errors
    /// Exit 1 where it cannot be written.
    pub fn list(&mut self, path: &[u8], attributes: &Attributes) -> Result<String> {
        let mut list = self
            .list
            .seek(SeekFrom::Start(0))
            .and_then(|_| self.list.try_clone())
            .map_err(|e| Error::io("write", &self.file, &e))?;
        self.bare(path, Entry::File(self.list_bytes), attributes)?;
        self.content(path, self.list_bytes, &mut list)?;
        Ok(sums::hex(std::mem::take(&mut self.list_hash)))
    }

    /// These bytes as they are.
    ///
    /// # Errors
    /// Exit 1 where they cannot be written, or a signal came.
    pub fn raw(&mut self, bytes: &[u8]) -> Result<()> {
        self.bytes += bytes.len() as u64;
        self.sink
            .write_all(bytes)
            .map_err(|e| Error::io("write", &self.file, &e))?;
        self.watch
            .went_on(bytes.len() as u64, "packing the snapshot")
    }

    /// Exactly `size` bytes of a file with their padding; gives their digest.
    fn content(&mut self, path: &[u8], size: u64, from: &mut dyn Read) -> Result<String> {
        let changed = |how: &str| {
            Error::failed(format!("cannot pack {}", path::shown(path)))
                .why(format!("it {how} while it was read"))
                .next("run the command again")
        };
        let mut chunk = std::mem::take(&mut self.chunk);
        let mut hash = Sha256::new();
        let mut left = size;
        while left > 0 {
            let most = usize::try_from(left).map_or(CHUNK, |left| left.min(CHUNK));
            let read = read(from, &mut chunk[..most]).map_err(|e| unreadable(path, &e))?;
            if read == 0 {
                return Err(changed("became shorter"));
            }
            hash.update(&chunk[..read]);
            self.raw(&chunk[..read])?;
            left -= read as u64;
        }
        if read(from, &mut chunk[..1]).map_err(|e| unreadable(path, &e))? != 0 {
            return Err(changed("grew"));
        }
        self.chunk = chunk;
        self.raw(&[0; crate::host::archive::BLOCK][..entry::padding(size)])?;
        Ok(sums::hex(hash))
    }
}

/// What cannot be packed because it cannot be read.
pub fn unreadable(path: &[u8], error: &io::Error) -> Error {
    Error::failed(format!("cannot pack {}", path::shown(path))).why(error)
}

/// Once, but for signals.
pub fn read(from: &mut dyn Read, into: &mut [u8]) -> io::Result<usize> {
    loop {
        match from.read(into) {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            other => return other,
        }
    }
}
