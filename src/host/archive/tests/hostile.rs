//! What somebody may hand over as a snapshot, and what must not come of it.

use std::fs;
use std::io::Write;
use std::path::Path;

use tar::{EntryType, Header};

use super::{DUMP, RULES, pack, place, unpack_all, unpack_with};
use crate::error::Error;
use crate::host::archive::attributes::Attributes;
use crate::host::archive::entry::{Entry, head, padding};
use crate::host::archive::tail::{self, Tail};
use crate::host::archive::{Limits, Rules, Strays, manifest};
use crate::model::snapshot::{Manifest, Packing};

/// An entry with its content, its header changed at will and summed again.
fn entry(path: &str, kind: Entry<'_>, content: &[u8], change: impl FnOnce(&mut Header)) -> Vec<u8> {
    let mut bytes = head(path.as_bytes(), kind, &Attributes::own(0));
    let at = bytes.len() - 512;
    let mut header = Header::from_byte_slice(&bytes[at..]).clone();
    change(&mut header);
    header.set_cksum();
    bytes.truncate(at);
    bytes.extend_from_slice(header.as_bytes());
    bytes.extend_from_slice(content);
    bytes.resize(bytes.len() + padding(content.len() as u64), 0);
    bytes
}

fn file(path: &str, content: &[u8]) -> Vec<u8> {
    entry(path, Entry::File(content.len() as u64), content, |_| ())
}

/// An entry whose name stands in its header just as it is given.
fn named(name: &[u8], kind: Entry<'_>) -> Vec<u8> {
    entry("x", kind, b"", |header| {
        let place = &mut header.as_old_mut().name;
        *place = [0; 100];
        place[..name.len()].copy_from_slice(name);
    })
}

