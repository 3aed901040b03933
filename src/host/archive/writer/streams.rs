//! What streams into a snapshot, of unknown length.

use std::io::{Read, Seek, SeekFrom, Write};

use crate::error::{Error, Result};
use crate::host::archive::attributes::Attributes;
use crate::host::archive::dump_end::DumpEnd;
use crate::host::archive::packed::{self, unreadable};
use crate::host::archive::sink::Sink;
use crate::host::archive::writer::{Writer, end};
use crate::host::archive::{CHUNK, PART, Stream};

/// What streams in, counted, and the end of it remembered.
pub(super) struct Watched<'r> {
    pub inner: &'r mut dyn Read,
    pub bytes: u64,
    pub end: DumpEnd,
}

impl Read for Watched<'_> {
    fn read(&mut self, into: &mut [u8]) -> std::io::Result<usize> {
        let read = self.inner.read(into)?;
        self.bytes += read as u64;
        self.end.passed(&into[..read]);
        Ok(read)
    }
}

impl Writer<'_> {
    /// As parts: `db.sql.00000` and on. There is always one, be it empty.
    pub(super) fn add_parts(&mut self, stream: Stream, from: &mut Watched<'_>) -> Result<()> {
        let attributes = Attributes::own(self.now);
        let mut part = Vec::with_capacity(PART);
        for number in 0.. {
            part.clear();
            let read = from.by_ref().take(PART as u64).read_to_end(&mut part);
            read.map_err(|e| unreadable(stream.name().as_bytes(), &e))?;
            if part.is_empty() && number > 0 {
                break;
            }
            let name = format!("{}.{number:05}", stream.name());
            let size = part.len() as u64;
            self.packed()?
                .file(name.as_bytes(), size, &attributes, &mut &part[..])?;
        }
        Ok(())
    }

    /// As one member, `db.sql.gz`, by way of a file beside: its size is wanted first.
    pub(super) fn add_member(&mut self, stream: Stream, from: &mut Watched<'_>) -> Result<()> {
        let name = format!("{}.gz", stream.name());
        let failed = |e| Error::io("write", &self.path.with_file_name(&name), &e);
        let mut sink = Sink::new(end::scratch(&self.path)?, &self.options).map_err(failed)?;
        let mut chunk = vec![0; CHUNK];
        loop {
            let read =
                packed::read(from, &mut chunk).map_err(|e| unreadable(name.as_bytes(), &e))?;
            if read == 0 {
                break;
            }
            sink.write_all(&chunk[..read]).map_err(failed)?;
            self.watch.went_on(0, "packing the snapshot")?;
        }
        let packed = sink.finish().map_err(failed)?;
        let size = packed.written;
        let mut file = packed.into_file();
        file.seek(SeekFrom::Start(0)).map_err(failed)?;
        let attributes = Attributes::own(self.now);
        self.packed()?
            .file(name.as_bytes(), size, &attributes, &mut file)
    }
}
