//! What a snapshot that does not say how large it is comes to at least.

use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::path::Path;

use crate::error::{Error, Result};

/// How many bytes it unpacks to at least: as many as it has packed, and what the end of a gzip file
/// says, which knows 32 bits of its length.
///
/// # Errors
/// Exit 4 or 6 where it cannot be read.
pub fn unpacked_at_least(path: &Path) -> Result<u64> {
    let failed = |e| Error::io("read", path, &e);
    let mut file = File::open(path).map_err(failed)?;
    let packed = file.metadata().map_err(failed)?.len();
    let mut length = [0; 4];
    if packed < 18 {
        return Ok(packed);
    }
    file.seek(SeekFrom::End(-4))
        .and_then(|_| file.read_exact(&mut length))
        .map_err(failed)?;
    Ok(packed.max(u64::from(u32::from_le_bytes(length))))
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

    #[test]
    fn the_end_of_a_gzip_file_says_its_length() {
        let place = tempfile::tempdir().unwrap();
        let path = place.path().join("file");
        let file = File::create(&path).unwrap();
        let mut packed = flate2::write::GzEncoder::new(file, flate2::Compression::new(6));
        packed.write_all(&vec![0; 300_000]).unwrap();
        packed.finish().unwrap();
        assert_eq!(unpacked_at_least(&path).unwrap(), 300_000);
        std::fs::write(&path, b"short").unwrap();
        assert_eq!(unpacked_at_least(&path).unwrap(), 5);
    }
}
