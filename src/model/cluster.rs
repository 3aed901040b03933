//! A cluster as its `config.sh` describes it.

use std::net::IpAddr;
use std::path::Path;

use crate::error::{Error, Result};
use crate::model::image::{ImageRef, Mirror};
use crate::model::key_values::KeyValues;
use crate::model::layout::ClusterLayout;
use crate::model::memory::Bytes;
use crate::model::name::Name;
use crate::model::port::Port;
use crate::model::secret::Secret;
use crate::model::source::Source;

/// The keys of a cluster's `config.sh`.
pub mod key {
    /// The cluster's directory (the original's key; where the file lies counts).
    pub const CLUSTER_ROOT: &str = "CLUSTER_ROOT";
    /// The name that containers start with.
    pub const CLUSTER_NAME: &str = "CLUSTER_NAME";
    /// The port of the reverse proxy.
    pub const CLUSTER_PORT: &str = "CLUSTER_PORT";
    /// The database's administrator.
    pub const DB_USERNAME: &str = "DB_USERNAME";
    /// The administrator's password.
    pub const DB_PASSWORD: &str = "DB_PASSWORD";
    /// The database server's image.
    pub const DATABASE_IMAGE: &str = "DATABASE_IMAGE";
    /// The most memory that the database server may take.
    pub const DATABASE_MEMORY: &str = "DATABASE_MEMORY";
    /// The search server's image.
    pub const SEARCH_IMAGE: &str = "SEARCH_IMAGE";
    /// The most memory that the search server may take; half of it is its heap.
    pub const SEARCH_MEMORY: &str = "SEARCH_MEMORY";
    /// The repository of ConedaKOR's images, in the place of the contract's.
    pub const APP_REPOSITORY: &str = "APP_REPOSITORY";
    /// What images of ConedaKOR are built from, in the place of the contract's source.
    pub const APP_SOURCE: &str = "APP_SOURCE";
    /// The registry that is asked first for images that name none.
    pub const IMAGE_MIRROR: &str = "IMAGE_MIRROR";
    /// The most memory that each of an instance's containers may take.
    pub const APP_MEMORY: &str = "APP_MEMORY";
    /// The host's address that instances are published on.
    pub const BIND_ADDRESS: &str = "BIND_ADDRESS";
    /// Whether an instance without mail settings is refused.
    pub const REQUIRE_MAIL: &str = "REQUIRE_MAIL";
    /// How much binary log the database keeps at most.
    pub const BINLOG_LIMIT: &str = "BINLOG_LIMIT";
    /// Mail settings start with it; they reach new instances under the same names.
    pub const MAIL_PREFIX: &str = "MAIL_";
}

/// The values that `create` writes where nothing else is said. Together with one instance they
/// fit a machine of 4 GiB.
pub mod default {
    /// The long-term series that upstream runs on.
    pub const DATABASE_IMAGE: &str = "mariadb:10.11";
    /// The version that upstream ships.
    pub const SEARCH_IMAGE: &str = "elasticsearch:5.6.16";
    /// See the module.
    pub const DATABASE_MEMORY: &str = "1g";
    /// See the module.
    pub const SEARCH_MEMORY: &str = "1g";
    /// See the module.
    pub const APP_MEMORY: &str = "1g";
    /// The original's: the reverse proxy's port.
    pub const CLUSTER_PORT: &str = "80";
    /// All addresses, as the original publishes them.
    pub const BIND_ADDRESS: &str = "0.0.0.0";
    /// See [`super::key::BINLOG_LIMIT`].
    pub const BINLOG_LIMIT: &str = "10g";
}

/// A cluster.
#[derive(Debug, Clone)]
pub struct Cluster {
    /// The name that its containers start with.
    pub name: Name,
    /// Its paths.
    pub layout: ClusterLayout,
    /// The reverse proxy's port.
    pub port: Port,
    /// The administrator's password.
    pub database_password: Secret,
    /// The database server's image.
    pub database_image: ImageRef,
    /// The database server's memory.
    pub database_memory: Bytes,
    /// The search server's image.
    pub search_image: ImageRef,
    /// The search server's memory.
    pub search_memory: Bytes,
    /// In the place of the contract's repository.
    pub app_repository: Option<String>,
    /// In the place of the contract's source.
    pub app_source: Option<Source>,
    /// The registry that is asked first for images that name none.
    pub image_mirror: Option<Mirror>,
    /// The memory of each of an instance's containers.
    pub app_memory: Bytes,
    /// The host's address that instances are published on.
    pub bind_address: IpAddr,
    /// Whether an instance without mail settings is refused.
    pub require_mail: bool,
    /// How much binary log the database keeps at most.
    pub binlog_limit: Bytes,
    /// The whole file, with keys that nobody here knows.
    pub config: KeyValues,
}

