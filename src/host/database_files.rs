//! Who wrote a database server's data directory, read from the files in it.

use std::path::Path;

use crate::error::Result;
use crate::host::files;
use crate::model::family::Family;

/// Who wrote a data directory.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Writer {
    /// The family.
    pub family: Family,
    /// `MAJOR.MINOR`, where a file says so.
    pub series: Option<String>,
}

impl Writer {
    /// The public image of this series, where the series is known.
    pub fn image(&self) -> Option<String> {
        let repository = match self.family {
            Family::MariaDb => "mariadb",
            Family::MySql => "mysql",
        };
        Some(format!("{repository}:{}", self.series.as_ref()?))
    }

    /// The writer, for an operator.
    pub fn words(&self) -> String {
        match &self.series {
            Some(series) => format!("{} {series}", self.family),
            None => self.family.to_string(),
        }
    }
}

/// Who wrote the data directory at `path`; nobody where there is none or nothing of a database in
/// it.
///
/// # Errors
/// Exit 1 or 6 where it cannot be read.
pub fn writer(path: &Path) -> Result<Option<Writer>> {
    let names = files::names_in(path)?;
    let texts = |name: &str| {
        // A few words in a file that the server writes as it likes.
        std::fs::read(path.join(name))
            .ok()
            .map(|bytes| String::from_utf8_lossy(&bytes).into_owned())
    };
    Ok(tell(&names, &texts))
}

/// Tells the writer by the names in the directory and by what the small text files say.
///
/// - MariaDB has `aria_log_control` from 5.1 on, or says its name in `mariadb_upgrade_info`
///   (`mysql_upgrade_info` before 10.11).
/// - MySQL 8.0 on has `mysql.ibd`; 8.4 on writes `mysql_upgrade_history`, all before wrote
///   `mysql_upgrade_info` when they were upgraded; 5.7 has the schema `sys`. 5.5 and 5.6 cannot be
///   told apart.
fn tell(names: &[String], text: &dyn Fn(&str) -> Option<String>) -> Option<Writer> {
    let has = |name: &str| names.iter().any(|n| n == name);
    let said = |name: &str| has(name).then(|| text(name)).flatten();
    let info = said("mariadb_upgrade_info").or_else(|| said("mysql_upgrade_info"));
    let says_mariadb = info.as_ref().is_some_and(|text| text.contains("MariaDB"));
    if has("aria_log_control") || has("mariadb_upgrade_info") || says_mariadb {
        return Some(Writer {
            family: Family::MariaDb,
            series: info.as_deref().and_then(series),
        });
    }
    let history = said("mysql_upgrade_history").and_then(|json| last_version(&json));
    if history.is_some() || has("mysql_upgrade_history") || has("mysql.ibd") || has("ibdata1") {
        let sys = || (has("sys") && !has("mysql.ibd")).then(|| "5.7".to_owned());
        return Some(Writer {
            family: Family::MySql,
            series: history
                .or_else(|| info.as_deref().and_then(series))
                .or_else(sys),
        });
    }
    None
}

/// `MAJOR.MINOR` of a version.
fn series(version: &str) -> Option<String> {
    let mut numbers = version
        .trim()
        .split(['.', '-'])
        .map_while(|part| part.parse::<u32>().ok());
    Some(format!("{}.{}", numbers.next()?, numbers.next()?))
}

