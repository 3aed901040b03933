//! This machine: files, configuration on disk, ports, time, chance, signals. No container engine.

pub mod archive;
pub mod build_context;
pub mod chance;
pub mod clock;
pub mod clone;
pub mod crash;
pub mod database_files;
pub mod fifo;
pub mod fifo_in;
pub mod files;
pub mod git;
pub mod identity;
pub mod interrupt;
pub mod inventory;
pub mod lock_holders;
pub mod logins;
pub mod ports;
pub mod priority;
pub mod registry;
pub mod sequence;
pub mod sizes;
pub mod space;
pub mod spool;
pub mod store;
pub mod terminal;
