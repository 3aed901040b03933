//! Packs a snapshot: beside its place, and into it when it is whole and on the disk.

mod end;
mod streams;

use std::collections::HashMap;
use std::fmt;
use std::fs::{self, File};
use std::io::Read;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use crate::error::{Error, Result};
use crate::host::archive::attributes::Attributes;
use crate::host::archive::dump_end::DumpEnd;
use crate::host::archive::entry::Entry;
use crate::host::archive::packed::{Packed, unreadable};
use crate::host::archive::sink::Sink;
use crate::host::archive::walk::{Found, LeftOut, Tree, walk};
use crate::host::archive::watch::Watch;
use crate::host::archive::{MANIFEST, SUMS, Stream, path};
use crate::host::{clock, files};
use crate::model::snapshot::{About, Content, FORMAT, Manifest, Packing};

/// How a snapshot is packed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Options {
    /// Into what.
    pub packing: Packing,
    /// The compressor's level.
    pub level: i32,
    /// Threads that compress, for zstd; none: the one that reads also compresses.
    pub workers: u32,
}

impl Options {
    /// The usual ones: zstd at level 3 (as fast as the disk, for most), gzip at 6.
    pub fn new(packing: Packing, workers: u32) -> Self {
        let level = match packing {
            Packing::Zstd => 3,
            Packing::Gzip => 6,
        };
        Options {
            packing,
            level,
            workers,
        }
    }
}

/// A snapshot that is being packed. One that is not finished is removed.
pub struct Writer<'a> {
    path: PathBuf,
    options: Options,
    watch: Watch<'a>,
    /// Nothing from the moment that it is finished.
    packed: Option<Packed<'a>>,
    content: Content,
    left_out: Vec<LeftOut>,
    /// Where files with more names than one were packed, by device and inode.
    names: HashMap<(u64, u64), Vec<u8>>,
    now: i64,
}

/// A snapshot that is in its place.
#[derive(Debug, Clone)]
pub struct Finished {
    /// Where.
    pub path: PathBuf,
    /// Its size.
    pub bytes: u64,
    /// What it says of itself; in the shell script's form it does not.
    pub manifest: Manifest,
    /// The first hundred of what could not be packed.
    pub left_out: Vec<LeftOut>,
}

/// So many are kept; all are counted.
const NAMED: usize = 100;

impl<'a> Writer<'a> {
    /// Begins a snapshot that shall stand at `path`. What a crash left beside it is replaced.
    ///
    /// # Errors
    /// Exit 6 where something is there already or a right lacks, 1 or 4 with the path.
    pub fn begin(path: &Path, options: Options, watch: Watch<'a>) -> Result<Self> {
        is_free(path)?;
        let beside = files::beside(path);
        let _ = fs::remove_file(&beside);
        let failed = |e| Error::io("write", &beside, &e);
        let file = end::private().open(&beside).map_err(failed)?;
        let begun = Sink::new(file, &options)
            .map_err(failed)
            .and_then(|sink| Ok((sink, end::scratch(path)?)));
        let (sink, list) = begun.inspect_err(|_| {
            let _ = fs::remove_file(&beside);
        })?;
        Ok(Writer {
            path: path.to_owned(),
            options,
            watch,
            packed: Some(Packed::new(sink, &beside, list, watch)),
            content: Content::default(),
            left_out: Vec::new(),
            names: HashMap::new(),
            now: clock::now(),
        })
    }

