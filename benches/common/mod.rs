//! What the benches of snapshots, imports and upgrades have in common: the data set, the work on the site, and how
//! programs are run and measured. Only the standard library is used, so that a plain `rustc` is enough.

// Each of them uses its part.
#![allow(dead_code)]

pub mod data;
pub mod place;
pub mod rows;
pub mod run;
pub mod site;
pub mod start_up;
pub mod table;

/// With what went wrong as text.
pub type Result<T> = std::result::Result<T, String>;

/// How a bench ended, for whoever called it.
pub fn outcome(bench: &str, done: Result<()>) -> std::process::ExitCode {
    match done {
        Ok(()) => std::process::ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error}\n next: script/bench {bench}");
            std::process::ExitCode::FAILURE
        }
    }
}
