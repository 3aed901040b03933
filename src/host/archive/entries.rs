//! Reads a tar archive entry by entry, and believes nothing that it says.
//!
//! Only what snapshots are made of is understood: files, directories, links, long names, the
//! records of POSIX. What two programs would read in two ways is refused.

use std::io::{self, Read};

use tar::{EntryType, Header};

use crate::host::archive::attributes::{Attributes, EXTENDED};
use crate::host::archive::{BLOCK, CHUNK, entry};

/// What an entry is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Kind {
    /// A regular file.
    File,
    /// A further name of a file; its path as it stands there.
    HardLink(Vec<u8>),
    /// A symbolic link, and where it leads.
    Link(Vec<u8>),
    /// A directory.
    Directory,
}

/// How an entry begins.
#[derive(Debug, Clone)]
pub struct Head {
    /// As it stands there.
    pub path: Vec<u8>,
    /// What it is.
    pub kind: Kind,
    /// The bytes of a file.
    pub size: u64,
    /// All else.
    pub attributes: Attributes,
}

/// A tar archive.
pub struct Entries<'r> {
    from: &'r mut dyn Read,
    /// Bytes of the current entry's content that were not read yet, and padding behind them.
    left: u64,
    padding: usize,
    /// Bytes up to the current entry, with all that belongs to it in front of it.
    pub before: u64,
    /// Bytes between there and its content.
    pub overhead: u64,
    position: u64,
}

/// What the entries in front of one say of it.
#[derive(Debug, Default)]
struct Extras {
    name: Option<Vec<u8>>,
    target: Option<Vec<u8>>,
    size: Option<u64>,
    uid: Option<u32>,
    gid: Option<u32>,
    time: Option<(i64, u32)>,
    extended: Vec<(Vec<u8>, Vec<u8>)>,
    records: bool,
}

/// Seconds that are further away than any file system counts.
const FAR: i64 = 1 << 40;

/// Longer names are refused unread, in bytes.
const NAME: u64 = 8 << 10;

/// Longer records are refused unread, in bytes.
const RECORDS: u64 = EXTENDED as u64 + (64 << 10);

/// An error about what the archive says.
pub fn bad(why: impl Into<String>) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, why.into())
}

impl<'r> Entries<'r> {
    /// The entries of this archive.
    pub fn new(from: &'r mut dyn Read) -> Self {
        Entries {
            from,
            left: 0,
            padding: 0,
            before: 0,
            overhead: 0,
            position: 0,
        }
    }

    /// The next entry; nothing at the archive's end, behind which is nothing else.
    ///
    /// # Errors
    /// The system's, or what is wrong with the archive.
    pub fn next(&mut self) -> io::Result<Option<Head>> {
        if self.left > 0 {
            return Err(bad("its content was not read"));
        }
        let mut padding = [0; BLOCK];
        self.exact(self.padding, &mut padding)?;
        self.padding = 0;
        self.before = self.position;
        let mut extras = Extras::default();
        loop {
            let mut block = [0; BLOCK];
            self.exact(BLOCK, &mut block)?;
            if block == [0; BLOCK] {
                if self.position != self.before + BLOCK as u64 {
                    return Err(bad("it ends in the middle of an entry"));
                }
                return self.end().map(|()| None);
            }
            let header = Header::from_byte_slice(&block);
            let mut summed = header.clone();
            summed.set_cksum();
            if summed.cksum().ok() != header.cksum().ok() {
                return Err(bad("the checksum of an entry's header is wrong"));
            }
            match header.entry_type() {
                EntryType::GNULongName => {
                    once(&mut extras.name, without_zero(self.small(header, NAME)?))?;
                }
                EntryType::GNULongLink => {
                    once(&mut extras.target, without_zero(self.small(header, NAME)?))?;
                }
                EntryType::XHeader if extras.records => {
                    return Err(bad("an entry has two sets of records"));
                }
                EntryType::XHeader => extras.read(&self.small(header, RECORDS)?)?,
                _ => return self.head(header, extras).map(Some),
            }
        }
    }

    /// Reads on in the current entry's content; 0 at its end.
    ///
    /// # Errors
    /// The system's, or where the archive is cut off.
    pub fn content(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let most = usize::try_from(self.left).map_or(into.len(), |left| left.min(into.len()));
        if most == 0 {
            return Ok(0);
        }
        let read = read(self.from, &mut into[..most])?;
        if read == 0 {
            return Err(cut_off());
        }
        self.left -= read as u64;
        self.position += read as u64;
        Ok(read)
    }

