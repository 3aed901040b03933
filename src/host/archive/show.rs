//! What a snapshot says of itself, read from its end: the same time whatever its size.

use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::path::Path;

use tar::Header;

use crate::error::{Error, Result};
use crate::host::archive::tail::{self, Frame, Tail};
use crate::host::archive::{BLOCK, MANIFEST};
use crate::model::snapshot::Manifest;

/// A description is not longer, in bytes, packed or not.
pub(crate) const LONGEST: u64 = 4 << 20;

/// The description of a snapshot; nothing where its end does not lead to one: then it is of the
/// shell script or of ConedaKOR itself, or was packed anew, and only reading all of it tells.
///
/// # Errors
/// Exit 4 or 6 where the file cannot be read, 8 where it is no snapshot or its end is damaged.
pub fn manifest(path: &Path) -> Result<Option<Manifest>> {
    let failed = |e| Error::io("read", path, &e);
    let mut file = File::open(path).map_err(failed)?;
    let mut first = [0; 4];
    let mut begin = Vec::new();
    file.by_ref()
        .take(4)
        .read_to_end(&mut begin)
        .map_err(failed)?;
    first[..begin.len()].copy_from_slice(&begin);
    if first[..2] == GZIP {
        return Ok(None);
    }
    if tail::frame(&first) != Some(Frame::Data) {
        return Err(no_snapshot(path));
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

/// What a file of gzip begins with.
pub(crate) const GZIP: [u8; 2] = [0x1F, 0x8B];

/// A file that begins as no snapshot does.
pub(crate) fn no_snapshot(path: &Path) -> Error {
    Error::damaged(format!("{} is no snapshot", path.display()))
        .why("it is neither a .tar.zst nor a .tar.gz")
}

/// The tail of a file, if it has one that can be right.
pub(crate) fn find_tail(file: &mut File) -> std::io::Result<Option<Tail>> {
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
