//! Any bytes as a dump: how it is cut into pieces does not matter, and nothing is taken out of it
//! but definers.
#![no_main]

use std::io::Write;

use kor_cluster::services::definers::WithoutDefiners;
use kor_cluster_fuzz::{DUMP, plant};
use libfuzzer_sys::fuzz_target;

fn passed(text: &[u8], piece: usize) -> Vec<u8> {
    let mut out = WithoutDefiners::new(Vec::new());
    for piece in text.chunks(piece) {
        out.write_all(piece).expect("memory can be written");
    }
    out.finish().expect("memory can be written")
}

/// Whether a text becomes another one by taking bytes out.
fn is_part_of(part: &[u8], whole: &[u8]) -> bool {
    let mut rest = whole.iter();
    part.iter().all(|byte| rest.any(|b| b == byte))
}

fuzz_target!(init: plant(|| vec![DUMP.to_vec(), b"\x03INSERT INTO t VALUES ('it''s\\'DEFINER=`a`@`b`');\n".to_vec()]), |data: &[u8]| {
    let piece = data.first().map_or(1, |b| usize::from(*b) + 1);
    let out = passed(data, piece);
    assert_eq!(out, passed(data, data.len().max(1)));
    assert!(is_part_of(&out, data));
    if !data.windows(8).any(|w| w == b"DEFINER=") {
        assert_eq!(out, data);
    }
});