impl Cluster {
    /// The cluster that a `config.sh` in this directory describes.
    ///
    /// # Errors
    /// Exit 1 where a value is missing or wrong, with the file and the key.
    pub fn from_config(root: &Path, config: KeyValues) -> Result<Self> {
        let layout = ClusterLayout::new(root);
        let file = layout.config();
        let or = |key: &str, default: &str| config.get(key).unwrap_or_else(|| default.to_owned());
        let in_file = |key: &str, error: Error| {
            Error::failed(format!("{key} in {} cannot be used", file.display()))
                .why(error)
                .next(format!("mend {key} in that file"))
        };
        let needed = |key: &str| {
            config.get(key).ok_or_else(|| {
                Error::failed(format!("{} has no {key}", file.display()))
                    .next(format!("add a line {key}=… to that file"))
            })
        };
        let image = |key: &str, default: &str| {
            ImageRef::parse(&or(key, default)).map_err(|e| in_file(key, e))
        };
        let bytes =
            |key: &str, default: &str| Bytes::parse(&or(key, default)).map_err(|e| in_file(key, e));
        let given = |key: &str| config.get(key).filter(|text| !text.is_empty());
        Ok(Cluster {
            name: Name::on_disk(&needed(key::CLUSTER_NAME)?)
                .map_err(|e| in_file(key::CLUSTER_NAME, e))?,
            port: Port::parse(&or(key::CLUSTER_PORT, default::CLUSTER_PORT))
                .map_err(|e| in_file(key::CLUSTER_PORT, e))?,
            database_password: Secret::new(needed(key::DB_PASSWORD)?),
            database_image: image(key::DATABASE_IMAGE, default::DATABASE_IMAGE)?,
            database_memory: bytes(key::DATABASE_MEMORY, default::DATABASE_MEMORY)?,
            search_image: image(key::SEARCH_IMAGE, default::SEARCH_IMAGE)?,
            search_memory: bytes(key::SEARCH_MEMORY, default::SEARCH_MEMORY)?,
            app_repository: config.get(key::APP_REPOSITORY).filter(|r| !r.is_empty()),
            app_source: given(key::APP_SOURCE)
                .map(|text| Source::absolute(&text))
                .transpose()
                .map_err(|e| in_file(key::APP_SOURCE, e))?,
            image_mirror: given(key::IMAGE_MIRROR)
                .map(|text| Mirror::parse(&text))
                .transpose()
                .map_err(|e| in_file(key::IMAGE_MIRROR, e))?,
            app_memory: bytes(key::APP_MEMORY, default::APP_MEMORY)?,
            bind_address: parse_address(&or(key::BIND_ADDRESS, default::BIND_ADDRESS))
                .map_err(|e| in_file(key::BIND_ADDRESS, e))?,
            require_mail: parse_switch(&or(key::REQUIRE_MAIL, "false"))
                .map_err(|e| in_file(key::REQUIRE_MAIL, e))?,
            binlog_limit: bytes(key::BINLOG_LIMIT, default::BINLOG_LIMIT)?,
            layout,
            config,
        })
    }

    /// The mail settings, under the names that they have in an instance's environment file.
    pub fn mail(&self) -> Vec<(String, String)> {
        self.config
            .keys()
            .into_iter()
            .filter(|key| key.starts_with(key::MAIL_PREFIX))
            .filter_map(|key| Some((key.to_owned(), self.config.get(key)?)))
            .filter(|(_, value)| !value.is_empty())
            .collect()
    }
}

/// `true` or `false`.
///
/// # Errors
/// Exit 2 for anything else.
pub fn parse_switch(text: &str) -> Result<bool> {
    match text {
        "true" => Ok(true),
        "false" => Ok(false),
        _ => Err(Error::usage(format!("{text:?} is neither true nor false"))),
    }
}

/// An address of the host.
///
/// # Errors
/// Exit 2 where it is none.
pub fn parse_address(text: &str) -> Result<IpAddr> {
    text.parse()
        .map_err(|_| Error::usage(format!("{text:?} is no address such as 127.0.0.1")))
}

/// Checks one value before it is written to a cluster's `config.sh`.
///
/// # Errors
/// Exit 2 where the value does not fit its key, exit 6 where the key is not to be changed.
pub fn check_setting(key: &str, value: Option<&str>) -> Result<()> {
    if [
        key::CLUSTER_ROOT,
        key::CLUSTER_NAME,
        key::DB_USERNAME,
        key::DB_PASSWORD,
    ]
    .contains(&key)
    {
        return Err(Error::refused(format!("{key} cannot be changed"))
            .why("containers, files and accounts carry it"));
    }
    let Some(value) = value else { return Ok(()) };
    match key {
        key::CLUSTER_PORT => drop(Port::parse(value)?),
        key::DATABASE_IMAGE | key::SEARCH_IMAGE => drop(ImageRef::parse(value)?),
        key::APP_REPOSITORY => drop(ImageRef::of(value, "tag")?),
        key::APP_SOURCE => drop(Source::absolute(value)?),
        key::IMAGE_MIRROR => drop(Mirror::parse(value)?),
        key::DATABASE_MEMORY | key::SEARCH_MEMORY | key::APP_MEMORY | key::BINLOG_LIMIT => {
            Bytes::parse(value)?;
        }
        key::BIND_ADDRESS => drop(parse_address(value)?),
        key::REQUIRE_MAIL => drop(parse_switch(value)?),
        _ => {}
    }
    Ok(())
}
