//! A data directory is opened by the family of servers that wrote it, and by no other.

use crate::commands::adopted::{Adopted, FoundIn};
use crate::commands::context::typed;
use crate::error::{Error, Result};
use crate::host::database_files::{self, Writer};
use crate::model::cluster::Cluster;
use crate::model::family::Family;
use crate::model::image::ImageRef;

/// Refuses a database image of another family than the one that wrote the cluster's data.
///
/// # Errors
/// Exit 6 naming both, 1 where the directory cannot be read.
pub fn check(cluster: &Cluster, adopted: Option<&Adopted>) -> Result<()> {
    let Some(writer) = database_files::writer(&cluster.layout.database_data())? else {
        return Ok(());
    };
    let image = &cluster.database_image;
    let wrote_it = adopted
        .is_some_and(|a| a.database.found_in == FoundIn::Container && a.database.image == *image);
    if fits(&writer, image, wrote_it) {
        return Ok(());
    }
    let right = writer.image().unwrap_or_else(|| "IMAGE".to_owned());
    Err(Error::refused(format!(
        "the data in {} is not opened with {image}",
        cluster.layout.database_data().display()
    ))
    .why(format!("{} wrote it", writer.words()))
    .next(format!(
        "{} {right}",
        typed(&cluster.layout.link(), "config set DATABASE_IMAGE")
    )))
}

/// Whether an image may open what a server wrote. An image whose name tells another family may
/// where its own container wrote the data: an operator may have tagged MariaDB as `mysql`.
pub fn fits(writer: &Writer, image: &ImageRef, wrote_it: bool) -> bool {
    match Family::of_image(image) {
        Some(family) if family != writer.family => wrote_it && writer.family == Family::MariaDb,
        _ => true,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_family_opens_its_own() {
        let writer = |family| Writer {
            family,
            series: None,
        };
        let image = |text| ImageRef::parse(text).unwrap();
        let mysql = writer(Family::MySql);
        let mariadb = writer(Family::MariaDb);
        assert!(fits(&mysql, &image("mysql:5.7"), false));
        assert!(fits(&mysql, &image("sha256:00"), false));
        assert!(!fits(&mysql, &image("mariadb:10.11"), true));
        assert!(fits(&mariadb, &image("mariadb:10.11"), false));
        assert!(!fits(&mariadb, &image("mysql"), false));
        assert!(
            fits(&mariadb, &image("mysql"), true),
            "its own container wrote it"
        );
    }
}
