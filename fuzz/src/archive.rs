//! Any bytes as a snapshot. Checking and unpacking say the same and end in an error that says that
//! it is damaged or of a newer program, and whatever happens, nothing stands outside of the
//! directory that is unpacked into, and no more than there may be.
#![no_main]

use std::cell::Cell;
use std::fs;
use std::path::Path;
use std::sync::LazyLock;

use kor_cluster::host::archive::{Limits, Rules, Sinks, Strays, Watch, check, manifest, unpack};
use kor_cluster::host::interrupt::Interrupt;
use kor_cluster_fuzz::{archives, file_of, place, plant};
use libfuzzer_sys::fuzz_target;

const LIMITS: Limits = Limits {
    bytes: 8 << 20,
    entries: 2000,
    ratio: 200,
    free: 1 << 20,
};

static PLACE: LazyLock<tempfile::TempDir> = LazyLock::new(place);

fuzz_target!(init: plant(archives), |data: &[u8]| {
    let file = PLACE.path().join("file");
    let into = PLACE.path().join("into");
    fs::write(&file, file_of(data)).expect("the file can be written");
    let strays = match data.len() % 2 {
        0 => Strays::Refuse,
        _ => Strays::LeaveOut,
    };
    let rules = Rules { roots: &["data", "kor.yml", ".env"], strays, limits: LIMITS };
    let interrupt = Interrupt::default();
    let bytes = Cell::new(0);
    let count = |more: u64| bytes.set(bytes.get() + more);
    let watch = Watch::new(&interrupt, &count);

    let said = manifest(&file);
    let checked = check(&file, rules, watch);
    let (mut dump, mut index) = (Vec::new(), Vec::new());
    let sinks = Sinks { dump: &mut dump, index: &mut index };
    let unpacked = unpack(&file, &into, rules, sinks, watch);
    // Twice, and a chunk more each time.
    assert!(bytes.get() <= 2 * (LIMITS.bytes + (256 << 10)), "{} bytes", bytes.get());
    match (&checked, &unpacked) {
        (Ok(a), Ok(b)) => {
            assert_eq!(a, b);
            assert_eq!(a.content.dump_bytes, dump.len() as u64);
            assert_eq!(a.content.index_bytes, index.len() as u64);
            if let (Ok(Some(said)), Some(found)) = (&said, &a.manifest) {
                assert_eq!(said, found);
            }
        }
        (Err(a), Err(b)) => {
            assert_eq!(a.to_string(), b.to_string());
            assert!(matches!(a.exit_code(), 6 | 8), "{a:?}");
        }
        other => panic!("checked and unpacked differ: {other:?}"),
    }
    stays_inside(&into);
});

/// Nothing stands beside the directory; in it are files, directories and links alone, and nobody
/// becomes another user by one of them. Then it goes.
fn stays_inside(into: &Path) {
    let mut names: Vec<_> = fs::read_dir(PLACE.path())
        .expect("the place can be read")
        .map(|entry| entry.expect("it can be read").file_name())
        .collect();
    names.sort();
    assert!(names == ["file", "into"] || names == ["file"], "{names:?}");
    if into.exists() {
        look(into);
        fs::remove_dir_all(into).expect("what was unpacked can be removed");
    }
}

fn look(directory: &Path) {
    use std::os::unix::fs::MetadataExt;
    for entry in fs::read_dir(directory).expect("a directory can be read") {
        let path = entry.expect("it can be read").path();
        let meta = fs::symlink_metadata(&path).expect("it can be looked at");
        let kind = meta.file_type();
        assert!(
            kind.is_dir() || kind.is_file() || kind.is_symlink(),
            "{path:?}"
        );
        assert!(
            kind.is_dir() || kind.is_symlink() || meta.mode() & 0o7000 == 0,
            "{path:?}"
        );
        if kind.is_symlink() {
            let target = fs::read_link(&path).expect("a link can be read");
            assert!(target.is_relative(), "{path:?} leads to {target:?}");
        }
        if kind.is_dir() {
            look(&path);
        }
    }
}
