//! What a snapshot is packed into: a file, through a compressor.

use std::fs::File;
use std::io::{self, Write};

use flate2::Compression;
use flate2::write::GzEncoder;
use zstd::stream::raw::CParameter;

use crate::host::archive::writer::Options;
use crate::model::snapshot::Packing;

/// A file that knows how much was written to it.
#[derive(Debug)]
pub struct Counting {
    file: File,
    /// Bytes so far.
    pub written: u64,
}

impl Write for Counting {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.file.write(bytes)?;
        self.written += written as u64;
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}

/// The compressor with its file.
pub enum Sink {
    /// Frames of zstd.
    Zstd(zstd::Encoder<'static, Counting>),
    /// One member of gzip.
    Gzip(GzEncoder<Counting>),
}

/// How much one worker of zstd takes at a time, in bytes. Its own choice at level 3 is four times
/// as much, and would cost as much more memory for a percent of size.
const JOB: u32 = 2 << 20;

impl Sink {
    /// Begins to pack into this file.
    ///
    /// # Errors
    /// The system's, or an impossible option.
    pub fn new(file: File, options: &Options) -> io::Result<Self> {
        let file = Counting { file, written: 0 };
        Ok(match options.packing {
            Packing::Zstd => Sink::Zstd(frame(file, options)?),
            Packing::Gzip => {
                let level = Compression::new(options.level.clamp(1, 9) as u32);
                Sink::Gzip(GzEncoder::new(file, level))
            }
        })
    }

    /// Ends what was packed, and gives the file back.
    ///
    /// # Errors
    /// The system's.
    pub fn finish(self) -> io::Result<Counting> {
        match self {
            Sink::Zstd(encoder) => encoder.finish(),
            Sink::Gzip(encoder) => encoder.finish(),
        }
    }
}

impl Counting {
    /// Begins a new frame of zstd behind what is there. It is small: no workers.
    ///
    /// # Errors
    /// The system's.
    pub fn small_frame(self, level: i32) -> io::Result<Sink> {
        let mut encoder = zstd::Encoder::new(self, level)?;
        encoder.include_checksum(true)?;
        Ok(Sink::Zstd(encoder))
    }

    /// The file itself.
    pub fn into_file(self) -> File {
        self.file
    }

    /// Waits until all of it is on the disk.
    ///
    /// # Errors
    /// The system's.
    pub fn sync(&self) -> io::Result<()> {
        self.file.sync_all()
    }
}

fn frame(file: Counting, options: &Options) -> io::Result<zstd::Encoder<'static, Counting>> {
    let mut encoder = zstd::Encoder::new(file, options.level)?;
    encoder.include_checksum(true)?;
    if options.workers > 0 {
        encoder.multithread(options.workers)?;
        encoder.set_parameter(CParameter::JobSize(JOB))?;
    }
    Ok(encoder)
}

impl Write for Sink {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Sink::Zstd(encoder) => encoder.write(bytes),
            Sink::Gzip(encoder) => encoder.write(bytes),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        match self {
            Sink::Zstd(encoder) => encoder.flush(),
            Sink::Gzip(encoder) => encoder.flush(),
        }
    }
}
