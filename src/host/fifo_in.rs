//! The other direction of a named pipe: from this process into a container.

use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use rustix::fs::{CWD, Mode, OFlags, fcntl_getfl, fcntl_setfl, mkfifoat};

use crate::error::{Error, Result};
use crate::host::files;

/// How long between two looks for a reader.
const LOOK: Duration = Duration::from_millis(5);

/// The writing end of a named pipe; the pipe goes with it, as soon as its reader came or is known to
/// be over.
#[derive(Debug)]
pub struct FifoIn {
    path: PathBuf,
    file: Option<File>,
    /// Whether the reader is known to be over: nobody takes anything then.
    over: Arc<AtomicBool>,
    /// Whether the reader went away before it had everything.
    broken: bool,
}

impl FifoIn {
    /// Makes the pipe, for its owner alone. It is opened with the first write, as soon as somebody
    /// reads.
    ///
    /// # Errors
    /// Exit 1 or 6 with the path.
    pub fn make(path: &Path) -> Result<Self> {
        files::remove_file(path)?;
        mkfifoat(CWD, path, Mode::from_raw_mode(files::PRIVATE))
            .map_err(|e| Error::io("make the pipe", path, &e.into()))?;
        Ok(FifoIn {
            path: path.to_owned(),
            file: None,
            over: Arc::default(),
            broken: false,
        })
    }

    /// What the reader's end is told by: without it, one that never opened the pipe would be waited
    /// for.
    pub fn over(&self) -> Arc<AtomicBool> {
        Arc::clone(&self.over)
    }

    /// Whether the reader went away before it had everything.
    pub fn is_broken(&self) -> bool {
        self.broken
    }

    fn open(&mut self) -> io::Result<&mut File> {
        let gone = || io::Error::new(io::ErrorKind::BrokenPipe, "nobody reads the pipe");
        while self.file.is_none() {
            if self.over.load(Ordering::SeqCst) {
                return Err(gone());
            }
            let flags = i32::try_from(OFlags::NONBLOCK.bits()).unwrap_or(0);
            match OpenOptions::new()
                .write(true)
                .custom_flags(flags)
                .open(&self.path)
            {
                Ok(file) => {
                    // Only the opening is not to wait.
                    fcntl_setfl(&file, fcntl_getfl(&file)? - OFlags::NONBLOCK)?;
                    self.file = Some(file);
                }
                Err(e) if e.raw_os_error() == Some(rustix::io::Errno::NXIO.raw_os_error()) => {
                    std::thread::sleep(LOOK);
                }
                Err(e) => return Err(e),
            }
        }
        self.file.as_mut().ok_or_else(gone)
    }
}

impl Write for FifoIn {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.open().and_then(|file| file.write(bytes));
        self.broken |= matches!(&written, Err(e) if e.kind() == io::ErrorKind::BrokenPipe);
        written
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Drop for FifoIn {
    fn drop(&mut self) {
        // A reader that comes, or waits in its opening already, would wait for ever for a writer: it
        // gets one, and with it the end.
        let _ = self.open();
        let _ = std::fs::remove_file(&self.path);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reader_gets_everything_and_one_that_goes_is_noticed() {
        let place = tempfile::tempdir().unwrap();
        let path = place.path().join("pipe");
        let mut pipe = FifoIn::make(&path).unwrap();
        let reader = std::thread::spawn({
            let path = path.clone();
            move || std::fs::read(path).unwrap()
        });
        pipe.write_all(&vec![7; 1 << 20]).unwrap();
        drop(pipe);
        assert_eq!(reader.join().unwrap(), vec![7; 1 << 20]);
        assert!(!path.exists());

        let mut pipe = FifoIn::make(&path).unwrap();
        pipe.over().store(true, Ordering::SeqCst);
        assert!(pipe.write_all(b"x").is_err());
        assert!(pipe.is_broken());
    }

    #[test]
    fn a_reader_that_comes_late_does_not_wait_for_what_nobody_writes() {
        let place = tempfile::tempdir().unwrap();
        let path = place.path().join("pipe");
        let pipe = FifoIn::make(&path).unwrap();
        let reader = std::thread::spawn({
            let path = path.clone();
            move || {
                std::thread::sleep(Duration::from_millis(50));
                std::fs::read(path).unwrap()
            }
        });
        drop(pipe);
        assert_eq!(reader.join().unwrap(), b"");
        assert!(!path.exists());
    }
}
