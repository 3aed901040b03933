//! An instance that goes, and comes back out of its snapshot.

use std::fs;

use crate::cluster::Cluster;
use crate::docker::containers;
use crate::harness::{files_below, until};
use crate::web::Site;

#[test]
fn a_removed_instance_leaves_nothing_and_comes_back_out_of_its_snapshot() {
    let cluster = Cluster::booted();
    let port = cluster.add("main");
    let other = cluster.add("other");
    cluster.call(["start", "--all"]).ok();
    let site = Site::of(&cluster, "main", port);
    site.upload();
    site.make("Ankhesenamun");
    until("the picture is processed", 30, || {
        cluster.sql("select count(*) from kor_main.media where image_processing") == "0"
    });
    let neighbour = Site::of(&cluster, "other", other);
    let media = || files_below(&cluster.instance_root("main").join("data/media"));
    let pictures = media();
    let password = fs::read(cluster.instance_root("main").join("admin_password")).unwrap();
    // With what an import left behind it goes as well.
    let taken = cluster.instance("main", ["snapshot"]).ok();
    cluster.instance("main", ["import", taken.text()]).ok();
    let port = port.to_string();

    cluster
        .instance("main", ["remove"])
        .expect(6)
        .says(&["--yes"]);
    let said = cluster
        .instance("main", ["remove", "--yes", "--json"])
        .ok()
        .json();
    let snapshot = said["snapshot"].as_str().unwrap();
    cluster.call(["snapshots", "verify", snapshot]).ok();
    assert!(!cluster.instance_root("main").exists());
    assert_eq!(cluster.sql("show databases like 'kor%'"), "kor_other");
    let users = "select user from mysql.global_priv where user like 'kor%'";
    assert_eq!(cluster.sql(users), "kor_other");
    assert!(!containers(cluster.path()).contains(&cluster.web("main")));
    for (directory, left) in [("next", 0), ("work", 0), ("undo", 0)] {
        let path = cluster.root.join(".kor-cluster").join(directory);
        let count = fs::read_dir(path).map_or(0, Iterator::count);
        assert_eq!(count, left, "{directory}");
    }
    assert_eq!(neighbour.get("/info").status, 200);

    let words = ["new", "main", "--port", &port, "--from", snapshot];
    cluster.call(words).ok();
    cluster.instance("main", ["start"]).ok();
    fs::write(
        cluster.instance_root("main").join("admin_password"),
        password,
    )
    .unwrap();
    let site = Site::logged_in(&cluster, "main", port.parse().unwrap());
    assert_eq!(site.found("Ankhesenamun"), 1);
    assert_eq!(media(), pictures);
}

#[test]
fn one_whose_snapshot_fails_is_as_before() {
    let cluster = Cluster::booted();
    let port = cluster.add("main");
    cluster.instance("main", ["start"]).ok();
    // A dump stops at a view whose table is gone.
    cluster.sql(
        "use kor_main; create table gone (id int); create view seen as select id from gone; \
         drop table gone",
    );
    cluster.instance("main", ["remove", "--yes"]).expect(1);
    until("it is up again", 60, || cluster.condition("main") == "up");
    assert_eq!(Site::of(&cluster, "main", port).get("/info").status, 200);
    let files = fs::read_dir(cluster.root.join("snapshots")).unwrap();
    assert_eq!(files.count(), 0);
    cluster
        .instance("main", ["remove", "--yes", "--no-snapshot"])
        .ok();
    assert_eq!(cluster.sql("show databases like 'kor%'"), "");
}
