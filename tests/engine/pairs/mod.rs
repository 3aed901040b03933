//! Two commands at once on the real engine: pairs of verbs that are called in the same moment. One
//! wins, and the other one says who is at work, or waits; or both have nothing to do with each other,
//! and work at once. Their journals are not interleaved, and everything is whole afterwards. All pairs
//! of verbs are tried on the fake engine, again and again.

mod cases;
mod round;

use std::time::Instant;

use crate::ground::Ground;
use cases::PAIRS;
use round::{Went, round};

#[test]
fn two_changing_verbs_at_once_on_the_real_engine() {
    let ground = Ground::made();
    let mut all = Vec::new();
    for pair in PAIRS {
        let [one, other] = pair.verbs.each_ref().map(|verb| verb.words);
        let begun = Instant::now();
        match round(&ground, pair) {
            Ok(went) => {
                eprintln!("{:.1?} {went:?}: {one} and {other}", begun.elapsed());
                all.push(went);
            }
            Err(why) => panic!("{one} and {other}: {why}"),
        }
    }
    let count = |of: Went| all.iter().filter(|went| **went == of).count();
    println!(
        r#"{{"engine":"real","pairs":{},"one":{},"both":{},"waited":{},"at_once":{}}}"#,
        all.len(),
        count(Went::One),
        count(Went::Both),
        count(Went::Waited),
        count(Went::AtOnce),
    );
    assert!(count(Went::One) > 0 && count(Went::Waited) > 0 && count(Went::AtOnce) > 0);
}
