//! What a snapshot says of itself, read from its end: the same time whatever its size.

use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::path::Path;

use tar::Header;

use crate::error::{Error, Result};
use crate::host::archive::tail::{self, Frame, Tail};
use crate::host::archive::{BLOCK, MANIFEST};
use crate::model::snapshot::{Manifest, Packing};

/// A description is not longer, in bytes, packed or not.
pub const LONGEST: u64 = 4 << 20;

/// The description of a snapshot; nothing where its end does not lead to one: then it is of the
/// shell script or of ConedaKOR itself, or was packed anew, and only reading all of it tells
/// ([`check`](crate::host::archive::check)).
///
/// # Errors
/// Exit 4 or 6 where the file cannot be read, 8 where it is no snapshot or its end is damaged.
pub fn manifest(path: &Path) -> Result<Option<Manifest>> {
    let failed = |e| Error::io("read", path, &e);
    let (mut file, packing) = open(path)?;
    if packing == Packing::Gzip {
        return Ok(None);
    }
    let Some(tail) = find_tail(&mut file).map_err(failed)? else {
        return Ok(None);
    };
    file.seek(SeekFrom::Start(tail.offset)).map_err(failed)?;
    let mut frame = Vec::new();
    file.take(tail.length)
        .read_to_end(&mut frame)
        .map_err(failed)?;
    let json = unpack(&frame).ok_or_else(|| {
        Error::damaged(format!("{} is damaged", path.display()))
            .why("the description at its end cannot be read")
            .next("take another snapshot")
    })?;
    Manifest::parse(&json).map(Some)
}

/// A snapshot's file and how it is packed, by what it begins with.
///
/// # Errors
/// Exit 4 or 6 where it cannot be read, 8 where it is nothing that a snapshot can be.
pub(crate) fn open(path: &Path) -> Result<(File, Packing)> {
    let failed = |e| Error::io("read", path, &e);
    // To open a pipe would wait for someone at its other end.
    let is_file = std::fs::metadata(path).map_err(failed)?.is_file();
    if is_file {
        let mut file = File::open(path).map_err(failed)?;
        let mut begin = Vec::new();
        file.by_ref()
            .take(4)
            .read_to_end(&mut begin)
            .map_err(failed)?;
        file.seek(SeekFrom::Start(0)).map_err(failed)?;
        if begin.starts_with(&GZIP) {
            return Ok((file, Packing::Gzip));
        }
        if tail::frame(&begin) == Some(Frame::Data) {
            return Ok((file, Packing::Zstd));
        }
    }
    Err(Error::damaged(format!("{} is no snapshot", path.display()))
        .why("it is neither a .tar.zst nor a .tar.gz"))
}

/// What a file of gzip begins with.
const GZIP: [u8; 2] = [0x1F, 0x8B];

/// The tail of a file, if it has one that can be right.
fn find_tail(file: &mut File) -> std::io::Result<Option<Tail>> {
    let size = file.metadata()?.len();
    let Some(at) = size.checked_sub(tail::LENGTH as u64) else {
        return Ok(None);
    };
    let mut bytes = [0; tail::LENGTH];
    file.seek(SeekFrom::Start(at))?;
    file.read_exact(&mut bytes)?;
    Ok(Tail::parse(&bytes)
        .filter(|tail| tail.offset.checked_add(tail.length) == Some(at) && tail.length <= LONGEST))
}

/// The description in the last frame.
fn unpack(frame: &[u8]) -> Option<Vec<u8>> {
    let mut blocks = Vec::new();
    let mut decoder = zstd::Decoder::with_buffer(frame).ok()?;
    decoder.window_log_max(crate::host::archive::WINDOW).ok()?;
    decoder.take(LONGEST).read_to_end(&mut blocks).ok()?;
    let header = Header::from_byte_slice(blocks.get(..BLOCK)?);
    let size = usize::try_from(header.entry_size().ok()?).ok()?;
    if header.path_bytes() != [b"./", MANIFEST.as_bytes()].concat() {
        return None;
    }
    Some(blocks.get(BLOCK..BLOCK.checked_add(size)?)?.to_vec())
}
