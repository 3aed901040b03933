//! The files in a snapshot that are no part of an instance's directory: dump, index, list,
//! description.

use std::io::{self, BufReader, Read};

use flate2::bufread::MultiGzDecoder;
use sha2::Digest;

use crate::host::archive::entries::{Entries, Head, Kind, bad};
use crate::host::archive::pass::{Fault, Pass, Result, To};
use crate::host::archive::reader::Origin;
use crate::host::archive::seen::Role;
use crate::host::archive::{CHUNK, MANIFEST, SUMS, Stream, packed, show, sums};
use crate::model::snapshot::Manifest;

/// A file that is no part of the instance's directory.
pub(super) enum Special {
    Part(Stream, u32),
    Packed(Stream, Origin),
    Tree,
    Sums,
    Manifest,
}

impl Pass<'_, '_> {
    /// Whether the entry is one of a snapshot's own files. A list or a description without parts
    /// of a dump in front of it is a left-over in an instance's directory, and the files of
    /// ConedaKOR's container stand alone.
    pub(super) fn special(&self, path: &[u8], head: &Head) -> Option<Special> {
        if head.kind != Kind::File {
            return None;
        }
        let is_own = self.parts[0] > 0;
        let name = std::str::from_utf8(path).ok()?;
        match name {
            SUMS if is_own => return Some(Special::Sums),
            MANIFEST if is_own => return Some(Special::Manifest),
            "db.sql.gz" => return Some(Special::Packed(Stream::Dump, Origin::Script)),
            "data.sql.gz" if !self.has_tree => {
                return Some(Special::Packed(Stream::Dump, Origin::Container));
            }
            "data.tar.gz" if !self.has_tree => return Some(Special::Tree),
            _ => {}
        }
        [Stream::Dump, Stream::Index]
            .into_iter()
            .find_map(|stream| {
                let digits = name.strip_prefix(stream.name())?.strip_prefix('.')?;
                let fits = digits.len() >= 5 && digits.bytes().all(|b| b.is_ascii_digit());
                Some(Special::Part(stream, digits.parse().ok().filter(|_| fits)?))
            })
    }

    pub(super) fn own_file(
        &mut self,
        entries: &mut Entries<'_>,
        head: &Head,
        path: &[u8],
        special: Special,
    ) -> Result<()> {
        self.seen.note(path, Role::Other).map_err(bad)?;
        match special {
            Special::Part(stream, number) => {
                let next = &mut self.parts[stream as usize];
                if number != *next {
                    return Err(bad("a part in front of it is missing").into());
                }
                *next += 1;
                if stream == Stream::Dump && number == 0 {
                    self.has_dump(Origin::Own)?;
                }
                let digest = self.content(entries, To::Stream(stream))?;
                self.sums.update(sums::line(&digest, path));
            }
            Special::Packed(stream, origin) => {
                self.has_dump(origin)?;
                self.packed(entries, |pass, unpacked| {
                    let mut chunk = vec![0; CHUNK];
                    loop {
                        match packed::read(unpacked, &mut chunk)? {
                            0 => return Ok(()),
                            read => pass.deliver(&chunk[..read], To::Stream(stream))?,
                        }
                    }
                })?;
            }
            Special::Tree => {
                self.has_container_tree = true;
                self.packed(entries, Self::container_tree)?;
            }
            Special::Sums => {
                let right = sums::hex(self.sums.clone());
                if self.content(entries, To::Nowhere)? != right {
                    return Err(bad("a file is not what it was when it was packed").into());
                }
                self.content.checksums = right;
                self.listed = true;
            }
            Special::Manifest => self.description(entries, head.size)?,
        }
        Ok(())
    }

    /// The description has to be true.
    fn description(&mut self, entries: &mut Entries<'_>, size: u64) -> Result<()> {
        if size > show::LONGEST {
            return Err(bad("it is too long").into());
        }
        let mut json = vec![0; size as usize];
        let mut done = 0;
        while done < json.len() {
            done += entries.content(&mut json[done..])?;
        }
        self.budget.spend(size, false)?;
        let manifest = Manifest::parse(&json).map_err(|e| match e.exit_code() {
            8 => Fault::Archive(bad(e.why.unwrap_or(e.what))),
            _ => Fault::Here(e),
        })?;
        self.content.tar_bytes = entries.before;
        self.content.left_out = manifest.content.left_out;
        let is_true = self.listed
            && manifest.content == self.content
            && manifest.about.documents.is_some() == (self.parts[1] > 0)
            && self.announced.as_ref().is_none_or(|said| *said == manifest);
        if !is_true {
            return Err(bad("what it says is not what is there").into());
        }
        self.manifest = Some(manifest);
        Ok(())
    }

    fn has_dump(&mut self, origin: Origin) -> io::Result<()> {
        match self.dump.replace(origin) {
            None => Ok(()),
            Some(_) => Err(bad("it has two dumps")),
        }
    }

    /// The current entry's content is gzip: gives it unpacked.
    fn packed(
        &mut self,
        entries: &mut Entries<'_>,
        work: impl FnOnce(&mut Self, &mut dyn Read) -> Result<()>,
    ) -> Result<()> {
        let content = BufReader::with_capacity(CHUNK, ContentOf { entries });
        let mut unpacked = MultiGzDecoder::new(content);
        work(self, &mut unpacked)?;
        // Whoever reads a tar archive reads up to the end of its zeros, and so of this.
        match unpacked.read(&mut [0])? {
            0 => Ok(()),
            _ => Err(bad("something stands behind its end").into()),
        }
    }
}

/// Reads the content of an entry.
struct ContentOf<'c, 'e> {
    entries: &'c mut Entries<'e>,
}

impl Read for ContentOf<'_, '_> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        self.entries.content(into)
    }
}
