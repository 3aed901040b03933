//! How a snapshot's file begins and ends.

use std::fs::{File, OpenOptions};
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use crate::error::{Error, Result};
use crate::host::archive::attributes::Attributes;
use crate::host::archive::entry::{self, Entry};
use crate::host::archive::packed::Packed;
use crate::host::archive::sink::{Counting, Sink};
use crate::host::archive::tail::Tail;
use crate::host::archive::writer::Options;
use crate::host::archive::{BLOCK, MANIFEST};
use crate::host::files;
use crate::model::snapshot::{Manifest, Packing};

/// A new file for its owner only.
pub fn private() -> OpenOptions {
    let mut options = OpenOptions::new();
    options
        .read(true)
        .write(true)
        .create_new(true)
        .mode(files::PRIVATE);
    options
}

/// A file in the snapshot's directory that is gone when it is closed.
pub fn scratch(path: &Path) -> Result<File> {
    let mut name = files::beside(path).into_os_string();
    name.push(".part");
    files::nameless(Path::new(&name))
}

/// Ends the archive, waits for the disk, and gives the size of the file. Our own form has the
/// description in a frame of its own, with a tail that says where it is. The shell script's has
/// none: its import would leave it in the instance's directory, and pack it again next time.
///
/// # Errors
/// Exit 1 where it cannot be written.
pub fn end(packed: Packed<'_>, manifest: &Manifest, options: &Options) -> Result<u64> {
    let beside = packed.file.clone();
    let done = match options.packing {
        Packing::Zstd => {
            let json = manifest.to_json()?;
            with_description(
                packed.sink,
                &json,
                manifest.about.taken.as_second(),
                options,
            )
        }
        Packing::Gzip => {
            let mut sink = packed.sink;
            sink.write_all(&[0; 2 * BLOCK]).and_then(|()| sink.finish())
        }
    };
    done.and_then(|file| {
        file.sync()?;
        Ok(file.written)
    })
    .map_err(|e| Error::io("write", &beside, &e))
}

fn with_description(
    sink: Sink,
    json: &[u8],
    seconds: i64,
    options: &Options,
) -> std::io::Result<Counting> {
    let size = json.len() as u64;
    let mut last = entry::head(
        MANIFEST.as_bytes(),
        Entry::File(size),
        &Attributes::own(seconds),
    );
    last.extend_from_slice(json);
    last.resize(last.len() + entry::padding(size) + 2 * BLOCK, 0);
    let file = sink.finish()?;
    let offset = file.written;
    let mut sink = file.small_frame(options.level)?;
    sink.write_all(&last)?;
    let mut file = sink.finish()?;
    let length = file.written - offset;
    file.write_all(&Tail { offset, length }.to_bytes())?;
    Ok(file)
}
