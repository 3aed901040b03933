//! The writer, seen with the programs of others.

use std::fs;
use std::io::Read;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};
use std::path::Path;
use std::process::Command;

use super::{DUMP, about, pack, place, watched};
use crate::host::archive::{Options, PART, Stream, Tree, Writer, manifest};
use crate::host::files;
use crate::host::interrupt::Interrupt;
use crate::model::snapshot::Packing;

/// Whether a program is there; the scripts install what these tests want.
fn have(program: &str) -> bool {
    Command::new(program).arg("--version").output().is_ok()
}

fn shell(directory: &Path, command: &str) -> String {
    let mut shell = Command::new("bash");
    shell
        .args(["-euo", "pipefail", "-c", command])
        .current_dir(directory);
    let output = shell.output().unwrap();
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{command}: {text}{errors}");
    text
}

/// One of everything that can stand in a directory.
fn fill(data: &Path) {
    let long = "l".repeat(200);
    fs::create_dir_all(data.join("media").join(&long)).unwrap();
    fs::write(data.join("media").join(&long).join("m".repeat(150)), "long").unwrap();
    fs::write(data.join("a b\n\\c\r"), "odd").unwrap();
    fs::write(data.join(std::ffi::OsStr::from_bytes(b"\xff\xfe")), "bytes").unwrap();
    fs::write(data.join("empty"), "").unwrap();
    fs::hard_link(data.join("empty"), data.join("empty too")).unwrap();
    symlink("../empty", data.join("media/link")).unwrap();
    symlink("/etc/passwd", data.join("media/out")).unwrap();
    std::os::unix::net::UnixListener::bind(data.join("socket")).unwrap();
    let sparse = fs::File::create(data.join("sparse")).unwrap();
    sparse.set_len(3 << 20).unwrap();
    fs::set_permissions(data.join("sparse"), fs::Permissions::from_mode(0o640)).unwrap();
}

#[test]
fn other_programs_open_it() {
    if !have("zstd") || !have("tar") {
        return;
    }
    let (place, data, snapshot) = place();
    fill(&data);
    let done = pack(&data, &snapshot, Packing::Zstd).unwrap();
    let out = place.path().join("out");
    fs::create_dir(&out).unwrap();
    let name = snapshot.file_name().unwrap().to_str().unwrap();
    shell(&out, &format!("zstd -qdc ../{name} | tar x"));
    shell(&out, "sha256sum --quiet -c SHA256SUMS");
    shell(
        &out,
        "rm ../data/socket ../data/media/out && diff -r --no-dereference ../data data",
    );
    assert_eq!(fs::read(out.join("db.sql.00000")).unwrap(), DUMP);
    let meta = |root: &Path| fs::metadata(root.join("sparse")).unwrap();
    let (before, after) = (meta(&data), meta(&out.join("data")));
    assert_eq!(before.mode(), after.mode());
    assert_eq!(
        (before.mtime(), before.mtime_nsec()),
        (after.mtime(), after.mtime_nsec())
    );
    assert_eq!(fs::metadata(out.join("data/empty")).unwrap().nlink(), 2);
    assert_eq!(fs::metadata(&snapshot).unwrap().mode() & 0o777, 0o600);
    assert_eq!(fs::metadata(&snapshot).unwrap().len(), done.bytes);
}

#[test]
fn what_was_packed_is_counted() {
    let (_place, data, snapshot) = place();
    fill(&data);
    let done = pack(&data, &snapshot, Packing::Zstd).unwrap();
    let content = &done.manifest.content;
    assert_eq!(
        (content.files, content.hard_links, content.links),
        (6, 1, 1)
    );
    assert_eq!((content.directories, content.left_out), (3, 2));
    assert_eq!(content.file_bytes, 5 + 4 + 3 + 5 + (3 << 20));
    assert_eq!(content.dump_bytes, DUMP.len() as u64);
    let left_out: Vec<_> = done.left_out.iter().map(|l| l.path.as_str()).collect();
    assert_eq!(left_out, ["./data/media/out", "./data/socket"]);
    assert_eq!(manifest(&snapshot).unwrap(), Some(done.manifest));
}

