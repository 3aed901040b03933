//! Snapshots of tables that have no transactions.

use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use crate::cluster::{Cluster, shared};
use crate::harness::{called_plainly, fresh_name};
use crate::snapshots::{take, unpacked};
use crate::writers::{Client, EndOf};

/// The rows of a table, and of the view on it, in an unpacked snapshot.
fn loaded(cluster: &Cluster, place: &Path) -> String {
    let schema = fresh_name();
    cluster.sql(&format!("create database {schema}"));
    let script = "cat \"$1\"/db.sql.* | docker exec -i \"$0\" mariadb \
                  --defaults-extra-file=/etc/kor-cluster/client.cnf --host=localhost \"$2\"";
    let database = cluster.database();
    let words = ["-ec", script, &database, place.to_str().unwrap(), &schema];
    called_plainly("bash", &words).ok();
    let rows = cluster.sql(&format!(
        "select (select count(*) from {schema}.kct_old), (select count(*) from {schema}.kct_seen), \
         (select count(*) from {schema}.kct_new)"
    ));
    cluster.sql(&format!("drop database {schema}"));
    rows
}

#[test]
fn small_ones_are_of_the_same_moment_and_large_ones_want_read_only() {
    let turn = shared();
    let cluster = &turn.cluster;
    cluster.sql(
        "create table kor_axb.kct_old (id int auto_increment primary key, t text) engine = MyISAM; \
         create table kor_axb.kct_new (id int auto_increment primary key); \
         create view kor_axb.kct_seen as select id from kor_axb.kct_old",
    );
    let over = AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            let mut client = Client::of(cluster, "kor_axb");
            while !over.load(Ordering::Relaxed) {
                // What fails because it waits for the hold has written to neither.
                let both = "begin; insert into kct_new values (null); \
                            insert into kct_old (t) values ('x'); commit;";
                if !client.tries(both) {
                    client = Client::of(cluster, "kor_axb");
                }
            }
        });
        let _end = EndOf(&over);
        for _ in 0..3 {
            std::thread::sleep(Duration::from_millis(1100));
            let taken = take(cluster, "axb", &[]);
            let rows = loaded(cluster, &unpacked(taken["path"].as_str().unwrap()));
            let counts: Vec<&str> = rows.split_whitespace().collect();
            assert!(counts.iter().all(|count| *count == counts[0]), "{rows}");
            assert_eq!(taken["manifest"]["rows"]["kct_old"].to_string(), counts[0]);
        }
    });
    cluster
        .sql("insert into kor_axb.kct_old (t) select repeat('x', 1000) from mysql.seq_1_to_40000");
    cluster
        .instance("axb", ["snapshot"])
        .expect(6)
        .says(&["kct_old", "--hold read-only"]);
    let taken = take(cluster, "axb", &["--hold", "read-only"]);
    assert_eq!(
        taken["manifest"]["rows"]["kct_old"].to_string(),
        cluster.sql("select count(*) from kor_axb.kct_old").trim()
    );
    cluster
        .sql("drop view kor_axb.kct_seen; drop table kor_axb.kct_old; drop table kor_axb.kct_new");
}