/// The series of the last entry in MySQL's own history of its upgrades.
fn last_version(json: &str) -> Option<String> {
    let history: serde_json::Value = serde_json::from_str(json.trim_end_matches('\0')).ok()?;
    let entries = history.get("upgrade_history")?.as_array()?;
    series(entries.last()?.get("version")?.as_str()?)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The writer of a directory with these names, some of which have a text.
    fn told(files: &[(&str, &str)]) -> Option<(Family, Option<String>)> {
        let names: Vec<String> = files.iter().map(|(name, _)| (*name).to_owned()).collect();
        let text = |name: &str| {
            let found = files.iter().find(|(n, _)| *n == name);
            found.map(|(_, text)| (*text).to_owned())
        };
        tell(&names, &text).map(|w| (w.family, w.series))
    }

    #[test]
    fn the_layouts_of_all_servers_in_the_field_are_told() {
        use Family::{MariaDb, MySql};
        let some = |text: &str| Some(text.to_owned());
        let old = [("ibdata1", ""), ("ib_logfile0", ""), ("mysql", "")];
        let with = |more: &[(&'static str, &'static str)]| [&old[..], more].concat();
        for (files, expected) in [
            (vec![], None),
            (vec![("lost+found", "")], None),
            // 5.5 and 5.6
            (old.to_vec(), Some((MySql, None))),
            (
                with(&[("mysql_upgrade_info", "5.5.62")]),
                Some((MySql, some("5.5"))),
            ),
            (
                with(&[("auto.cnf", ""), ("mysql_upgrade_info", "5.6.51\n")]),
                Some((MySql, some("5.6"))),
            ),
            // 5.7
            (
                with(&[("auto.cnf", ""), ("sys", ""), ("ca.pem", "")]),
                Some((MySql, some("5.7"))),
            ),
            (
                with(&[("sys", ""), ("mysql_upgrade_info", "5.7.44")]),
                Some((MySql, some("5.7"))),
            ),
            // 8.0
            (with(&[("mysql.ibd", ""), ("sys", "")]), Some((MySql, None))),
            (
                with(&[
                    ("mysql.ibd", ""),
                    ("sys", ""),
                    ("mysql_upgrade_info", "8.0.36"),
                ]),
                Some((MySql, some("8.0"))),
            ),
            // 8.4 and 9
            (
                with(&[
                    ("mysql.ibd", ""),
                    (
                        "mysql_upgrade_history",
                        r#"{"file_format":"1","upgrade_history":[{"date":"2024-05-01 10:00:00","version":"8.0.37","maturity":"LTS","initialize":true},{"date":"2024-06-01 10:00:00","version":"8.4.0","maturity":"LTS"}]}"#,
                    ),
                ]),
                Some((MySql, some("8.4"))),
            ),
            (
                with(&[
                    ("mysql.ibd", ""),
                    (
                        "mysql_upgrade_history",
                        r#"{"file_format":"1","upgrade_history":[{"date":"2024-07-01 10:00:00","version":"9.0.1","maturity":"INNOVATION","initialize":true}]}"#,
                    ),
                ]),
                Some((MySql, some("9.0"))),
            ),
            // MariaDB
            (
                with(&[
                    ("aria_log_control", ""),
                    ("mysql_upgrade_info", "10.1.48-MariaDB"),
                ]),
                Some((MariaDb, some("10.1"))),
            ),
            (
                with(&[
                    ("aria_log_control", ""),
                    ("sys", ""),
                    ("mysql_upgrade_info", "10.11.6-MariaDB"),
                ]),
                Some((MariaDb, some("10.11"))),
            ),
            (
                with(&[
                    ("aria_log_control", ""),
                    ("undo001", ""),
                    ("mariadb_upgrade_info", "11.4.2-MariaDB"),
                ]),
                Some((MariaDb, some("11.4"))),
            ),
            (with(&[("aria_log_control", "")]), Some((MariaDb, None))),
            (
                with(&[("mysql_upgrade_info", "10.3.39-MariaDB")]),
                Some((MariaDb, some("10.3"))),
            ),
        ] {
            assert_eq!(told(&files), expected, "{files:?}");
        }
    }

    #[test]
    fn a_known_series_has_an_image() {
        let writer = |series: Option<&str>| Writer {
            family: Family::MySql,
            series: series.map(str::to_owned),
        };
        assert_eq!(writer(Some("5.7")).image().as_deref(), Some("mysql:5.7"));
        assert_eq!(writer(None).image(), None);
    }
}
