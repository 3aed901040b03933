//! What comes out is what went in.

use std::ffi::OsStr;
use std::fs::{self, File, FileTimes, Permissions};
use std::io::Write;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{FileExt, MetadataExt, PermissionsExt, symlink};
use std::path::Path;
use std::time::{Duration, SystemTime};

use proptest::prelude::*;

use super::{DUMP, INDEX, RULES, about, pack, place, tree, unpack_all, unpack_with, watched};
use crate::host::archive::attributes::Attributes;
use crate::host::archive::{Options, Origin, PART, Rules, Strays, Stream, Writer, manifest};
use crate::model::snapshot::Packing;

/// Something in a directory.
#[derive(Debug, Clone)]
pub enum Thing {
    File(Vec<u8>),
    Sparse(u64, u8),
    Directory,
    /// One that leads to a name beside it, or so many directories up.
    Link(usize),
    HardLink,
}

/// Bytes that can be a name: any but a slash and zero, and not `.` or `..`.
fn name() -> impl Strategy<Value = Vec<u8>> {
    let byte = prop_oneof![
        4 => b'a'..=b'e',
        1 => Just(b'\n'),
        1 => Just(b' '),
        1 => Just(b'\\'),
        1 => Just(b'-'),
        1 => 1..=255_u8,
    ]
    .prop_map(|b| if b == b'/' { b'_' } else { b });
    let length = prop_oneof![5 => 1..6_usize, 1 => 90..110_usize, 1 => 200..=255_usize];
    length
        .prop_flat_map(move |length| prop::collection::vec(byte.clone(), length))
        .prop_filter("a directory itself", |name| name != b"." && name != b"..")
}

fn thing() -> impl Strategy<Value = Thing> {
    prop_oneof![
        4 => prop::collection::vec(any::<u8>(), 0..3000).prop_map(Thing::File),
        1 => (0..2_000_000_u64, any::<u8>()).prop_map(|(size, byte)| Thing::Sparse(size, byte)),
        2 => Just(Thing::Directory),
        1 => (0..4_usize).prop_map(Thing::Link),
        1 => Just(Thing::HardLink),
    ]
}

pub type Planned = (Vec<Vec<u8>>, Thing, u32, i64, u32, Vec<u8>);

pub fn planned() -> impl Strategy<Value = Planned> {
    let path = prop::collection::vec(name(), 1..5);
    let extended = prop::collection::vec(any::<u8>(), 0..40);
    (
        path,
        thing(),
        0..0o1000_u32,
        -5_000_000_000..5_000_000_000_i64,
        0..1_000_000_000_u32,
        extended,
    )
}

