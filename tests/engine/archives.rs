//! Snapshots put together by hand.

use std::io::{Read, Write};

use tar::{EntryType, Header};

/// A block of a tar archive.
const BLOCK: usize = 512;

pub fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

pub fn gunzip(bytes: &[u8]) -> Vec<u8> {
    let mut unpacked = Vec::new();
    let mut decoder = flate2::bufread::MultiGzDecoder::new(bytes);
    decoder.read_to_end(&mut unpacked).unwrap();
    unpacked
}

/// With or without the compressor's own checksum.
pub fn zstd(bytes: &[u8], checksum: bool) -> Vec<u8> {
    let mut encoder = zstd::Encoder::new(Vec::new(), 1).unwrap();
    encoder.include_checksum(checksum).unwrap();
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

pub fn unzstd(bytes: &[u8]) -> Vec<u8> {
    zstd::decode_all(bytes).unwrap()
}

/// An archive of these entries.
pub fn tar(entries: &[Vec<u8>]) -> Vec<u8> {
    [entries.concat(), vec![0; 2 * BLOCK]].concat()
}

/// A regular file.
pub fn file(name: &str, content: &[u8]) -> Vec<u8> {
    entry(name, EntryType::Regular, "", content)
}

pub fn link(name: &str, to: &str) -> Vec<u8> {
    entry(name, EntryType::Symlink, to, b"")
}

pub fn hard_link(name: &str, to: &str) -> Vec<u8> {
    entry(name, EntryType::Link, to, b"")
}

/// An entry whose names stand in it just as they are given.
pub fn entry(name: &str, kind: EntryType, to: &str, content: &[u8]) -> Vec<u8> {
    with_header(name, content, |header| {
        header.set_entry_type(kind);
        header.as_old_mut().linkname[..to.len()].copy_from_slice(to.as_bytes());
    })
}

/// A file with something done to its header.
pub fn with_header(name: &str, content: &[u8], change: impl FnOnce(&mut Header)) -> Vec<u8> {
    let mut header = Header::new_gnu();
    header.as_old_mut().name[..name.len()].copy_from_slice(name.as_bytes());
    header.set_size(content.len() as u64);
    header.set_mode(0o644);
    header.set_uid(0);
    header.set_gid(0);
    header.set_mtime(1_700_000_000);
    header.set_entry_type(EntryType::Regular);
    change(&mut header);
    header.set_cksum();
    let mut bytes = [header.as_bytes(), content].concat();
    bytes.resize(bytes.len().next_multiple_of(BLOCK), 0);
    bytes
}

/// An archive taken apart into its entries, each with its name and all its blocks.
pub fn entries(tar: &[u8]) -> Vec<(String, Vec<u8>)> {
    let mut archive = tar::Archive::new(tar);
    let mut begin = 0;
    let mut all = Vec::new();
    for entry in archive.entries().unwrap() {
        let entry = entry.unwrap();
        let name = String::from_utf8_lossy(&entry.path_bytes()).into_owned();
        let end = entry.raw_file_position() + entry.size().next_multiple_of(BLOCK as u64);
        let end = usize::try_from(end).unwrap();
        all.push((name, tar[begin..end].to_vec()));
        begin = end;
    }
    all
}

/// The same archive with another content in one of its files.
pub fn exchanged(tar_bytes: &[u8], name: &str, content: impl Fn(&[u8]) -> Vec<u8>) -> Vec<u8> {
    let mut found = false;
    let changed: Vec<Vec<u8>> = entries(tar_bytes)
        .into_iter()
        .map(|(of, blocks)| {
            if of.trim_start_matches("./") != name {
                return blocks;
            }
            found = true;
            let size = Header::from_byte_slice(&blocks[..BLOCK]).size().unwrap();
            file(
                name,
                &content(&blocks[BLOCK..][..usize::try_from(size).unwrap()]),
            )
        })
        .collect();
    assert!(found, "{name} is in it");
    tar(&changed)
}
