//! Snapshots with random damage: what is accepted has the very content that was packed.

use std::fs;
use std::io::Write;
use std::time::{Duration, Instant};

use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};

use super::{RULES, pack, place, tree, unpack_all, watched};
use crate::host::archive::check;
use crate::model::snapshot::Packing;

/// How long each of these tests goes on, and how long those of `script/test --long`.
const SHORT: Duration = Duration::from_secs(3);
const LONG: Duration = Duration::from_secs(25);

/// One to three random changes.
fn mutate(bytes: &mut Vec<u8>, chance: &mut StdRng) {
    for _ in 0..chance.random_range(1..=3) {
        if bytes.is_empty() {
            return;
        }
        let at = chance.random_range(0..bytes.len());
        let length = chance.random_range(1..=600).min(bytes.len() - at);
        match chance.random_range(0..8) {
            0..3 => bytes[at] ^= 1 << chance.random_range(0..8),
            3 => bytes[at] = chance.random(),
            4 => bytes.truncate(at),
            5 => drop(bytes.drain(at..at + length)),
            6 => {
                let copy = bytes[at..at + length].to_vec();
                let to = chance.random_range(0..bytes.len());
                bytes.splice(to..to, copy);
            }
            _ => bytes[at..at + length].fill(chance.random()),
        }
    }
}

/// Damages copies of a snapshot as long as there is time; `changes` turns the damaged bytes into
/// the file.
fn damage(
    packing: Packing,
    of: impl Fn(Vec<u8>) -> Vec<u8>,
    file: impl Fn(Vec<u8>) -> Vec<u8>,
    same: bool,
    time: Duration,
) {
    let (_place, data, snapshot) = place();
    fs::create_dir(data.join("d")).unwrap();
    fs::write(data.join("d/a"), "a".repeat(3000)).unwrap();
    fs::write(data.join(format!("d/{}", "n".repeat(150))), "").unwrap();
    fs::hard_link(data.join("d/a"), data.join("b")).unwrap();
    std::os::unix::fs::symlink("d/a", data.join("l")).unwrap();
    pack(&data, &snapshot, packing).unwrap();
    let whole = of(fs::read(&snapshot).unwrap());
    let right = unpack_all(&snapshot).unwrap();
    let content = tree(&right.root());
    let mut chance = StdRng::seed_from_u64(20_261_122);
    let end = Instant::now() + time;
    let (mut accepted, mut all) = (0, 0);
    while Instant::now() < end {
        let mut bytes = whole.clone();
        mutate(&mut bytes, &mut chance);
        fs::write(&snapshot, file(bytes)).unwrap();
        all += 1;
        match watched(|watch| check(&snapshot, RULES, watch)) {
            Err(error) => assert!(matches!(error.exit_code(), 6 | 8), "{error:?}"),
            Ok(_) => {
                accepted += 1;
                let out = unpack_all(&snapshot).unwrap();
                if same {
                    assert_eq!(tree(&out.root()), content);
                    assert_eq!((&out.dump, &out.index), (&right.dump, &right.index));
                }
            }
        }
    }
    assert!(all > 50 && accepted < all / 4, "{accepted} of {all}");
}

fn own(time: Duration) {
    damage(Packing::Zstd, |file| file, |file| file, true, time);
}

fn script(time: Duration) {
    damage(Packing::Gzip, |file| file, |file| file, true, time);
}

/// Behind the compressor's checksum: somebody did it on purpose. The content is still watched by
/// the list; times and names are theirs to choose, but nothing is written elsewhere.
fn inside(time: Duration) {
    let unpacked = |file: Vec<u8>| zstd::decode_all(&file[..]).unwrap();
    let packed = |tar: Vec<u8>| {
        let mut encoder = zstd::Encoder::new(Vec::new(), 1).unwrap();
        encoder.write_all(&tar).unwrap();
        encoder.finish().unwrap()
    };
    damage(Packing::Zstd, unpacked, packed, false, time);
}

#[test]
fn damage_to_our_own_form_is_seen() {
    own(SHORT);
}

#[test]
fn damage_to_the_shell_scripts_form_is_seen() {
    script(SHORT);
}

#[test]
fn damage_inside_the_archive_breaks_nothing() {
    inside(SHORT);
}

#[test]
#[ignore = "takes a minute"]
fn damage_of_all_kinds_for_long() {
    own(LONG);
    script(LONG);
    inside(LONG);
}