#[test]
fn the_shell_scripts_form_is_packed_too() {
    let (place, data, snapshot) = place();
    fs::write(data.join("a"), "a").unwrap();
    pack(&data, &snapshot, Packing::Gzip).unwrap();
    assert_eq!(manifest(&snapshot).unwrap(), None);
    let name = snapshot.file_name().unwrap().to_str().unwrap();
    let list = shell(place.path(), &format!("tar tzf {name}"));
    let names: Vec<_> = list.lines().collect();
    assert_eq!(names, ["./kor.yml", "./data/", "./data/a", "./db.sql.gz"]);
    let dump = shell(
        place.path(),
        &format!("tar xOzf {name} ./db.sql.gz | gzip -d"),
    );
    assert_eq!(dump.as_bytes(), DUMP);
}

#[test]
fn a_dump_of_many_parts_is_in_order() {
    let (_place, _, snapshot) = place();
    watched(|watch| {
        let mut writer = Writer::begin(&snapshot, Options::new(Packing::Zstd, 0), watch).unwrap();
        let long = std::io::repeat(b'x').take(2 * PART as u64);
        let bytes = writer
            .add_stream(Stream::Dump, &mut long.chain(DUMP))
            .unwrap();
        assert_eq!(bytes, 2 * PART as u64 + DUMP.len() as u64);
        writer.finish(about()).unwrap();
    });
    let names = shell(
        snapshot.parent().unwrap(),
        "if command -v zstd >/dev/null; then zstd -qdc *.zst | tar t; fi",
    );
    if have("zstd") {
        assert!(
            names.starts_with("./db.sql.00000\n./db.sql.00001\n./db.sql.00002\n./SHA"),
            "{names}"
        );
    }
}

#[test]
fn what_is_not_finished_is_gone() {
    let (place, data, snapshot) = place();
    let left = || files::names_in(place.path()).unwrap();
    fs::write(data.join("a"), "a").unwrap();
    // A dump that broke off.
    let error = watched(|watch| {
        let mut writer = Writer::begin(&snapshot, Options::new(Packing::Zstd, 1), watch).unwrap();
        assert_eq!(left().len(), 2);
        writer
            .add_stream(Stream::Dump, &mut &DUMP[..20])
            .unwrap_err()
    });
    assert!(error.to_string().contains("not whole"), "{error}");
    // No dump at all, and one name twice.
    watched(|watch| {
        let begin = || Writer::begin(&snapshot, Options::new(Packing::Zstd, 1), watch).unwrap();
        begin().finish(about()).unwrap_err();
        let mut writer = begin();
        writer.add_bytes("a", b"").unwrap();
        writer.add_bytes("a", b"").unwrap_err();
    });
    // An index where there cannot be one.
    let error = watched(|watch| {
        let gzip = Options::new(Packing::Gzip, 0);
        let mut writer = Writer::begin(&snapshot, gzip, watch).unwrap();
        writer.add_stream(Stream::Index, &mut &b""[..]).unwrap_err()
    });
    assert_eq!(error.exit_code(), 6);
    // A signal.
    let interrupt = Interrupt::default();
    interrupt.ask();
    let watch = crate::host::archive::Watch::new(&interrupt, &|_| ());
    let mut writer = Writer::begin(&snapshot, Options::new(Packing::Zstd, 1), watch).unwrap();
    let error = writer
        .add_tree(&data, "data", &Tree::default())
        .unwrap_err();
    assert!(error.interrupted);
    drop(writer);
    assert_eq!(left(), ["data"]);
    // And nothing that is there is replaced.
    fs::write(&snapshot, "mine").unwrap();
    let error = pack(&data, &snapshot, Packing::Zstd).unwrap_err();
    assert_eq!(error.exit_code(), 6);
    assert_eq!(fs::read(&snapshot).unwrap(), b"mine");
}