/// Puts things below a directory; what does not fit (two of one name) is left out.
pub fn make(root: &Path, things: &[Planned]) {
    let mut made = Vec::new();
    let mut last_file = None;
    for (parts, thing, mode, seconds, nanoseconds, extended) in things {
        let path = parts
            .iter()
            .fold(root.to_owned(), |p, part| p.join(OsStr::from_bytes(part)));
        if fs::create_dir_all(path.parent().unwrap()).is_err()
            || fs::symlink_metadata(&path).is_ok()
        {
            continue;
        }
        match thing {
            Thing::File(content) => fs::write(&path, content).unwrap(),
            Thing::Sparse(size, byte) => {
                let file = File::create(&path).unwrap();
                file.set_len(*size).unwrap();
                file.write_all_at(&[*byte; 3], size / 2).unwrap();
            }
            Thing::Directory => fs::create_dir(&path).unwrap(),
            Thing::Link(up) => {
                let up = "../".repeat((*up).min(parts.len() - 1));
                symlink(format!("{up}some where"), &path).unwrap();
                continue;
            }
            Thing::HardLink => {
                if let Some(first) = &last_file {
                    fs::hard_link(first, &path).unwrap();
                }
                continue;
            }
        }
        if path.is_file() {
            last_file = Some(path.clone());
        }
        made.push((path, *mode, *seconds, *nanoseconds, extended));
    }
    // From below, so that no directory closes before what is in it is done.
    made.sort_by(|a, b| b.0.cmp(&a.0));
    for (path, mode, seconds, nanoseconds, extended) in made {
        let file = File::open(&path).unwrap();
        let attributes = Attributes {
            extended: vec![(b"user.kor test".to_vec(), extended.clone())],
            ..Attributes::default()
        };
        attributes.write_extended(&file).unwrap();
        let epoch = SystemTime::UNIX_EPOCH;
        let whole = Duration::from_secs(seconds.unsigned_abs());
        let time = if seconds < 0 {
            epoch - whole
        } else {
            epoch + whole
        };
        let times = FileTimes::new().set_modified(time + Duration::from_nanos(nanoseconds.into()));
        file.set_times(times).unwrap();
        // The tests may not run as root: what is made has to be readable.
        let mode = if path.is_dir() {
            mode | 0o700
        } else {
            mode | 0o400
        };
        fs::set_permissions(&path, Permissions::from_mode(mode)).unwrap();
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 40, max_shrink_iters: 200, ..ProptestConfig::default() })]

    #[test]
    fn a_tree_comes_back_as_it_was(things in prop::collection::vec(planned(), 0..25), gzip: bool) {
        let (_place, data, snapshot) = place();
        make(&data, &things);
        let packing = if gzip { Packing::Gzip } else { Packing::Zstd };
        let done = pack(&data, &snapshot, packing).unwrap();
        let out = unpack_all(&snapshot).unwrap();
        prop_assert_eq!(tree(&data), tree(&out.root().join("data")));
        prop_assert_eq!(&out.dump, DUMP);
        prop_assert_eq!(fs::read(out.root().join("kor.yml")).unwrap(), b"a: b\n");
        if !gzip {
            prop_assert_eq!(&out.index, INDEX);
            prop_assert_eq!(out.checked.index_lines, 2);
            prop_assert_eq!(out.checked.manifest.as_ref(), Some(&done.manifest));
            prop_assert_eq!(&out.checked.content, &done.manifest.content);
        }
    }
}

#[test]
fn a_hole_is_a_hole_again() {
    let (_place, data, snapshot) = place();
    let file = File::create(data.join("sparse")).unwrap();
    file.set_len(64 << 20).unwrap();
    file.write_all_at(b"x", 32 << 20).unwrap();
    pack(&data, &snapshot, Packing::Zstd).unwrap();
    let out = unpack_all(&snapshot).unwrap();
    let meta = fs::metadata(out.root().join("data/sparse")).unwrap();
    assert_eq!(meta.len(), 64 << 20);
    assert!(meta.blocks() * 512 < 1 << 20, "{}", meta.blocks());
}

#[test]
fn a_program_in_a_snapshot_makes_nobody_another_user() {
    let (_place, data, snapshot) = place();
    fs::write(data.join("sh"), "x").unwrap();
    fs::set_permissions(data.join("sh"), Permissions::from_mode(0o6755)).unwrap();
    pack(&data, &snapshot, Packing::Zstd).unwrap();
    let out = unpack_all(&snapshot).unwrap();
    let mode = fs::metadata(out.root().join("data/sh")).unwrap().mode();
    assert_eq!(mode & 0o7777, 0o755);
}

#[test]
fn a_clone_of_hard_links_is_packed_as_files() {
    let (_place, data, snapshot) = place();
    fs::write(data.join("a"), "a").unwrap();
    fs::hard_link(data.join("a"), data.with_file_name("the live one")).unwrap();
    let tree = crate::host::archive::Tree {
        names_elsewhere: 1,
        ..Default::default()
    };
    let done = watched(|watch| {
        let mut writer = Writer::begin(&snapshot, Options::new(Packing::Zstd, 0), watch).unwrap();
        writer.add_tree(&data, "data", &tree).unwrap();
        writer.add_stream(Stream::Dump, &mut &DUMP[..]).unwrap();
        let about = crate::model::snapshot::About {
            documents: None,
            ..about()
        };
        writer.finish(about).unwrap()
    });
    assert_eq!(
        (
            done.manifest.content.files,
            done.manifest.content.hard_links
        ),
        (1, 0)
    );
    unpack_all(&snapshot).unwrap();
}

