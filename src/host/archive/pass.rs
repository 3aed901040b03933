//! One way through a snapshot, from its first byte to its last. Everything is checked; what is
//! unpacked goes where it belongs as it comes.

mod own;
mod tree;

use std::ffi::OsStr;
use std::io::{self, Read};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use sha2::{Digest, Sha256};

use crate::error::Error;
use crate::host::archive::budget::Budget;
use crate::host::archive::disk::Disk;
use crate::host::archive::dump_end::DumpEnd;
use crate::host::archive::entries::{Entries, bad};
use crate::host::archive::reader::{Checked, Origin, Rules, Sinks};
use crate::host::archive::seen::Seen;
use crate::host::archive::walk::LeftOut;
use crate::host::archive::watch::Watch;
use crate::host::archive::{CHUNK, MANIFEST, Stream, path, sums};
use crate::model::snapshot::{Content, Manifest};

/// Why a pass ended early.
pub enum Fault {
    /// What the archive says, or the system when it was read.
    Archive(io::Error),
    /// The system when something was unpacked.
    Disk(io::Error),
    /// Anything else.
    Here(Error),
}

impl From<io::Error> for Fault {
    fn from(error: io::Error) -> Self {
        Fault::Archive(error)
    }
}

impl From<Error> for Fault {
    fn from(error: Error) -> Self {
        Fault::Here(error)
    }
}

type Result<T, E = Fault> = std::result::Result<T, E>;

/// The state of a pass.
pub struct Pass<'p, 's> {
    rules: Rules<'p>,
    sinks: Sinks<'s>,
    watch: Watch<'p>,
    budget: Budget,
    /// What the snapshot's end says, if it was found there.
    announced: Option<Manifest>,
    disk: Option<Disk>,
    seen: Seen,
    content: Content,
    left_out: Vec<LeftOut>,
    /// The list of checksums as it has to be, and whether it was.
    sums: Sha256,
    listed: bool,
    manifest: Option<Manifest>,
    /// The number of the next part of the dump, and of the index.
    parts: [u32; 2],
    /// Who makes dumps as the one that was met.
    dump: Option<Origin>,
    dump_end: DumpEnd,
    index_lines: u64,
    has_container_tree: bool,
    /// Whether anything of an instance's directory was met outside of that.
    has_tree: bool,
    /// The entry that is read, for errors.
    pub at: Option<Vec<u8>>,
}

/// Where a content goes.
#[derive(Clone, Copy)]
enum To {
    Disk,
    Stream(Stream),
    Nowhere,
}

impl<'p, 's> Pass<'p, 's> {
    /// Begins one.
    pub fn new(
        rules: Rules<'p>,
        sinks: Sinks<'s>,
        watch: Watch<'p>,
        budget: Budget,
        announced: Option<Manifest>,
        disk: Option<Disk>,
    ) -> Self {
        Pass {
            rules,
            sinks,
            watch,
            budget,
            announced,
            disk,
            seen: Seen::default(),
            content: Content::default(),
            left_out: Vec::new(),
            sums: Sha256::new(),
            listed: false,
            manifest: None,
            parts: [0; 2],
            dump: None,
            dump_end: DumpEnd::default(),
            index_lines: 0,
            has_container_tree: false,
            has_tree: false,
            at: None,
        }
    }

    /// Reads everything.
    ///
    /// # Errors
    /// What made it end early.
    pub fn run(&mut self, mut source: impl Read) -> Result<Checked> {
        let mut entries = Entries::new(&mut source);
        while let Some(head) = entries.next()? {
            self.begins(entries.overhead)?;
            let path = path::plain(&head.path).map_err(bad)?;
            self.at = Some(path.clone());
            self.in_order(&path, entries.before)?;
            match self.special(&path, &head) {
                Some(special) => self.own_file(&mut entries, &head, &path, special)?,
                None => {
                    self.has_tree |= !path.is_empty();
                    self.of_the_instance(&mut entries, head, path)?;
                }
            }
        }
        self.at = None;
        let checked = self.is_whole()?;
        if let Some(disk) = self.disk.take() {
            disk.end().map_err(Fault::Disk)?;
        }
        Ok(checked)
    }

