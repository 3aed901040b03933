//! The binary on the fake engine: every crash point of every changing verb, and what needs no real
//! engine to show. Needs the feature `test-support`.
#![cfg(feature = "test-support")]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

mod adopt;
mod apart;
#[path = "../common/at_once.rs"]
mod at_once;
mod bench;
mod cases;
#[path = "../common/chance.rs"]
mod chance;
mod crossing;
mod database_change;
mod documents;
mod field;
mod first_boot;
mod history;
mod images;
mod index;
mod input;
mod kept;
mod killed;
mod locks;
mod not_over;
mod pairs;
mod place;
mod prepared;
mod prove;
mod prune;
mod random_kills;
mod remove;
#[path = "../common/repacked.rs"]
mod repacked;
mod said_before;
mod scope;
mod search_change;
#[path = "../common/sequence.rs"]
mod sequence;
mod snapshot;
#[path = "../common/tally.rs"]
mod tally;
mod up_again;
mod whole;
mod written;
