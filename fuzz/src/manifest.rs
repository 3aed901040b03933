//! Any bytes as the description of a snapshot, and as the name of its file: what is read comes out
//! again as it was, the rest is an error.
#![no_main]

use kor_cluster::model::snapshot::{Manifest, SnapshotName};
use kor_cluster_fuzz::{descriptions, plant};
use libfuzzer_sys::fuzz_target;

fuzz_target!(init: plant(descriptions), |data: &[u8]| {
    match Manifest::parse(data) {
        Ok(manifest) => {
            let json = manifest.to_json().expect("what was read can be written");
            let again = Manifest::parse(&json).expect("what was written can be read");
            assert_eq!(again, manifest);
        }
        Err(error) => assert!(matches!(error.exit_code(), 6 | 8), "{error:?}"),
    }
    if let Ok(text) = std::str::from_utf8(data)
        && let Ok(name) = SnapshotName::parse(text)
    {
        // A version without its v gets one, so the text may differ.
        let again = SnapshotName::parse(&name.to_string()).expect("a name is one");
        assert_eq!(again, name);
    }
});
