//! A data directory is opened by the family of servers that wrote it, and by no other.

use crate::commands::adopted::{Adopted, FoundIn};
use crate::commands::context::typed;
use crate::error::{Error, Result};
use crate::host::database_files::{self, Writer};
use crate::model::cluster::Cluster;
use crate::model::family::Family;
use crate::model::image::ImageRef;
use crate::model::version::numbers;

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

/// Whether an image is of the series that wrote the data, as far as both are known: a tag without
/// numbers says nothing, and one with the major number alone means whatever is newest of it.
pub fn is_of_series(writer: &Writer, image: &ImageRef) -> bool {
    let (Some(series), Some(tag)) = (&writer.series, image.numbers()) else {
        return true;
    };
    numbers(series).is_none_or(|series| tag.starts_with(&series))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_series_is_major_and_minor() {
        let writer = |series: Option<&str>| Writer {
            family: Family::MariaDb,
            series: series.map(str::to_owned),
        };
        let known = writer(Some("10.11"));
        let is = |image: &str| is_of_series(&known, &ImageRef::parse(image).unwrap());
        for same in [
            "mariadb:10.11",
            "mariadb:10.11.6-jammy",
            "own:prod",
            "sha256:0a",
        ] {
            assert!(is(same), "{same}");
        }
        for other in ["mariadb:10.3", "mariadb:11.4", "foo:1", "mariadb:10"] {
            assert!(!is(other), "{other}");
        }
        let any = ImageRef::parse("mariadb:10.3").unwrap();
        assert!(is_of_series(&writer(None), &any));
    }

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
