//! How an entry of a tar archive begins: the GNU format, with what it has no place for in the
//! records of POSIX.
//!
//! Long names stand in GNU's own entries and not in those records: there a name is text in UTF-8,
//! here it is bytes. GNU tar and libarchive read both.

use tar::{EntryType, Header};

use crate::host::archive::BLOCK;
use crate::host::archive::attributes::Attributes;

/// What an entry is.
#[derive(Debug, Clone, Copy)]
pub enum Entry<'a> {
    /// A regular file of this many bytes, which follow.
    File(u64),
    /// A further name of the file at this path.
    HardLink(&'a [u8]),
    /// A symbolic link to this.
    Link(&'a [u8]),
    /// A directory.
    Directory,
}

/// The place in a header for a name or the target of a link, in bytes.
const PLACE: usize = 100;

/// The blocks that begin an entry at this path (in its plain form).
pub fn head(path: &[u8], entry: Entry<'_>, attributes: &Attributes) -> Vec<u8> {
    let mut name = [b"./", path].concat();
    let mut target = Vec::new();
    let (kind, size) = match entry {
        Entry::File(size) => (EntryType::Regular, size),
        Entry::HardLink(to) => {
            target = [b"./", to].concat();
            (EntryType::Link, 0)
        }
        Entry::Link(to) => {
            target = to.to_vec();
            (EntryType::Symlink, 0)
        }
        Entry::Directory => {
            name.push(b'/');
            (EntryType::Directory, 0)
        }
    };
    let mut blocks = Vec::with_capacity(BLOCK);
    let records = records(attributes);
    if !records.is_empty() {
        extra(&mut blocks, EntryType::XHeader, b"./PaxHeaders", &records);
    }
    for (long, kind) in [
        (&target, EntryType::GNULongLink),
        (&name, EntryType::GNULongName),
    ] {
        if long.len() > PLACE {
            extra(
                &mut blocks,
                kind,
                b"././@LongLink",
                &[long, &b"\0"[..]].concat(),
            );
        }
    }
    let mut header = header(kind, size, &name, attributes);
    put(&mut header.as_old_mut().linkname, &target);
    header.set_cksum();
    blocks.extend_from_slice(header.as_bytes());
    blocks
}

/// How many bytes follow a content of this length, up to the next block.
pub fn padding(size: u64) -> usize {
    size.next_multiple_of(BLOCK as u64).wrapping_sub(size) as usize
}

/// An entry that says more of the one behind it.
fn extra(blocks: &mut Vec<u8>, kind: EntryType, name: &[u8], content: &[u8]) {
    let size = content.len() as u64;
    let mut header = header(kind, size, name, &Attributes::own(0));
    header.set_cksum();
    blocks.extend_from_slice(header.as_bytes());
    blocks.extend_from_slice(content);
    blocks.resize(blocks.len() + padding(size), 0);
}

fn header(kind: EntryType, size: u64, name: &[u8], attributes: &Attributes) -> Header {
    let mut header = Header::new_gnu();
    header.set_entry_type(kind);
    put(&mut header.as_old_mut().name, name);
    header.set_size(size);
    header.set_mode(attributes.mode);
    header.set_uid(attributes.uid.into());
    header.set_gid(attributes.gid.into());
    header.set_mtime(u64::try_from(attributes.seconds).unwrap_or(0));
    header
}

/// As much of it as the place holds.
fn put(place: &mut [u8; PLACE], bytes: &[u8]) {
    let length = bytes.len().min(PLACE);
    place[..length].copy_from_slice(&bytes[..length]);
}

/// The records of POSIX: the time below the second or before 1970, and extended attributes as
/// `SCHILY.xattr.NAME`, which GNU tar, star and libarchive understand.
fn records(attributes: &Attributes) -> Vec<u8> {
    let mut records = Vec::new();
    if attributes.nanoseconds != 0 || attributes.seconds < 0 {
        record(&mut records, b"mtime", time(attributes).as_bytes());
    }
    for (name, value) in &attributes.extended {
        record(
            &mut records,
            &[b"SCHILY.xattr.", name.as_slice()].concat(),
            value,
        );
    }
    records
}

/// Decimal seconds. Nanoseconds count forward from the second below, so before 1970 they are
/// turned around.
fn time(attributes: &Attributes) -> String {
    let (seconds, nanoseconds) = (attributes.seconds, attributes.nanoseconds);
    if seconds < 0 && nanoseconds > 0 {
        format!("-{}.{:09}", -(seconds + 1), 1_000_000_000 - nanoseconds)
    } else {
        format!("{seconds}.{nanoseconds:09}")
    }
}

/// `LENGTH KEY=VALUE\n`, where the length counts its own digits.
fn record(records: &mut Vec<u8>, key: &[u8], value: &[u8]) {
    let bare = key.len() + value.len() + 3;
    let mut length = bare + 1;
    while bare + length.to_string().len() != length {
        length = bare + length.to_string().len();
    }
    records.extend_from_slice(format!("{length} ").as_bytes());
    records.extend_from_slice(key);
    records.push(b'=');
    records.extend_from_slice(value);
    records.push(b'\n');
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_length_of_a_record_counts_itself() {
        for value in 0..2000 {
            let mut records = Vec::new();
            record(&mut records, b"k", &vec![b'v'; value]);
            let said: usize = String::from_utf8_lossy(&records)
                .split(' ')
                .next()
                .unwrap()
                .parse()
                .unwrap();
            assert_eq!(said, records.len());
        }
    }

    #[test]
    fn times_count_forward_from_the_second_below() {
        let at = |seconds, nanoseconds| {
            time(&Attributes {
                seconds,
                nanoseconds,
                ..Attributes::default()
            })
        };
        assert_eq!(at(1, 5), "1.000000005");
        assert_eq!(at(-1, 750_000_000), "-0.250000000");
        assert_eq!(at(-2, 0), "-2.000000000");
    }

    #[test]
    fn contents_are_padded_to_blocks() {
        assert_eq!(padding(0), 0);
        assert_eq!(padding(1), 511);
        assert_eq!(padding(512), 0);
        assert_eq!(padding(513), 511);
    }
}
