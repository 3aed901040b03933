//! The bytes of a snapshot's archive, unpacked: of frames of zstd, or of gzip.

use std::cell::Cell;
use std::fs::File;
use std::io::{self, BufReader, Read, Seek, SeekFrom};
use std::rc::Rc;

use flate2::bufread::MultiGzDecoder;

use crate::host::archive::entries::bad;
use crate::host::archive::tail::{self, Frame, Tail};
use crate::host::archive::{CHUNK, WINDOW};

/// A file that counts what is read of it.
#[derive(Debug)]
pub struct Counted {
    file: File,
    read: Rc<Cell<u64>>,
}

impl Read for Counted {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let read = self.file.read(into)?;
        self.read.set(self.read.get() + read as u64);
        Ok(read)
    }
}

impl Seek for Counted {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        self.file.seek(to)
    }
}

type Buffered = BufReader<Counted>;

/// What is unpacked.
pub enum Source {
    /// Frames of zstd.
    Zstd(Frames),
    /// Members of gzip; what is behind them has to be one more.
    Gzip(Box<MultiGzDecoder<Buffered>>),
}

impl Source {
    /// Unpacks a file that stands at its beginning; `read` will count its bytes.
    ///
    /// # Errors
    /// The system's.
    pub fn zstd(file: File, read: Rc<Cell<u64>>) -> io::Result<Self> {
        Ok(Source::Zstd(Frames {
            state: State::Between(BufReader::with_capacity(CHUNK, Counted { file, read })),
            began: 0,
        }))
    }

    /// The same of gzip.
    pub fn gzip(file: File, read: Rc<Cell<u64>>) -> Self {
        let buffered = BufReader::with_capacity(CHUNK, Counted { file, read });
        Source::Gzip(Box::new(MultiGzDecoder::new(buffered)))
    }
}

impl Read for Source {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        match self {
            Source::Zstd(frames) => frames.read(into),
            Source::Gzip(decoder) => decoder.read(into),
        }
    }
}

/// The content of one frame after the other, up to the end of the file or our own tail. Anything
/// else that a decoder would pass over is refused: nothing vouches for it.
pub struct Frames {
    state: State,
    /// Where the last frame began, in bytes of the file.
    began: u64,
}

enum State {
    /// A frame begins here, or the file is over.
    Between(Buffered),
    /// In the middle of one.
    Inside(Box<zstd::Decoder<'static, Buffered>>),
    /// At the end, or behind an error.
    Over,
}

impl Read for Frames {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        loop {
            self.state = match std::mem::replace(&mut self.state, State::Over) {
                State::Over => return Ok(0),
                State::Between(file) => match self.begin(file)? {
                    Some(decoder) => State::Inside(decoder),
                    None => return Ok(0),
                },
                State::Inside(mut decoder) => match decoder.read(into)? {
                    0 if !into.is_empty() => State::Between(decoder.finish()),
                    read => {
                        self.state = State::Inside(decoder);
                        return Ok(read);
                    }
                },
            };
        }
    }
}

impl Frames {
    /// The decoder of the frame that begins here; nothing at the end of the snapshot.
    fn begin(
        &mut self,
        mut file: Buffered,
    ) -> io::Result<Option<Box<zstd::Decoder<'static, Buffered>>>> {
        let at = file.stream_position()?;
        let mut magic = Vec::new();
        file.by_ref().take(4).read_to_end(&mut magic)?;
        file.seek_relative(-(magic.len() as i64))?;
        match tail::frame(&magic) {
            Some(Frame::Data) => {}
            Some(Frame::Skippable) => return self.tail(file, at).map(|()| None),
            None if magic.is_empty() && at > 0 => return Ok(None),
            None => return Err(bad("something stands behind its end")),
        }
        self.began = at;
        let mut decoder = zstd::Decoder::with_buffer(file)?.single_frame();
        decoder.window_log_max(WINDOW)?;
        Ok(Some(Box::new(decoder)))
    }

    /// What is left of the file has to be our tail, and it has to be right.
    fn tail(&mut self, file: Buffered, at: u64) -> io::Result<()> {
        let mut rest = Vec::new();
        file.take(tail::LENGTH as u64 + 1).read_to_end(&mut rest)?;
        let right = Tail {
            offset: self.began,
            length: at - self.began,
        };
        if Tail::parse(&rest) == Some(right) {
            Ok(())
        } else {
            Err(bad(
                "its last bytes are damaged, or something stands behind its end",
            ))
        }
    }
}
