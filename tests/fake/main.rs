//! The binary on the fake engine: every crash point of every changing verb, and what needs no real
//! engine to show. Needs the feature `test-support`.
#![cfg(feature = "test-support")]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

mod crossing;
mod documents;
mod field;
mod images;
mod index;
mod input;
mod kept;
mod killed;
mod locks;
mod place;
mod prune;
mod remove;
#[path = "../common/repacked.rs"]
mod repacked;
mod scope;
mod search_change;
mod snapshot;
