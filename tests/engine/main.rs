//! The tool as an operator has it, on the real engine with the real services and the sample
//! application. Without an engine these tests fail.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

mod archives;
#[path = "../common/at_once.rs"]
mod at_once;
mod call;
#[path = "../common/chance.rs"]
mod chance;
mod cluster;
mod directly;
mod docker;
mod field;
mod ground;
mod harness;
mod original;
mod picture;
mod registry;
#[path = "../common/repacked.rs"]
mod repacked;
#[path = "../common/sequence.rs"]
mod sequence;
mod small_disk;
#[path = "../common/tally.rs"]
mod tally;
mod turns;
mod upgrading;
mod web;
mod whole;
mod writers;
mod written;

mod adopt;
mod arrival;
mod bad_input;
mod clone;
mod commands;
mod consistency;
mod content;
mod crossing;
mod database_change;
mod disk_full;
mod documents;
mod eras;
mod failures;
mod hostile;
mod images;
mod import;
mod index;
mod index_ahead;
mod isolation;
mod killed;
mod layouts;
mod locks;
mod misbehaving;
mod pairs;
mod prove;
mod quiet_and_dry;
mod random_kills;
mod read_only;
mod remove;
mod rounds;
mod scope;
mod secrets;
mod services_down;
mod settings;
mod site;
mod snapshots;
mod taken;
mod up_and_down;
mod upgrade;
mod verbs;
mod without_transactions;
mod workers;
