//! Memory does not grow with a snapshot.

use std::fs::{self, File};
use std::io::{self, Read};
use std::process::Command;

use super::{DUMP, RULES, about, place, watched};
use crate::host::archive::{Options, Stream, Tree, Writer, check};
use crate::model::snapshot::{About, Packing};

/// The highest memory of this process so far, in KiB.
fn peak() -> u64 {
    let status = procfs::process::Process::myself().unwrap().status();
    status.unwrap().vmhwm.unwrap()
}

/// In a process of its own: other tests take memory of this one.
#[test]
#[ignore = "packs some hundred megabytes"]
fn memory_stays_flat() {
    let own = "KOR_CLUSTER_MEMORY_TEST";
    if std::env::var(own).is_err() {
        let name = "host::archive::tests::memory::memory_stays_flat";
        let mut test = Command::new(std::env::current_exe().unwrap());
        test.args(["--exact", name, "--ignored", "--nocapture"])
            .env(own, "1");
        assert!(test.status().unwrap().success());
        return;
    }
    let before = peak();
    let (_place, data, snapshot) = place();
    let noise = || File::open("/dev/urandom").unwrap().take(300 << 20);
    io::copy(&mut noise(), &mut File::create(data.join("large")).unwrap()).unwrap();
    for number in 0..20_000 {
        let directory = data.join(format!("{}", number / 100));
        fs::create_dir_all(&directory).unwrap();
        fs::write(directory.join(number.to_string()), b"small").unwrap();
    }
    watched(|watch| {
        let mut writer = Writer::begin(&snapshot, Options::new(Packing::Zstd, 2), watch).unwrap();
        writer.add_tree(&data, "data", &Tree::default()).unwrap();
        let mut dump = noise().chain(&b"\n"[..]).chain(DUMP);
        writer.add_stream(Stream::Dump, &mut dump).unwrap();
        let documents = None;
        writer
            .finish(About {
                documents,
                ..about()
            })
            .unwrap();
    });
    let packed = peak();
    let mut rules = RULES;
    rules.limits.entries = 100_000;
    watched(|watch| check(&snapshot, rules, watch)).unwrap();
    let read = peak();
    eprintln!("{before} KiB before, {packed} packed, {read} read");
    assert!(
        read < 64 << 10,
        "{before} KiB before, {packed} packed, {read} read"
    );
}