fn of_type(letter: u8) -> Vec<u8> {
    entry("data/x", Entry::File(0), b"", |header| {
        header.set_entry_type(EntryType::new(letter))
    })
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

/// A snapshot in the shell script's form with these entries before its dump.
fn script(entries: &[Vec<u8>]) -> Vec<u8> {
    let dump = file("db.sql.gz", &gzip(DUMP));
    gzip(&[entries.concat(), dump, vec![0; 1024]].concat())
}

fn refused(path: &Path, bytes: &[u8]) -> Error {
    fs::write(path, bytes).unwrap();
    let error = unpack_all(path).unwrap_err();
    assert_eq!(error.exit_code(), 8, "{error:?}");
    assert!(error.why.is_some() && error.next.is_some(), "{error:?}");
    error
}

fn says(path: &Path, entries: &[Vec<u8>], word: &str) {
    let error = refused(path, &script(entries));
    assert!(error.to_string().contains(word), "{word}: {error}");
}

const LINK: Entry<'static> = Entry::Link(b"b");
const NONE: Entry<'static> = Entry::File(0);

#[test]
fn what_is_harmless_passes() {
    let (_place, _, snapshot) = place();
    let entries = [
        named(b"./", Entry::Directory),
        named(b"./data/x/y/", Entry::Directory),
        file("data/x/y/z", b"z"),
        entry("data/x/w", Entry::Link(b"y/z"), b"", |_| ()),
        entry("data/v", Entry::HardLink(b"data/x/y/z"), b"", |_| ()),
        entry("data/x", Entry::Directory, b"", |_| ()),
    ];
    fs::write(&snapshot, script(&entries)).unwrap();
    let out = unpack_all(&snapshot).unwrap();
    assert_eq!(fs::read(out.root().join("data/x/w")).unwrap(), b"z");
    assert_eq!(fs::read(out.root().join("data/v")).unwrap(), b"z");
}

#[test]
fn names_that_leave_the_directory() {
    let (_place, _, at) = place();
    for name in [&b"../x"[..], b"data/../../x", b"data/..", b".."] {
        says(&at, &[named(name, NONE)], "..");
        says(&at, &[named(name, Entry::Directory)], "..");
        says(&at, &[named(name, LINK)], "..");
    }
    says(&at, &[named(b"/etc/cron.d/x", NONE)], "absolute");
    says(&at, &[named(b"", NONE)], "empty");
    says(&at, &[named(b"./", NONE)], "kind unknown");
    says(&at, &[named(b"./", LINK)], "empty");
    says(&at, &[file(&"d/".repeat(300), b"")], "kind unknown");
    says(
        &at,
        &[file(&format!("data/{}x", "d/".repeat(300)), b"")],
        "deep",
    );
    says(
        &at,
        &[file(&format!("data/{}", "n".repeat(256)), b"")],
        "255",
    );
    says(
        &at,
        &[file(&format!("data/{}", "n".repeat(9000)), b"")],
        "too long",
    );
}

#[test]
fn names_that_no_instance_has() {
    let (_place, _, at) = place();
    for name in [
        "config.sh",
        "instance.sh",
        "database.yml",
        "mysql.cnf",
        "x",
        "data.tar",
    ] {
        says(&at, &[file(name, b"x")], "no instance has");
        says(&at, &[file(&format!("{name}/y"), b"x")], "no instance has");
        fs::write(&at, script(&[file(name, b"x")])).unwrap();
        let strays = Strays::LeaveOut;
        let out = unpack_with(&at, Rules { strays, ..RULES }).unwrap();
        assert_eq!(crate::host::files::names_in(&out.root()).unwrap().len(), 0);
    }
}

#[test]
fn links_that_leave_and_writes_through_links() {
    let (_place, _, at) = place();
    let link = |path: &str, to: &str| entry(path, Entry::Link(to.as_bytes()), b"", |_| ());
    for to in ["/etc", "../.env", "..", "a/../../..", "a/../b", "../data/x"] {
        says(&at, &[link("data/l", to)], "link");
    }
    says(&at, &[link("data", "kor.yml")], "link");
    says(&at, &[link("kor.yml", "data/x")], "link");
    // A link that stays inside, and then a file through it.
    let below = "below something that is no directory";
    says(&at, &[link("data/l", "d"), file("data/l/x", b"x")], below);
    says(&at, &[file("data/l", b""), file("data/l/x", b"x")], below);
    says(
        &at,
        &[link("data/l", "d"), named(b"data/l/x", Entry::Directory)],
        below,
    );
    // A hard link to a link, to what is not there, out, to a file of the snapshot's own.
    let hard = |to: &str| entry("data/h", Entry::HardLink(to.as_bytes()), b"", |_| ());
    says(&at, &[link("data/l", "d"), hard("data/l")], "not there");
    says(&at, &[hard("data/none")], "not there");
    says(&at, &[hard("../../etc/shadow")], "..");
    says(
        &at,
        &[file("data.sql", b""), hard("data.sql")],
        "no instance",
    );
    let absolute = entry("data/h", NONE, b"", |header| {
        header.set_entry_type(EntryType::Link);
        header.as_old_mut().linkname[..11].copy_from_slice(b"/etc/shadow");
    });
    says(&at, &[absolute], "absolute");
}

#[test]
fn two_of_one_name() {
    let (_place, _, at) = place();
    let already = "already";
    let dir = |name: &str| entry(name, Entry::Directory, b"", |_| ());
    says(&at, &[file("data/a", b"1"), file("data/a", b"2")], already);
    says(
        &at,
        &[file("data/a", b"1"), named(b"data//./a", NONE)],
        already,
    );
    says(&at, &[dir("data/a"), dir("data/a")], already);
    says(&at, &[dir("data/a"), file("data/a", b"")], already);
    says(&at, &[file("data/a/b", b""), file("data/a", b"")], already);
    says(&at, &[named(b"data/a", LINK), file("data/a", b"")], already);
    says(&at, &[file("db.sql.gz", &gzip(DUMP))], already);
    says(&at, &[file("data.sql.gz", &gzip(DUMP))], "two dumps");
    says(&at, &[file("db.sql.00000", DUMP)], "two dumps");
}

#[test]
fn devices_pipes_and_what_is_unknown() {
    let (_place, _, at) = place();
    for (letter, word) in [
        (b'3', "device"),
        (b'4', "device"),
        (b'6', "pipe"),
        (b'S', "unknown"),
        (b'g', "unknown"),
        (b'7', "unknown"),
        (b'V', "unknown"),
        (b'\x1b', "unknown"),
    ] {
        says(&at, &[of_type(letter)], word);
    }
    let long = entry("data/x", Entry::File(1), b"x", |h| {
        h.set_entry_type(EntryType::Directory)
    });
    says(&at, &[long], "content");
    let nobody = entry("data/x", NONE, b"", |h| h.set_uid(u64::from(u32::MAX)));
    says(&at, &[nobody], "owner");
}

#[test]
fn what_two_programs_would_read_in_two_ways() {
    let (_place, _, at) = place();
    let extra = |letter: u8, content: &[u8]| {
        let size = content.len() as u64;
        entry("x", Entry::File(size), content, |h| {
            h.set_entry_type(EntryType::new(letter))
        })
    };
    let x = file("data/x", b"");
    says(
        &at,
        &[
            extra(b'L', b"data/y\0"),
            extra(b'L', b"data/z\0"),
            x.clone(),
        ],
        "twice",
    );
    says(
        &at,
        &[
            extra(b'L', b"data/y\0"),
            extra(b'x', b"15 path=data/z\n"),
            x.clone(),
        ],
        "twice",
    );
    says(
        &at,
        &[extra(b'x', b"6 a=b\n"), extra(b'x', b"6 a=b\n"), x.clone()],
        "two sets",
    );
    says(&at, &[extra(b'x', b"99 a=b\n"), x.clone()], "record");
    says(
        &at,
        &[extra(b'x', b"22 GNU.sparse.major=1\n"), x.clone()],
        "sparse",
    );
    says(&at, &[extra(b'x', b"13 path=../x\n"), x.clone()], "..");
    says(&at, &[extra(b'x', b"15 path=data/\0\n"), x.clone()], "zero");
    let wrong_sum = {
        let mut bytes = x;
        bytes[0] ^= 1;
        bytes
    };
    says(&at, &[wrong_sum], "checksum");
    let endless = entry("data/x", Entry::File(u64::MAX / 2), b"", |_| ());
    says(&at, &[endless], "cut off");
}

#[test]
fn bombs() {
    let (_place, _, at) = place();
    // 6 MiB of one letter, packed a thousandfold, in gzip and in gzip within it.
    let letters = vec![b'a'; 6 << 20];
    says(&at, &[file("data/x", &letters)], "times its size");
    let dump = gzip(&[letters, DUMP.to_vec()].concat());
    let twice = gzip(&[file("db.sql.gz", &dump), vec![0; 1024]].concat());
    assert!(refused(&at, &twice).to_string().contains("times its size"));
    // A small one, packed twice: its 48 MiB would be let pass for their size.
    let dump = [gzip(&vec![b' '; 16 << 20]).repeat(3), gzip(DUMP)].concat();
    fs::write(
        &at,
        gzip(&[file("db.sql.gz", &dump), vec![0; 1024]].concat()),
    )
    .unwrap();
    assert!(fs::metadata(&at).unwrap().len() < 600);
    let limits = Limits::default();
    let error = unpack_with(&at, Rules { limits, ..RULES }).unwrap_err();
    assert!(error.to_string().contains("50000 times"), "{error}");
    // More than there is room for, more entries than there should be.
    let limited = |limits: Limits| {
        fs::write(
            &at,
            script(&[file("data/x", &[7; 100_000]), file("data/y", b"")]),
        )
        .unwrap();
        unpack_with(&at, Rules { limits, ..RULES })
            .unwrap_err()
            .to_string()
    };
    let limits = RULES.limits;
    assert!(
        limited(Limits {
            bytes: 50_000,
            ..limits
        })
        .contains("48.8 KiB")
    );
    assert!(
        limited(Limits {
            entries: 2,
            ..limits
        })
        .contains("2 entries")
    );
}

#[test]
fn a_bomb_of_our_own_form_is_bounded_by_what_it_says() {
    let (_place, data, snapshot) = place();
    fs::write(data.join("a"), "a").unwrap();
    pack(&data, &snapshot, Packing::Zstd).unwrap();
    let (tar, json) = parts(&snapshot);
    // Another 16 MiB in front of the list, of which the description knows nothing.
    let more = file("data/zeros", &vec![0; 16 << 20]);
    let error = refused(&snapshot, &assemble(&[more, tar].concat(), &json));
    assert!(
        error
            .to_string()
            .contains("more in it than its description says"),
        "{error}"
    );
}

/// Our own form taken apart: the archive in front of the description, and the description.
fn parts(snapshot: &Path) -> (Vec<u8>, Manifest) {
    let manifest = manifest(snapshot).unwrap().unwrap();
    let mut tar = zstd::decode_all(&fs::read(snapshot).unwrap()[..]).unwrap();
    tar.truncate(manifest.content.tar_bytes as usize);
    (tar, manifest)
}

fn frame(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = zstd::Encoder::new(Vec::new(), 1).unwrap();
    encoder.include_checksum(true).unwrap();
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

/// And put together again.
fn assemble(tar: &[u8], manifest: &Manifest) -> Vec<u8> {
    let mut bytes = frame(tar);
    let json = file("snapshot.json", &manifest.to_json().unwrap());
    let last = frame(&[json, vec![0; 1024]].concat());
    let tail = Tail {
        offset: bytes.len() as u64,
        length: last.len() as u64,
    };
    bytes.extend_from_slice(&last);
    bytes.extend_from_slice(&tail.to_bytes());
    bytes
}

#[test]
fn descriptions_and_lists_that_lie() {
    let (_place, data, snapshot) = place();
    fs::write(data.join("a"), "some content").unwrap();
    pack(&data, &snapshot, Packing::Zstd).unwrap();
    let (tar, right) = parts(&snapshot);
    fs::write(&snapshot, assemble(&tar, &right)).unwrap();
    unpack_all(&snapshot).unwrap();
    let lies: [fn(&mut Manifest); 9] = [
        |m| m.content.files += 1,
        |m| m.content.file_bytes -= 1,
        |m| m.content.dump_bytes += 1,
        |m| m.content.index_bytes = 0,
        |m| m.content.directories = 0,
        |m| m.content.tar_bytes += 512,
        |m| m.content.tar_bytes -= 512,
        |m| m.content.checksums = "00".repeat(32),
        |m| m.about.documents = None,
    ];
    for lie in lies {
        let mut manifest = right.clone();
        lie(&mut manifest);
        refused(&snapshot, &assemble(&tar, &manifest));
    }
    // A file that was changed, one that was exchanged with another, a part that is gone.
    let find = |what: &[u8]| tar.windows(what.len()).position(|w| w == what).unwrap();
    let mut changed = tar.clone();
    changed[find(b"some content")] ^= 1;
    let error = refused(&snapshot, &assemble(&changed, &right));
    assert!(error.to_string().contains("not what it was"), "{error}");
    let mut renamed = right.clone();
    renamed.content.tar_bytes = 0;
    refused(&snapshot, &assemble(b"", &renamed));
    let newer = Manifest {
        format: 2,
        ..right.clone()
    };
    fs::write(&snapshot, assemble(&tar, &newer)).unwrap();
    assert_eq!(unpack_all(&snapshot).unwrap_err().exit_code(), 6);
    // Without the list, without the description, with something behind it.
    let list = find(b"./SHA256SUMS");
    refused(&snapshot, &assemble(&tar[..list], &right));
    refused(&snapshot, &frame(&[tar.clone(), vec![0; 1024]].concat()));
    let json = file("snapshot.json", &right.to_json().unwrap());
    let behind = [
        tar.clone(),
        json.clone(),
        file("data/z", b""),
        vec![0; 1024],
    ]
    .concat();
    refused(&snapshot, &frame(&behind));
    refused(
        &snapshot,
        &frame(&[tar, json.clone(), json, vec![0; 1024]].concat()),
    );
}

#[test]
fn what_is_cut_off_or_goes_on() {
    let (_place, data, snapshot) = place();
    fs::write(data.join("a"), "a".repeat(5000)).unwrap();
    for packing in [Packing::Zstd, Packing::Gzip] {
        let _ = fs::remove_file(&snapshot);
        pack(&data, &snapshot, packing).unwrap();
        let whole = fs::read(&snapshot).unwrap();
        for length in 0..whole.len() {
            // Without its tail it is as one that was packed anew, and whole.
            if packing == Packing::Zstd && length == whole.len() - tail::LENGTH {
                continue;
            }
            refused_short(&snapshot, &whole[..length]);
        }
        let skippable = [&[0x50, 0x2A, 0x4D, 0x18, 4, 0, 0, 0][..], b"more"].concat();
        let empty_frame = frame(b"");
        let a_zero = frame(b"\0");
        let member = gzip(b"x");
        for more in [
            &b"x"[..],
            b"\0\0\0\0\0",
            &skippable,
            &empty_frame,
            &a_zero,
            &member,
            &whole,
        ] {
            refused_short(&snapshot, &[&whole, more].concat());
        }
        // Something between the frames, and a tail that leads elsewhere.
        refused_short(&snapshot, &[&skippable, &whole[..]].concat());
        let mut flipped = whole.clone();
        let at = whole.len() - 10;
        flipped[at] ^= 1;
        refused_short(&snapshot, &flipped);
    }
}

fn refused_short(path: &Path, bytes: &[u8]) {
    fs::write(path, bytes).unwrap();
    let error = super::watched(|w| crate::host::archive::check(path, RULES, w)).unwrap_err();
    assert_eq!(error.exit_code(), 8, "{error:?}");
}

#[test]
fn dumps_that_are_not_whole_or_not_there() {
    let (_place, _, at) = place();
    let with = |dump: &[u8]| gzip(&[file("db.sql.gz", dump), vec![0; 1024]].concat());
    let cut = gzip(&DUMP[..30]);
    assert!(
        refused(&at, &with(&cut))
            .to_string()
            .contains("Dump completed")
    );
    refused(&at, &with(&gzip(b"")));
    refused(&at, &with(b""));
    refused(&at, &with(DUMP));
    let whole = gzip(DUMP);
    refused(&at, &with(&whole[..whole.len() - 1]));
    refused(&at, &with(&[&whole[..], b"x"].concat()));
    assert!(
        refused(&at, &gzip(&[0; 1024]))
            .to_string()
            .contains("no dump")
    );
    assert!(refused(&at, &gzip(b"")).to_string().contains("cut off"));
    // Parts out of order, and one that is missing.
    let own = |names: &[&str]| {
        let parts: Vec<_> = names.iter().map(|name| file(name, DUMP)).collect();
        frame(&[parts.concat(), vec![0; 1024]].concat())
    };
    for names in [
        &["db.sql.00001"][..],
        &["db.sql.00000", "db.sql.00002"],
        &["db.sql.00000", "db.sql.000000"],
    ] {
        assert!(refused(&at, &own(names)).to_string().contains("missing"));
    }
}

#[test]
fn a_container_s_tree_is_watched_like_any_other() {
    let (_place, _, at) = place();
    let with = |entries: &[Vec<u8>]| {
        let tree = gzip(&[entries.concat(), vec![0; 1024]].concat());
        let both = [
            file("data.tar.gz", &tree),
            file("data.sql.gz", &gzip(DUMP)),
            vec![0; 1024],
        ];
        gzip(&both.concat())
    };
    fs::write(&at, with(&[file("x", b"x")])).unwrap();
    unpack_all(&at).unwrap();
    refused(&at, &with(&[named(b"../x", NONE)]));
    refused(&at, &with(&[named(b"/x", NONE)]));
    refused(
        &at,
        &with(&[entry("l", Entry::Link(b"../kor.yml"), b"", |_| ())]),
    );
    refused(&at, &with(&[file("x", b""), file("x", b"")]));
    refused(
        &at,
        &with(&[entry("l", Entry::HardLink(b"../db.sql.gz"), b"", |_| ())]),
    );
    // Beside other files it is one like any other.
    let copy = file("data.tar.gz", b"no archive");
    says(&at, &[file("data/x", b""), copy], "no instance has");
    refused(&at, &script(&[file("data.tar.gz", &gzip(&[0; 1024]))]));
}
