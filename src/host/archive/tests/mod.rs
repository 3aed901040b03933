//! What is packed can be read, by us and by others, and what is broken is refused.

mod writing;

use std::cell::Cell;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use jiff::Timestamp;

use crate::error::Result;
use crate::host::archive::{Finished, Options, Stream, Tree, Watch, Writer};
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
