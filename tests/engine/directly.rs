//! Programs beside the application that have an instance's login, and write to its tables directly.

use std::fs;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::time::Duration;

use crate::call::Ran;
use crate::cluster::Cluster;
use crate::docker::docker;
use crate::writers::EndOf;

/// Between two writes.
const PAUSE: Duration = Duration::from_millis(50);

/// Writes a row with the login of this moment; whether that was acknowledged.
pub fn writes(cluster: &Cluster, instance: &str, row: &str) -> bool {
    let login = fs::read_to_string(cluster.instance_root(instance).join("mysql.cnf")).unwrap();
    let value = |key: &str| {
        let mut lines = login.lines();
        let value = lines.find_map(|line| line.strip_prefix(key)).unwrap();
        value.to_owned()
    };
    let user = value("user=");
    let ran = docker(&[
        "exec",
        "-e",
        &format!("MYSQL_PWD={}", value("password=")),
        &cluster.database(),
        "mariadb",
        "--protocol=tcp",
        "--host=127.0.0.1",
        &format!("--user={user}"),
        &format!("kor_{instance}"),
        "-e",
        &format!("insert into tags (name) values ('{row}')"),
    ]);
    ran.code == 0
}

/// Does something while such a program writes to each of these instances; the rows that were
/// acknowledged, by instance.
pub fn meanwhile(
    cluster: &Cluster,
    instances: &[&'static str],
    deed: impl FnOnce() -> Ran,
) -> (Ran, Vec<(&'static str, String)>) {
    static NUMBER: AtomicU32 = AtomicU32::new(0);
    let over = AtomicBool::new(false);
    let acknowledged = Mutex::new(Vec::new());
    let ran = std::thread::scope(|scope| {
        let _end = EndOf(&over);
        for instance in instances {
            scope.spawn(|| {
                while !over.load(Ordering::Relaxed) {
                    let row = format!("d{}", NUMBER.fetch_add(1, Ordering::Relaxed));
                    if writes(cluster, instance, &row) {
                        acknowledged.lock().unwrap().push((*instance, row));
                    }
                    // Each is a process of its own, and others work here too.
                    std::thread::sleep(PAUSE);
                }
            });
        }
        deed()
    });
    (ran, acknowledged.into_inner().unwrap())
}

/// Fails where an acknowledged row is not there, or an instance has none.
#[track_caller]
pub fn assert_all_there(cluster: &Cluster, instances: &[&str], rows: &[(&str, String)]) {
    for instance in instances {
        let there = cluster.sql(&format!("select name from kor_{instance}.tags"));
        let mut of_it = rows.iter().filter(|(of, _)| of == instance).peekable();
        assert!(of_it.peek().is_some(), "{instance} was not written to");
        let lost = of_it.find(|(_, row)| !there.lines().any(|line| line == row));
        assert_eq!(lost, None);
    }
}