    /// An entry begins, with so many bytes.
    fn begins(&mut self, overhead: u64) -> Result<()> {
        self.budget.entry(overhead)?;
        self.went_on()
    }

    fn went_on(&mut self) -> Result<()> {
        let bytes = self.budget.newly_read();
        Ok(self.watch.went_on(bytes, "reading the snapshot")?)
    }

    /// The entry as a path below the directory that is unpacked into.
    pub fn at_on_disk(&self) -> &Path {
        Path::new(OsStr::from_bytes(self.at.as_deref().unwrap_or_default()))
    }

    /// The list comes behind all that it lists, the description behind it.
    fn in_order(&self, path: &[u8], before: u64) -> io::Result<()> {
        if self.manifest.is_some() || (self.listed && path != MANIFEST.as_bytes()) {
            return Err(bad("it stands behind the list of checksums"));
        }
        match &self.announced {
            Some(said) if before > said.content.tar_bytes => {
                Err(bad("there is more in it than its description says"))
            }
            _ => Ok(()),
        }
    }

    /// The current entry's content, and its digest.
    fn content(&mut self, entries: &mut Entries<'_>, to: To) -> Result<String> {
        let mut hash = Sha256::new();
        let mut chunk = vec![0; CHUNK];
        loop {
            match entries.content(&mut chunk)? {
                0 => return Ok(sums::hex(hash)),
                read => {
                    hash.update(&chunk[..read]);
                    self.deliver(&chunk[..read], to)?;
                }
            }
        }
    }

    fn deliver(&mut self, bytes: &[u8], to: To) -> Result<()> {
        let zeros = bytes.iter().all(|b| *b == 0);
        // In gzip within gzip a hole may be a million times larger than packed.
        let hole = zeros && !matches!(to, To::Stream(_)) && !self.has_container_tree;
        self.budget.spend(bytes.len() as u64, hole)?;
        self.went_on()?;
        let length = bytes.len() as u64;
        let (sink, stream) = match to {
            To::Nowhere => return Ok(()),
            To::Disk => return self.place(true, |disk| disk.content(bytes, zeros)),
            To::Stream(Stream::Dump) => {
                self.dump_end.passed(bytes);
                self.content.dump_bytes += length;
                (&mut self.sinks.dump, "dump")
            }
            To::Stream(Stream::Index) => {
                self.index_lines += bytes.iter().filter(|b| **b == b'\n').count() as u64;
                self.content.index_bytes += length;
                (&mut self.sinks.index, "index")
            }
        };
        sink.write_all(bytes).map_err(|e| {
            Error::failed(format!("cannot pass on the snapshot's {stream}"))
                .caused_by(&e)
                .into()
        })
    }

    /// All that has to be there was there.
    fn is_whole(&mut self) -> io::Result<Checked> {
        let Some(origin) = self.dump else {
            return Err(bad("it has no dump of a database"));
        };
        if !self.dump_end.is_whole() {
            return Err(bad(
                "its dump is not whole: the last line `-- Dump completed` is missing",
            ));
        }
        if origin == Origin::Own && self.manifest.is_none() {
            return Err(bad("its description is missing"));
        }
        if (origin == Origin::Container) != self.has_container_tree {
            return Err(bad("data.tar.gz and data.sql.gz are not both in it"));
        }
        self.content.left_out = self.content.left_out.max(self.left_out.len() as u64);
        Ok(Checked {
            origin,
            manifest: self.manifest.take(),
            content: std::mem::take(&mut self.content),
            index_lines: self.index_lines,
            left_out: std::mem::take(&mut self.left_out),
        })
    }
}
