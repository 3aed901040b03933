//! Any directory, from here to the programs that every host has, and from them to here.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::process::Command;

use proptest::prelude::*;

use super::reading::{make, planned};
use super::{DUMP, There, pack, place, tree, unpack_all, watched};
use crate::host::archive::{Options, PART, Stream, Writer};
use crate::model::snapshot::Packing;

/// Whether all of them are there; the scripts install what these tests want.
fn have(programs: &[&str]) -> bool {
    let is_there = |name: &&str| Command::new(name).arg("--version").output().is_ok();
    programs.iter().all(is_there)
}

fn shell(directory: &Path, command: &str, words: &[&str]) {
    let mut shell = Command::new("bash");
    shell
        .args(["-euo", "pipefail", "-c", command, "bash"])
        .args(words)
        .current_dir(directory);
    let output = shell.output().unwrap();
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{command}: {errors}");
}

type All = BTreeMap<Vec<u8>, There>;

/// The same, with times in whole seconds and without extended attributes: all that the GNU format
/// has a place for.
fn in_gnu_format(mut all: All) -> All {
    for (attributes, _, _) in all.values_mut() {
        attributes.nanoseconds = 0;
        attributes.extended.clear();
    }
    all
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 12, max_shrink_iters: 60, ..ProptestConfig::default() })]

    #[test]
    fn what_we_pack_they_unpack(things in prop::collection::vec(planned(), 0..20), gzip: bool) {
        if !have(&["tar", "zstd", "sha256sum"]) {
            return Ok(());
        }
        let (place, data, snapshot) = place();
        make(&data, &things);
        let packing = if gzip { Packing::Gzip } else { Packing::Zstd };
        pack(&data, &snapshot, packing).unwrap();
        let out = place.path().join("out");
        fs::create_dir(&out).unwrap();
        let unpack = "tar xp --xattrs --xattrs-include='user.*' -f \"$1\"";
        shell(&out, unpack, &[snapshot.to_str().unwrap()]);
        prop_assert_eq!(tree(&out.join("data")), tree(&data));
        if gzip {
            shell(&out, "gunzip db.sql.gz && mv db.sql db.sql.00000", &[]);
        } else {
            shell(&out, "sha256sum --quiet -c SHA256SUMS", &[]);
        }
        prop_assert_eq!(fs::read(out.join("db.sql.00000")).unwrap(), DUMP);
    }

    #[test]
    fn what_they_pack_we_unpack(things in prop::collection::vec(planned(), 0..20), posix: bool) {
        if !have(&["tar", "gzip"]) {
            return Ok(());
        }
        let (place, data, snapshot) = place();
        make(&data, &things);
        fs::write(place.path().join("db.sql"), DUMP).unwrap();
        let how: &[&str] = match posix {
            true => &["--format=posix", "--xattrs"],
            false => &["--format=gnu"],
        };
        let file = snapshot.to_str().unwrap();
        let pack = "gzip db.sql; file=$1; shift; tar \"$@\" -czf \"$file\" ./data ./db.sql.gz";
        shell(place.path(), pack, &[&[file], how].concat());
        let out = unpack_all(&snapshot).unwrap();
        prop_assert_eq!(&out.dump, DUMP);
        let (mut found, mut right) = (tree(&out.root().join("data")), tree(&data));
        if !posix {
            found = in_gnu_format(found);
            right = in_gnu_format(right);
        }
        prop_assert_eq!(found, right);
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 8, max_shrink_iters: 8, ..ProptestConfig::default() })]

    /// Any bytes, a few more or less than parts hold.
    #[test]
    fn a_dump_comes_out_as_it_went_in(
        begin in prop::collection::vec(any::<u8>(), 0..2000),
        parts in 0..3_usize, around in -40..40_i64, gzip: bool,
    ) {
        let (_place, _, snapshot) = place();
        let length = (parts * PART).saturating_add_signed(around as isize);
        let mut dump = begin.clone();
        // What is repeated is not in step with the parts.
        while dump.len() < length {
            let more = (length - dump.len()).min(1021);
            let salt = dump.len();
            dump.extend((0..more).map(|at| (at * at + salt) as u8));
        }
        dump.truncate(length.saturating_sub(DUMP.len() + 1));
        dump.push(b'\n');
        dump.extend_from_slice(DUMP);
        let packing = if gzip { Packing::Gzip } else { Packing::Zstd };
        watched(|watch| {
            let mut writer = Writer::begin(&snapshot, Options::new(packing, 2), watch).unwrap();
            let bytes = writer.add_stream(Stream::Dump, &mut &dump[..]).unwrap();
            assert_eq!(bytes, dump.len() as u64);
            let about = crate::model::snapshot::About { documents: None, ..super::about() };
            writer.finish(about).unwrap();
        });
        prop_assert!(unpack_all(&snapshot).unwrap().dump == dump);
    }
}
