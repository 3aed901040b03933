//! What streams from one thread to another, each at its own pace: what the reader did not come to
//! yet waits in a file that is gone when both are over.

use std::fs::File;
use std::io::{self, Read, Write};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};

use rustix::fs::{FallocateFlags, fallocate};

use crate::error::Result;
use crate::host::files;

/// What was read gives its room back in pieces of this length, in bytes.
const PIECE: u64 = 8 << 20;

/// How far both ends are.
#[derive(Debug, Default)]
struct State {
    written: u64,
    /// Nothing more comes.
    ended: bool,
    /// What came is not to be read to its end.
    given_up: bool,
    /// Nobody takes anything any more.
    left: bool,
}

#[derive(Debug)]
struct Shared {
    file: File,
    /// Where it is, for errors: it has no name of its own.
    directory: PathBuf,
    state: Mutex<State>,
    more: Condvar,
}

impl Shared {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The writing end. With it the stream ends.
#[derive(Debug)]
pub struct Writer(Arc<Shared>);

/// The reading end. Without it nothing can be written.
#[derive(Debug)]
pub struct Reader {
    shared: Arc<Shared>,
    read: u64,
    freed: u64,
}

/// Makes both ends; the file is made at this path and has no name afterwards.
///
/// # Errors
/// Exit 1 or 6 with the path.
pub fn make(path: &Path) -> Result<(Writer, Reader)> {
    let shared = Arc::new(Shared {
        file: files::nameless(path)?,
        directory: path.parent().unwrap_or(path).to_owned(),
        state: Mutex::default(),
        more: Condvar::new(),
    });
    let reader = Reader {
        shared: Arc::clone(&shared),
        read: 0,
        freed: 0,
    };
    Ok((Writer(shared), reader))
}

impl Writer {
    /// How much was written so far, in bytes.
    pub fn written(&self) -> u64 {
        self.0.state().written
    }

    /// Ends the stream with an error: what the reader did not come to yet is of no use.
    pub fn give_up(&self) {
        self.0.state().given_up = true;
        self.0.more.notify_one();
    }
}

impl Write for Writer {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let (written, left) = {
            let state = self.0.state();
            (state.written, state.left)
        };
        if left {
            return Err(io::ErrorKind::BrokenPipe.into());
        }
        let done = self.0.file.write_all_at(bytes, written);
        done.map_err(|error| files::at(&self.0.directory, &error))?;
        self.0.state().written += bytes.len() as u64;
        self.0.more.notify_one();
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        self.0.state().ended = true;
        self.0.more.notify_one();
    }
}

impl Read for Reader {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let mut state = self.shared.state();
        while state.written == self.read && !state.ended && !state.given_up {
            state = self
                .shared
                .more
                .wait(state)
                .unwrap_or_else(PoisonError::into_inner);
        }
        if state.given_up {
            return Err(io::Error::other("it was given up"));
        }
        let there = state.written - self.read;
        drop(state);
        let most = usize::try_from(there).map_or(buffer.len(), |there| there.min(buffer.len()));
        let count = self.shared.file.read_at(&mut buffer[..most], self.read)?;
        self.read += count as u64;
        if self.read - self.freed >= PIECE {
            // A file system that cannot do it keeps the room until the end.
            let flags = FallocateFlags::PUNCH_HOLE | FallocateFlags::KEEP_SIZE;
            let _ = fallocate(&self.shared.file, flags, self.freed, self.read - self.freed);
            self.freed = self.read;
        }
        Ok(count)
    }
}

impl Drop for Reader {
    fn drop(&mut self) {
        self.shared.state().left = true;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_of_it_comes_out_whoever_is_faster_and_a_reader_that_leaves_is_noticed() {
        let place = tempfile::tempdir().unwrap();
        let bytes: Vec<u8> = (0..40_000_000_u32).map(|n| (n % 251) as u8).collect();
        for reads_at_once in [true, false] {
            let (mut writer, mut reader) = make(&place.path().join("spool")).unwrap();
            let read = std::thread::scope(|scope| {
                let reading = scope.spawn(|| {
                    if !reads_at_once {
                        std::thread::sleep(std::time::Duration::from_millis(100));
                    }
                    let mut read = Vec::new();
                    reader.read_to_end(&mut read).unwrap();
                    read
                });
                for piece in bytes.chunks(100_001) {
                    writer.write_all(piece).unwrap();
                }
                drop(writer);
                reading.join().unwrap()
            });
            assert!(read == bytes);
        }
        let (mut writer, mut reader) = make(&place.path().join("spool")).unwrap();
        writer.write_all(b"some").unwrap();
        writer.give_up();
        assert!(reader.read(&mut [0; 8]).is_err());
        let (mut writer, reader) = make(&place.path().join("spool")).unwrap();
        writer.write_all(b"some").unwrap();
        drop(reader);
        let error = writer.write_all(b"more").unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::BrokenPipe);
        assert_eq!(std::fs::read_dir(place.path()).unwrap().count(), 0);
    }

    #[test]
    fn a_full_disk_is_named_by_the_directory() {
        let mut writer = Writer(Arc::new(Shared {
            file: File::options().write(true).open("/dev/full").unwrap(),
            directory: PathBuf::from("/var/c/exchange"),
            state: Mutex::default(),
            more: Condvar::new(),
        }));
        let error = writer.write_all(b"some").unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::StorageFull);
        assert!(error.to_string().contains("/var/c/exchange"), "{error}");
    }
}