    fn head(&mut self, header: &Header, extras: Extras) -> io::Result<Head> {
        let name = extras
            .name
            .unwrap_or_else(|| header.path_bytes().into_owned());
        let linked = header.link_name_bytes().unwrap_or_default().into_owned();
        let target = extras.target.unwrap_or(linked);
        let kind = match header.entry_type() {
            EntryType::Regular if !name.ends_with(b"/") => Kind::File,
            EntryType::Link => Kind::HardLink(target),
            EntryType::Symlink => Kind::Link(target),
            EntryType::Directory => Kind::Directory,
            EntryType::Block | EntryType::Char => return Err(bad("it has a device in it")),
            EntryType::Fifo => return Err(bad("it has a pipe in it")),
            other => {
                let letter = char::from(other.as_byte()).escape_default().to_string();
                return Err(bad(format!(
                    "it has an entry of a kind unknown here ({letter})"
                )));
            }
        };
        let size = extras.size.map_or_else(|| header.entry_size(), Ok)?;
        if kind != Kind::File && size != 0 {
            return Err(bad("an entry that is no file has a content"));
        }
        let number =
            |n: io::Result<u64>| owner(n?).ok_or_else(|| bad("an owner's number is too large"));
        let attributes = Attributes {
            mode: header.mode()? & 0o7777,
            uid: extras.uid.map_or_else(|| number(header.uid()), Ok)?,
            gid: extras.gid.map_or_else(|| number(header.gid()), Ok)?,
            seconds: match extras.time {
                Some((seconds, _)) => seconds,
                None => seconds(header)?,
            },
            nanoseconds: extras.time.map_or(0, |(_, nanoseconds)| nanoseconds),
            extended: extras.extended,
        };
        self.overhead = self.position - self.before;
        self.left = size;
        self.padding = entry::padding(size);
        Ok(Head {
            path: name,
            kind,
            size,
            attributes,
        })
    }

    /// Behind the first block of zeros there are only zeros, another block of them at least.
    fn end(&mut self) -> io::Result<()> {
        let mut block = [0; BLOCK];
        self.exact(BLOCK, &mut block)?;
        let mut chunk = vec![0; CHUNK];
        let mut zeros = block == [0; BLOCK];
        let mut more = 0;
        while zeros {
            let read = read(self.from, &mut chunk)?;
            if read == 0 {
                return Ok(());
            }
            more += read;
            // Programs fill up to 10 KiB, or the block of a tape.
            zeros = chunk[..read].iter().all(|b| *b == 0) && more <= 4 << 20;
        }
        Err(bad("something stands behind its end"))
    }

    /// The whole content of an entry about another one.
    fn small(&mut self, header: &Header, most: u64) -> io::Result<Vec<u8>> {
        let size = header.entry_size()?;
        if size > most {
            return Err(bad("a name or record in it is too long"));
        }
        let mut bytes = vec![0; (size as usize).next_multiple_of(BLOCK)];
        let length = bytes.len();
        self.exact(length, &mut bytes)?;
        bytes.truncate(size as usize);
        Ok(bytes)
    }

    fn exact(&mut self, length: usize, into: &mut [u8]) -> io::Result<()> {
        let mut done = 0;
        while done < length {
            match read(self.from, &mut into[done..length])? {
                0 => return Err(cut_off()),
                read => done += read,
            }
        }
        self.position += length as u64;
        Ok(())
    }
}

impl Extras {
    /// The records `LENGTH KEY=VALUE\n` of POSIX.
    fn read(&mut self, mut records: &[u8]) -> io::Result<()> {
        let broken = || bad("a record in it is broken");
        self.records = true;
        while !records.is_empty() {
            let digits = records.iter().take_while(|b| b.is_ascii_digit()).count();
            let length: usize = text(&records[..digits])
                .and_then(|t| t.parse().ok())
                .ok_or_else(broken)?;
            if length < digits + 4 || length > records.len() {
                return Err(broken());
            }
            let (record, rest) = records.split_at(length);
            records = rest;
            let pair = record[digits..]
                .strip_prefix(b" ")
                .and_then(|r| r.strip_suffix(b"\n"));
            let pair = pair.ok_or_else(broken)?;
            let equals = pair.iter().position(|b| *b == b'=').ok_or_else(broken)?;
            self.take(&pair[..equals], &pair[equals + 1..])?;
        }
        Ok(())
    }

