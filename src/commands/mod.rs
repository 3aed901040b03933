//! One verb, one file: its arguments, its pure plan, its run. What several verbs share stands in
//! files that are named for it.

pub mod adopt;
pub mod boot;
pub mod completions;
pub mod config;
pub mod contract;
pub mod create;
pub mod db;
pub mod history;
pub mod image;
pub mod init;
pub mod job;
pub mod list;
pub mod logs;
pub mod man;
pub mod migrate;
pub mod new;
pub mod recover;
pub mod restart;
pub mod run;
pub mod run_headless;
pub mod services;
pub mod shell;
pub mod shutdown;
pub mod start;
pub mod status;
pub mod stop;

mod adopted;
mod confirm;
pub mod context;
mod database_image;
mod field;
mod first_content;
mod images;
mod index_unknown;
mod instance_files;
mod mail;
mod observed;
mod one_off;
mod pages;
mod ports;
pub mod report;
mod session;
mod take_over;
mod unfinished;
mod upkeep;