    /// Adds what is at `root`, a directory or one file, as `prefix` (`data`); the empty prefix
    /// puts a directory's content at the top. Links below it are not followed. What cannot be
    /// packed is counted and named in [`Finished`].
    ///
    /// # Errors
    /// Exit 1 where a file changes or goes while it is read, 4 or 6 where it cannot be read, 1
    /// where the snapshot cannot be written or a signal came.
    pub fn add_tree(&mut self, root: &Path, prefix: &str, tree: &Tree<'_>) -> Result<()> {
        walk(root, prefix.as_bytes(), tree, &mut |path, found| {
            if is_ours(path) {
                self.leave_out(path, "its name is one of the snapshot's own files");
                return Ok(());
            }
            match found {
                Found::Directory(directory, meta) => {
                    let mut attributes = Attributes::of(&meta);
                    let read = attributes.read_extended(&directory);
                    read.map_err(|e| unreadable(path, &e))?;
                    self.content.directories += 1;
                    self.packed()?.bare(path, Entry::Directory, &attributes)
                }
                Found::File(file, meta) => {
                    let more_names = meta.nlink() > 1 + tree.names_elsewhere;
                    self.add_open(path, file, &meta, more_names)
                }
                Found::Link(target, meta) => match path::link_leaves(path, &target) {
                    Some(why) => {
                        self.leave_out(path, why);
                        Ok(())
                    }
                    None => {
                        self.content.links += 1;
                        let attributes = Attributes::of(&meta);
                        self.packed()?.bare(path, Entry::Link(&target), &attributes)
                    }
                },
                Found::Other(why) => {
                    self.leave_out(path, why);
                    Ok(())
                }
            }
        })
    }

    /// Adds a file that is made up, readable for its owner only.
    ///
    /// # Errors
    /// Exit 1 where something of this name was added already, or it cannot be written.
    pub fn add_bytes(&mut self, name: &str, bytes: &[u8]) -> Result<()> {
        let size = bytes.len() as u64;
        let attributes = Attributes::own(self.now);
        let from = &mut &bytes[..];
        self.packed()?
            .file(name.as_bytes(), size, &attributes, from)?;
        self.content.files += 1;
        self.content.file_bytes += size;
        Ok(())
    }

    /// Adds all that `from` gives, of unknown length, and says how many bytes that were. Whether
    /// what writes into `from` ended well is asked by the caller, before [`Writer::finish`].
    ///
    /// # Errors
    /// Exit 6 where it is the index and the form is the shell script's, which knows none. Exit 1
    /// where `from` fails, where the dump's last line is missing, or it cannot be written.
    pub fn add_stream(&mut self, stream: Stream, from: &mut dyn Read) -> Result<u64> {
        if (stream, self.options.packing) == (Stream::Index, Packing::Gzip) {
            return Err(
                Error::refused("a snapshot of the form tar.gz has no index in it")
                    .why("the shell script, which reads that form, knows none"),
            );
        }
        let mut from = streams::Watched {
            inner: from,
            bytes: 0,
            end: DumpEnd::default(),
        };
        match self.options.packing {
            Packing::Zstd => self.add_parts(stream, &mut from)?,
            Packing::Gzip => self.add_member(stream, &mut from)?,
        }
        match stream {
            Stream::Index => self.content.index_bytes = from.bytes,
            Stream::Dump if from.end.is_whole() => self.content.dump_bytes = from.bytes,
            Stream::Dump => {
                return Err(Error::failed("the database's dump is not whole")
                    .why("its last line, `-- Dump completed`, is missing"));
            }
        }
        Ok(from.bytes)
    }

    /// Adds the list of checksums and the description, waits for the disk, and puts the snapshot
    /// into its place.
    ///
    /// # Errors
    /// Exit 1 where it has no dump or cannot be written, 6 where something took its place.
    pub fn finish(mut self, about: About) -> Result<Finished> {
        if self.content.dump_bytes == 0 {
            return Err(Error::failed("cannot finish the snapshot").why("it has no dump"));
        }
        let manifest = self.describe(about)?;
        let beside = files::beside(&self.path);
        let failed = |e| Error::io("write", &beside, &e);
        // From here on nothing more is added; `beside` is removed by hand where it fails.
        let Some(packed) = self.packed.take() else {
            return Err(over());
        };
        let ended = end::end(packed, &manifest, &self.options)
            .and_then(|bytes| {
                is_free(&self.path)?;
                fs::rename(&beside, &self.path).map_err(failed)?;
                files::sync_directory_of(&self.path)?;
                Ok(bytes)
            })
            .inspect_err(|_| {
                let _ = fs::remove_file(&beside);
            });
        Ok(Finished {
            path: self.path.clone(),
            bytes: ended?,
            manifest,
            left_out: std::mem::take(&mut self.left_out),
        })
    }

