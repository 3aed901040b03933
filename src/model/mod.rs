//! Pure nouns: what a cluster, an instance, a container and a contract are. No input or output.

pub mod cluster;
pub mod container;
pub mod contract;
pub mod credentials;
pub mod database_file;
pub mod database_url;
pub mod docker_ignore;
pub mod env_file;
pub mod family;
pub mod health;
pub mod image;
pub mod instance;
pub mod key_values;
pub mod label;
pub mod layout;
pub mod memory;
pub mod name;
pub mod page;
pub mod port;
pub mod scope;
pub mod secret;
pub mod snapshot;
pub mod source;
pub mod sql;
pub mod undo;
pub mod version;
