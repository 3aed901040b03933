//! A snapshot that is packed anew with something in it changed.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::Command;

use kor_cluster::host::archive::{self, Options, Stream, Tree, Watch, Writer};
use kor_cluster::host::interrupt::Interrupt;
use kor_cluster::model::snapshot::Packing;

/// A snapshot that is unpacked.
pub struct Unpacked {
    /// Where its files are.
    pub files: PathBuf,
    /// Its dump.
    pub dump: PathBuf,
    /// The documents of its index, one a line.
    pub documents: PathBuf,
}

/// Unpacks a snapshot, has it changed, and packs it as `to`; `documents` are how many are in it then.
pub fn repacked(from: &Path, to: &Path, documents: Option<u64>, change: impl FnOnce(&Unpacked)) {
    let place = tempfile::tempdir_in(to.parent().unwrap()).unwrap();
    let unpacked = Unpacked {
        files: place.path().join("files"),
        dump: place.path().join("dump"),
        documents: place.path().join("documents"),
    };
    fs::create_dir(&unpacked.files).unwrap();
    let script = "zstd -dqc \"$1\" | tar -xf - -C \"$2/files\"; cd \"$2/files\"; cat db.sql.* >../dump; \
                  cat index.ndjson.* >../documents 2>/dev/null || true; \
                  rm -f db.sql.0* index.ndjson.* SHA256SUMS snapshot.json";
    let status = Command::new("bash")
        .args(["-ec", script, "unpack"])
        .args([from, place.path()])
        .status();
    assert!(status.unwrap().success());
    change(&unpacked);

    let mut about = archive::manifest(from).unwrap().unwrap().about;
    about.documents = documents;
    let (interrupt, progress) = (Interrupt::default(), |_: u64| {});
    let watch = Watch::new(&interrupt, &progress);
    let mut writer = Writer::begin(to, Options::new(Packing::Zstd, 0), watch).unwrap();
    let mut add = |stream, path: &Path| {
        writer
            .add_stream(stream, &mut File::open(path).unwrap())
            .unwrap();
    };
    add(Stream::Dump, &unpacked.dump);
    if documents.is_some() {
        add(Stream::Index, &unpacked.documents);
    }
    writer
        .add_tree(&unpacked.files, "", &Tree::default())
        .unwrap();
    writer.finish(about).unwrap();
}