    fn describe(&mut self, about: About) -> Result<Manifest> {
        let attributes = Attributes::own(self.now);
        let packing = self.options.packing;
        let packed = self.packed()?;
        let checksums = match packing {
            Packing::Zstd => packed.list(SUMS.as_bytes(), &attributes)?,
            Packing::Gzip => String::new(),
        };
        let tar_bytes = packed.bytes;
        let mut manifest = Manifest {
            format: FORMAT,
            about,
            content: Content {
                checksums,
                tar_bytes,
                ..self.content.clone()
            },
        };
        let taken = manifest.about.taken;
        manifest.about.taken = taken.round(jiff::Unit::Second).unwrap_or(taken);
        Ok(manifest)
    }

    fn add_open(
        &mut self,
        path: &[u8],
        mut file: File,
        meta: &fs::Metadata,
        more_names: bool,
    ) -> Result<()> {
        let mut attributes = Attributes::of(meta);
        if more_names {
            let inode = (meta.dev(), meta.ino());
            if let Some(first) = self.names.get(&inode) {
                self.content.hard_links += 1;
                let (packed, entry) = (self.packed.as_mut(), Entry::HardLink(first));
                return packed.ok_or_else(over)?.bare(path, entry, &attributes);
            }
            self.names.insert(inode, path.to_vec());
        }
        let failed = |e: std::io::Error| unreadable(path, &e);
        attributes.read_extended(&file).map_err(failed)?;
        self.packed()?
            .file(path, meta.len(), &attributes, &mut file)?;
        let after = Attributes::of(&file.metadata().map_err(failed)?);
        if (after.seconds, after.nanoseconds) != (attributes.seconds, attributes.nanoseconds) {
            return Err(Error::failed(format!("cannot pack {}", path::shown(path)))
                .why("it was written while it was read")
                .next("run the command again"));
        }
        self.content.files += 1;
        self.content.file_bytes += meta.len();
        Ok(())
    }

    fn leave_out(&mut self, path: &[u8], why: &'static str) {
        self.content.left_out += 1;
        if self.left_out.len() < NAMED {
            let path = path::shown(path);
            self.left_out.push(LeftOut { path, why });
        }
    }

    fn packed(&mut self) -> Result<&mut Packed<'a>> {
        self.packed.as_mut().ok_or_else(over)
    }
}

impl Drop for Writer<'_> {
    fn drop(&mut self) {
        if self.packed.is_some() {
            let _ = fs::remove_file(files::beside(&self.path));
        }
    }
}

impl fmt::Debug for Writer<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Writer")
            .field("path", &self.path)
            .finish_non_exhaustive()
    }
}

/// What a snapshot has of its own at the top, and one of ConedaKOR's container.
const OURS: [&str; 4] = [SUMS, MANIFEST, "data.tar.gz", "data.sql.gz"];

/// Files at the top that the snapshot makes itself. One that the shell script's import left in an
/// instance's directory is old.
fn is_ours(path: &[u8]) -> bool {
    let of_stream = |stream: Stream| {
        let rest = path.strip_prefix(stream.name().as_bytes());
        rest.is_some_and(|rest| rest.is_empty() || rest.starts_with(b"."))
    };
    !path.contains(&b'/')
        && (OURS.iter().any(|name| path == name.as_bytes())
            || of_stream(Stream::Dump)
            || of_stream(Stream::Index))
}

fn is_free(path: &Path) -> Result<()> {
    if files::exists(path) {
        let what = format!("{} is there already", path.display());
        return Err(Error::refused(what).next("wait a second, or give another name"));
    }
    Ok(())
}

fn over() -> Error {
    Error::failed("the snapshot is finished already")
}
