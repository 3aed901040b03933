//! What is packed can be read, by us and by others, and what is broken is refused.

mod hostile;
mod memory;
mod mutated;
mod programs;
mod reading;
mod writing;

use std::cell::Cell;
use std::collections::BTreeMap;
use std::io::Read;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use jiff::Timestamp;

use crate::error::Result;
use crate::host::archive::attributes::Attributes;
use crate::host::archive::walk::{Found, walk};
use crate::host::archive::{
    Checked, Finished, Limits, Options, Rules, Sinks, Strays, Stream, Tree, Watch, Writer, check,
    unpack,
};
use crate::host::interrupt::Interrupt;
use crate::model::snapshot::{About, CloneKind, Hold, Packing};

pub const DUMP: &[u8] = b"CREATE TABLE a (b int);\n-- Dump completed on 2026-01-31 12:00:00\n";
pub const INDEX: &[u8] = b"{\"_id\":\"a\"}\n{\"_id\":\"b\"}\n";

pub fn about() -> About {
    About {
        tool: "0.1.0".into(),
        cluster: "my_cluster".into(),
        instance: "main".into(),
        version: "v5.0.1".into(),
        contract: "v5".into(),
        taken: Timestamp::from_second(1_769_860_800).unwrap(),
        hold: Hold::Lock,
        clone: CloneKind::Reflink,
        database: "10.11.18-MariaDB".into(),
        rows: BTreeMap::from([("entities".into(), 2)]),
        documents: Some(2),
        consistent: true,
    }
}

/// Calls `work` with someone who looks on and never stops it.
pub fn watched<T>(work: impl FnOnce(Watch<'_>) -> T) -> T {
    let interrupt = Interrupt::default();
    let bytes = Cell::new(0);
    work(Watch::new(&interrupt, &|more| {
        bytes.set(bytes.get() + more)
    }))
}

/// Packs a directory as `data/`, with a small dump and index.
pub fn pack(data: &Path, into: &Path, packing: Packing) -> Result<Finished> {
    watched(|watch| {
        let mut writer = Writer::begin(into, Options::new(packing, 2), watch)?;
        writer.add_bytes("kor.yml", b"a: b\n")?;
        writer.add_tree(data, "data", &Tree::default())?;
        writer.add_stream(Stream::Dump, &mut &DUMP[..])?;
        if packing == Packing::Zstd {
            writer.add_stream(Stream::Index, &mut &INDEX[..])?;
        }
        writer.finish(about())
    })
}

/// A place with a directory `data` in it, and the path of a snapshot.
pub fn place() -> (tempfile::TempDir, PathBuf, PathBuf) {
    let place = tempfile::tempdir().unwrap();
    let data = place.path().join("data");
    std::fs::create_dir(&data).unwrap();
    let snapshot = place.path().join("main.20260131_120000.v5.0.1.tar.zst");
    (place, data, snapshot)
}

/// Names at the top that the tests' instance has.
pub const RULES: Rules<'static> = Rules {
    roots: &["data", "kor.yml"],
    strays: Strays::Refuse,
    limits: Limits {
        bytes: 1 << 40,
        entries: 10_000,
        ratio: 200,
        free: 1 << 20,
    },
};

/// What came out of a snapshot.
#[derive(Debug)]
pub struct Unpacked {
    pub checked: Checked,
    pub place: tempfile::TempDir,
    pub dump: Vec<u8>,
    pub index: Vec<u8>,
}

impl Unpacked {
    pub fn root(&self) -> PathBuf {
        self.place.path().join("in")
    }
}

/// Checks and unpacks; both have to say the same, and nothing may be written elsewhere.
pub fn unpack_with(path: &Path, rules: Rules<'_>) -> Result<Unpacked> {
    let checked = watched(|watch| check(path, rules, watch));
    let place = tempfile::tempdir().unwrap();
    let (mut dump, mut index) = (Vec::new(), Vec::new());
    let sinks = Sinks {
        dump: &mut dump,
        index: &mut index,
    };
    let into = place.path().join("in");
    let unpacked = watched(|watch| unpack(path, &into, rules, sinks, watch));
    assert_eq!(crate::host::files::names_in(place.path()).unwrap(), ["in"]);
    match (&checked, &unpacked) {
        (Ok(a), Ok(b)) => assert_eq!(a, b),
        (Err(a), Err(b)) => assert_eq!(a.to_string(), b.to_string()),
        other => panic!("{other:?}"),
    }
    Ok(Unpacked {
        checked: unpacked?,
        place,
        dump,
        index,
    })
}

pub fn unpack_all(path: &Path) -> Result<Unpacked> {
    unpack_with(path, RULES)
}

/// What stands at a path: its attributes, and a file's content, a link's target or nothing, with
/// the number of its names.
pub type There = (Attributes, Vec<u8>, u64);

/// All that is below a directory.
pub fn tree(root: &Path) -> BTreeMap<Vec<u8>, There> {
    let mut all = BTreeMap::new();
    walk(root, b"", &Tree::default(), &mut |path, found| {
        let (mut attributes, content, names) = match found {
            Found::Directory(file, meta) => {
                let mut attributes = Attributes::of(&meta);
                attributes.read_extended(&file).unwrap();
                (attributes, Vec::new(), 0)
            }
            Found::File(mut file, meta) => {
                let mut attributes = Attributes::of(&meta);
                attributes.read_extended(&file).unwrap();
                let mut content = Vec::new();
                file.read_to_end(&mut content).unwrap();
                (attributes, content, meta.nlink())
            }
            Found::Link(target, meta) => (Attributes::of(&meta), target, 0),
            Found::Other(why) => panic!("{why}"),
        };
        if names == 0 && attributes.mode == 0o777 {
            // A link's mode says nothing.
            attributes.mode = 0;
        }
        all.insert(path.to_vec(), (attributes, content, names));
        Ok(())
    })
    .unwrap();
    all
}