#[test]
fn a_long_dump_streams_through() {
    let (_place, _, snapshot) = place();
    let length = 2 * PART as u64 + 12345;
    let noise = || (0..length).map(|i| ((i * i) >> 7) as u8);
    let mut dump: Vec<u8> = noise().collect();
    dump.extend_from_slice(b"\n");
    dump.extend_from_slice(DUMP);
    watched(|watch| {
        let mut writer = Writer::begin(&snapshot, Options::new(Packing::Zstd, 2), watch).unwrap();
        writer.add_stream(Stream::Index, &mut &INDEX[..]).unwrap();
        writer.add_stream(Stream::Dump, &mut &dump[..]).unwrap();
        writer.finish(about()).unwrap();
    });
    assert!(unpack_all(&snapshot).unwrap().dump == dump);
}

#[test]
fn one_that_was_packed_anew_is_as_good() {
    let (_place, data, snapshot) = place();
    fs::write(data.join("a"), "a").unwrap();
    let done = pack(&data, &snapshot, Packing::Zstd).unwrap();
    let tar = zstd::decode_all(&fs::read(&snapshot).unwrap()[..]).unwrap();
    fs::write(&snapshot, zstd::encode_all(&tar[..], 19).unwrap()).unwrap();
    assert_eq!(manifest(&snapshot).unwrap(), None);
    let out = unpack_all(&snapshot).unwrap();
    assert_eq!(out.checked.manifest, Some(done.manifest));
    assert_eq!(out.checked.origin, Origin::Own);
    let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    gzip.write_all(&tar).unwrap();
    fs::write(&snapshot, gzip.finish().unwrap()).unwrap();
    assert_eq!(unpack_all(&snapshot).unwrap().checked.origin, Origin::Own);
}

fn run(directory: &Path, command: &str) {
    let mut shell = std::process::Command::new("bash");
    shell
        .args(["-euo", "pipefail", "-c", command])
        .current_dir(directory);
    assert!(shell.status().unwrap().success(), "{command}");
}

#[test]
fn the_shell_scripts_snapshots_are_read() {
    let (place, data, snapshot) = place();
    fs::create_dir(data.join("media")).unwrap();
    fs::write(data.join("media").join("x".repeat(180)), "x").unwrap();
    fs::hard_link(data.join("media").join("x".repeat(180)), data.join("y")).unwrap();
    fs::write(place.path().join("kor.yml"), "a: b\n").unwrap();
    fs::write(place.path().join("notes.txt"), "mine").unwrap();
    // What an import of the script left there.
    fs::write(place.path().join("SHA256SUMS"), "old").unwrap();
    fs::write(place.path().join("db.sql"), DUMP).unwrap();
    let name = snapshot.file_name().unwrap().to_str().unwrap();
    run(
        place.path(),
        &format!(
            "gzip db.sql; tar --format=posix -czf /tmp/{name}.$$ . && mv /tmp/{name}.$$ {name}"
        ),
    );
    assert_eq!(manifest(&snapshot).unwrap(), None);
    let error = unpack_all(&snapshot).unwrap_err();
    assert_eq!(error.exit_code(), 8, "{error}");
    let rules = Rules {
        strays: Strays::LeaveOut,
        ..RULES
    };
    let out = unpack_with(&snapshot, rules).unwrap();
    assert_eq!(
        (out.checked.origin, out.dump.as_slice()),
        (Origin::Script, DUMP)
    );
    assert_eq!(tree(&data), tree(&out.root().join("data")));
    let mut left: Vec<_> = out
        .checked
        .left_out
        .iter()
        .map(|l| l.path.as_str())
        .collect();
    left.sort_unstable();
    assert_eq!(left, ["./SHA256SUMS", "./notes.txt"]);
}