    fn take(&mut self, key: &[u8], value: &[u8]) -> io::Result<()> {
        let broken = || bad("a record in it is broken");
        let id = || {
            text(value)
                .and_then(|t| owner(t.parse().ok()?))
                .ok_or_else(broken)
        };
        match key {
            b"path" => once(&mut self.name, value.to_vec())?,
            b"linkpath" => once(&mut self.target, value.to_vec())?,
            b"size" => {
                let size = text(value)
                    .and_then(|t| t.parse().ok())
                    .ok_or_else(broken)?;
                once(&mut self.size, size)?;
            }
            b"uid" => once(&mut self.uid, id()?)?,
            b"gid" => once(&mut self.gid, id()?)?,
            b"mtime" => once(
                &mut self.time,
                text(value).and_then(time).ok_or_else(broken)?,
            )?,
            _ if key.starts_with(b"GNU.sparse.") => {
                return Err(bad("it has a sparse file in a form unknown here"));
            }
            _ => {
                let name = key.strip_prefix(b"SCHILY.xattr.").unwrap_or_default();
                if Attributes::is_carried(name) {
                    self.extended.push((name.to_vec(), value.to_vec()));
                }
            }
        }
        Ok(())
    }
}

fn once<T>(place: &mut Option<T>, value: T) -> io::Result<()> {
    match place.replace(value) {
        None => Ok(()),
        Some(_) => Err(bad("an entry in it says one thing twice")),
    }
}

fn text(bytes: &[u8]) -> Option<&str> {
    std::str::from_utf8(bytes)
        .ok()
        .filter(|text| text.is_ascii())
}

fn without_zero(mut name: Vec<u8>) -> Vec<u8> {
    if name.last() == Some(&0) {
        name.pop();
    }
    name
}

/// The time in a header. Before 1970 it is GNU's binary number, whose first byte then says so.
fn seconds(header: &Header) -> io::Result<i64> {
    let number = header.mtime()?;
    if header.as_old().mtime[0] == 0xFF {
        return Ok((number as i64).clamp(-FAR, 0));
    }
    Ok(i64::try_from(number).unwrap_or(i64::MAX).min(FAR))
}

/// The last number means nobody to the system.
fn owner(number: u64) -> Option<u32> {
    u32::try_from(number).ok().filter(|n| *n != u32::MAX)
}

/// Decimal seconds, as seconds rounded down and nanoseconds.
fn time(text: &str) -> Option<(i64, u32)> {
    let (negative, digits) = match text.strip_prefix('-') {
        Some(digits) => (true, digits),
        None => (false, text),
    };
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, "0"));
    if !whole
        .chars()
        .chain(fraction.chars())
        .all(|c| c.is_ascii_digit())
        || fraction.is_empty()
    {
        return None;
    }
    let seconds: i64 = whole.parse().ok().filter(|s| *s <= FAR)?;
    let nanoseconds: u32 = format!("{:0<9}", &fraction[..fraction.len().min(9)])
        .parse()
        .ok()?;
    Some(match (negative, nanoseconds) {
        (false, _) => (seconds, nanoseconds),
        (true, 0) => (-seconds, 0),
        (true, _) => (-seconds - 1, 1_000_000_000 - nanoseconds),
    })
}

/// What ends too early.
fn cut_off() -> io::Error {
    io::Error::new(io::ErrorKind::UnexpectedEof, "it is cut off")
}

fn read(from: &mut dyn Read, into: &mut [u8]) -> io::Result<usize> {
    crate::host::archive::packed::read(from, into)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_read_as_written() {
        assert_eq!(time("1.000000005"), Some((1, 5)));
        assert_eq!(time("-0.25"), Some((-1, 750_000_000)));
        assert_eq!(time("-2"), Some((-2, 0)));
        assert_eq!(time("12.1234567891"), Some((12, 123_456_789)));
        for bad in ["", "x", "1.", "1.x", "--1", "99999999999999999999"] {
            assert_eq!(time(bad), None, "{bad:?}");
        }
    }

    #[test]
    fn broken_records_are_refused() {
        for bad in [
            "x",
            "5 a=b\n",
            "99 a=b\n",
            "0 a=b\n",
            "6 a=bc",
            "6 abc\n",
            "12 size=x\n",
        ] {
            assert!(Extras::default().read(bad.as_bytes()).is_err(), "{bad:?}");
        }
        assert!(Extras::default().read(b"6 a=b\n6 a=c\n").is_ok());
        assert!(Extras::default().read(b"8 uid=1\n8 uid=2\n").is_err());
    }
}
