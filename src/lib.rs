//! kor-cluster: runs clusters of ConedaKOR instances in Docker.
//!
//! The modules stand in layer order; each imports only from those below it (`tests/layers.rs`
//! says so). `docs/architecture.md` is the picture.

pub mod cli;
pub mod commands;
pub mod steps;

pub mod journal;
pub mod services;

pub mod engine;
pub mod host;

pub mod model;

pub mod error;
