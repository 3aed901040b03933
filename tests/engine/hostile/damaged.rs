//! What is cut off, flipped, not true, or no snapshot at all.

use std::fs;

use crate::archives::{entries, exchanged, file, gunzip, gzip, tar, unzstd, zstd};
use crate::harness::{PLACE, called_plainly, fresh_name};
use crate::hostile::ground::Ground;

pub fn cut_off(ground: &Ground) {
    for (suffix, whole) in [("tar.zst", &ground.own), ("tar.gz", &ground.script)] {
        let long = whole.len();
        for length in [20, long / 3, long - 45, long - 1] {
            ground.refuses(
                &format!("{length} bytes of a {suffix}"),
                suffix,
                &whole[..length],
                &[],
            );
        }
    }
}

pub fn flipped(ground: &Ground) {
    for (suffix, whole) in [("tar.zst", &ground.own), ("tar.gz", &ground.script)] {
        let long = whole.len();
        // In its first bytes (elsewhere in them are bits that mean nothing), within, in the
        // description or the checksum at its end, in its tail.
        let flags = if suffix == "tar.gz" { 3 } else { 4 };
        let (quarter, end) = (long / 4, [long - 60, long - 30, long - 3]);
        let within = [1, flags, quarter, 3 * quarter];
        for at in within.into_iter().chain(end) {
            let mut bytes = whole.clone();
            bytes[at] ^= 4;
            ground.refuses(&format!("a bit at {at} of a {suffix}"), suffix, &bytes, &[]);
        }
    }
    // Where no checksum of the compressor's sees it.
    let tar_bytes = unzstd(&ground.own);
    let flip = |bytes: &[u8]| {
        let mut bytes = bytes.to_vec();
        let middle = bytes.len() / 2;
        bytes[middle] ^= 1;
        bytes
    };
    let all = entries(&tar_bytes);
    let original = all
        .iter()
        .find(|(name, _)| name.contains("/original/") && !name.ends_with('/'));
    let original = original.unwrap().0.trim_start_matches("./").to_owned();
    for name in [
        original.as_str(),
        "db.sql.00000",
        "data/settings.json",
        "SHA256SUMS",
    ] {
        let bytes = zstd(&exchanged(&tar_bytes, name, flip), false);
        ground.refuses(&format!("a bit in {name}"), "tar.zst", &bytes, &[]);
    }
    let mut header = tar_bytes.clone();
    header[2] ^= 1;
    ground.refuses(
        "a bit in a header",
        "tar.zst",
        &zstd(&header, false),
        &["checksum"],
    );
    // Descriptions that are not true, though every sum in it is right.
    for (from, to) in [
        ("\"users\": ", "\"users\": 1"),
        ("\"files\": ", "\"files\": 1"),
    ] {
        let lie = |json: &[u8]| String::from_utf8_lossy(json).replace(from, to).into_bytes();
        let bytes = zstd(&exchanged(&tar_bytes, "snapshot.json", lie), true);
        ground.refuses(&format!("a lie about {from}"), "tar.zst", &bytes, &[]);
    }
    // A file that is left out, one that comes in, one that stands behind the end.
    let without: Vec<_> = all
        .iter()
        .filter(|(name, _)| !name.ends_with(&original))
        .collect();
    assert_eq!(without.len(), all.len() - 1);
    let without: Vec<_> = without
        .into_iter()
        .map(|(_, blocks)| blocks.clone())
        .collect();
    ground.refuses("a file less", "tar.zst", &zstd(&tar(&without), true), &[]);
    let more = [file("./data/more", b"more"), tar_bytes.clone()].concat();
    ground.refuses("a file more", "tar.zst", &zstd(&more, true), &[]);
    for (suffix, whole) in [("tar.zst", &ground.own), ("tar.gz", &ground.script)] {
        let behind = [&whole[..], b"behind"].concat();
        ground.refuses(&format!("more behind a {suffix}"), suffix, &behind, &[]);
    }
}

/// What is no archive, or not even a file.
pub fn no_snapshots(ground: &Ground) {
    ground.refuses("nothing", "tar.zst", b"", &["no snapshot"]);
    ground.refuses("a text", "tar.gz", b"a text", &["no snapshot"]);
    ground.refuses(
        "a plain tar",
        "tar.gz",
        &gunzip(&ground.script),
        &["no snapshot"],
    );
    ground.refuses("an empty archive", "tar.gz", &gzip(&tar(&[])), &["no dump"]);
    let only = gzip(&tar(&[file("./data/x", b"x")]));
    ground.refuses("one without a dump", "tar.gz", &only, &["no dump"]);
    let pipe = PLACE.join(format!("{}.20260101_000000.v5.0.1.tar.gz", fresh_name()));
    called_plainly("mkfifo", &[pipe.to_str().unwrap()]).ok();
    ground.is_refused("a pipe", &pipe, &["no snapshot"]);
    fs::remove_file(&pipe).unwrap();
    std::os::unix::fs::symlink("/dev/zero", &pipe).unwrap();
    let ran = ground.cluster.instance(
        "main",
        ["import", pipe.to_str().unwrap(), "--version", "v5.0.1"],
    );
    ran.expect(8);
}