#[test]
fn snapshots_of_the_applications_container_are_read() {
    let (place, data, snapshot) = place();
    fs::create_dir(data.join("media")).unwrap();
    fs::write(data.join("media/x"), "x").unwrap();
    fs::hard_link(data.join("media/x"), data.join("y")).unwrap();
    fs::write(place.path().join("data.sql"), DUMP).unwrap();
    let name = snapshot.file_name().unwrap().to_str().unwrap();
    run(
        place.path(),
        &format!(
            "gzip data.sql; tar --format=posix -czf data.tar.gz -C data .; tar czf {name} data.tar.gz data.sql.gz"
        ),
    );
    let out = unpack_all(&snapshot).unwrap();
    assert_eq!(
        (out.checked.origin, out.dump.as_slice()),
        (Origin::Container, DUMP)
    );
    assert_eq!(tree(&data), tree(&out.root().join("data")));
    // One half of it is none.
    run(place.path(), &format!("tar czf {name} data.sql.gz"));
    assert_eq!(unpack_all(&snapshot).unwrap_err().exit_code(), 8);
}

#[test]
fn who_looks_on_is_told_how_much_of_the_file_was_read() {
    for packing in [Packing::Zstd, Packing::Gzip] {
        let (_place, data, snapshot) = place();
        let mut state: u64 = 1;
        let mut drawn = || {
            state = state
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1);
            (state >> 56) as u8
        };
        let noise: Vec<u8> = (0..3_000_000).map(|_| drawn()).collect();
        fs::write(data.join("a"), noise).unwrap();
        // Unpacked there is much more.
        fs::write(data.join("b"), "text".repeat(1_000_000)).unwrap();
        pack(&data, &snapshot, packing).unwrap();
        let interrupt = crate::host::interrupt::Interrupt::default();
        let told = std::cell::RefCell::new(Vec::new());
        let progress = |bytes| told.borrow_mut().push(bytes);
        let watch = crate::host::archive::Watch::new(&interrupt, &progress);
        crate::host::archive::check(&snapshot, RULES, watch).unwrap();
        let size = fs::metadata(&snapshot).unwrap().len();
        let sum: u64 = told.borrow().iter().sum();
        // What stands behind the last content is read at once.
        assert!(sum <= size && sum > size - size / 10, "{sum} of {size}");
        let pieces = told.borrow().iter().filter(|bytes| **bytes > 0).count();
        assert!(pieces > 5, "{packing:?}: {pieces}");
    }
}

#[test]
fn nothing_is_unpacked_into_what_is_not_empty() {
    let (_place, data, snapshot) = place();
    fs::write(data.join("a"), "a").unwrap();
    pack(&data, &snapshot, Packing::Zstd).unwrap();
    let sinks = crate::host::archive::Sinks {
        dump: &mut std::io::sink(),
        index: &mut std::io::sink(),
    };
    let error =
        watched(|w| crate::host::archive::unpack(&snapshot, &data, RULES, sinks, w)).unwrap_err();
    assert_eq!(error.exit_code(), 6);
}

#[test]
fn a_sink_that_fails_is_no_damage() {
    let (place, data, snapshot) = place();
    pack(&data, &snapshot, Packing::Zstd).unwrap();
    struct Full;
    impl Write for Full {
        fn write(&mut self, _: &[u8]) -> std::io::Result<usize> {
            Err(std::io::Error::from_raw_os_error(28))
        }
        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }
    let sinks = crate::host::archive::Sinks {
        dump: &mut Full,
        index: &mut std::io::sink(),
    };
    let into = place.path().join("in");
    let error =
        watched(|w| crate::host::archive::unpack(&snapshot, &into, RULES, sinks, w)).unwrap_err();
    assert_eq!(error.exit_code(), 1);
    assert!(error.next.unwrap().contains("free some space"));
    // Nor is a file that is not there, or no file at all.
    let code = |path: &Path| {
        watched(|w| crate::host::archive::check(path, RULES, w))
            .unwrap_err()
            .exit_code()
    };
    assert_eq!(code(&place.path().join("nothing")), 4);
    assert_eq!(code(&data), 8);
    fs::write(data.join("text"), "text").unwrap();
    assert_eq!(code(&data.join("text")), 8);
    fs::write(data.join("empty"), "").unwrap();
    assert_eq!(code(&data.join("empty")), 8);
}
