//! The two families of database servers. One cannot open what the other wrote, but for the oldest
//! versions.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::model::image::ImageRef;

/// A family of database servers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Family {
    /// MariaDB
    MariaDb,
    /// MySQL, and what is built from it
    MySql,
}

impl Family {
    /// The family that an image's name says; none where it says nothing (an id, a name of one's
    /// own).
    pub fn of_image(image: &ImageRef) -> Option<Self> {
        let name = image.repository().rsplit('/').next().unwrap_or_default();
        if name.contains("mariadb") {
            Some(Family::MariaDb)
        } else if name.contains("mysql") || name.contains("percona") {
            Some(Family::MySql)
        } else {
            None
        }
    }
}

impl fmt::Display for Family {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Family::MariaDb => "MariaDB",
            Family::MySql => "MySQL",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_tells_the_family_or_nothing() {
        let of = |text: &str| Family::of_image(&ImageRef::parse(text).unwrap());
        assert_eq!(of("mariadb:10.11"), Some(Family::MariaDb));
        assert_eq!(of("example.org:5000/x/mariadb"), Some(Family::MariaDb));
        assert_eq!(of("mysql"), Some(Family::MySql));
        assert_eq!(of("mysql/mysql-server:8.0"), Some(Family::MySql));
        assert_eq!(of("percona:5.7"), Some(Family::MySql));
        assert_eq!(of("sha256:0123"), None);
        assert_eq!(of("mysql.example.org/database:1"), None);
    }
}
