//! What is written to a new version in the seconds after its start stays, although its upgrade was killed in
//! the middle of them and it does not run any more.

use std::fs;

use crate::call::Ran;
use crate::cluster::Cluster;
use crate::docker::docker;
use crate::harness::until;
use crate::upgrading::{assert_nothing_left, names, running};
use crate::web::Site;

const UPGRADE: [&str; 4] = ["upgrade", "v5.1.0", "--yes", "--no-snapshot"];

/// Where the new web process was just started, and nothing says so yet.
const STARTED: &str = "before others write to new content+5";

/// An upgrade that was killed there; then somebody wrote a row and a file, and it ended.
fn killed_and_written() -> (Cluster, Site) {
    let (cluster, site) = running();
    site.make("Ankhesenamun");
    cluster
        .instance("main", UPGRADE)
        .env("KOR_CLUSTER_CRASH_AT", STARTED)
        .expect(128 + 9);
    assert_eq!(cluster.status_of("main")["asked_version"], "v5.1.0");
    until("it answers", 60, || site.answers());
    site.make("Nofretete");
    fs::write(cluster.instance_root("main").join("data/written"), "w").unwrap();
    docker(&["rm", "-f", &cluster.web("main")]);
    (cluster, site)
}

fn recover(cluster: &Cluster, more: &[&'static str]) -> Ran {
    let words = ["recover"].into_iter().chain(more.iter().copied());
    cluster.call(words).run()
}

#[test]
fn it_is_finished_and_what_was_written_is_there() {
    let (cluster, site) = killed_and_written();
    recover(&cluster, &[])
        .expect(0)
        .says(&["was written to", "entities", "1 file new: written"]);
    assert_eq!(cluster.status_of("main")["version"], "5.1.0");
    assert!(names(&cluster).contains("Nofretete"));
    assert!(cluster.instance_root("main").join("data/written").exists());
    assert_nothing_left(&cluster);
    recover(&cluster, &[]).expect(0).says(&["nothing was"]);
    site.make("Teje");
}

#[test]
fn where_it_cannot_be_finished_it_goes_back_and_what_was_written_is_in_a_snapshot() {
    let (cluster, site) = killed_and_written();
    // The application finds no database any more.
    let file = cluster.instance_root("main").join(".env");
    let text = fs::read_to_string(&file).unwrap();
    fs::write(&file, text.replace("DATABASE_URL='", "DATABASE_URL='no")).unwrap();
    let recovered = recover(&cluster, &["--timeout", "20"]).expect(1);
    until("the old one answers", 60, || {
        cluster.condition("main") == "up"
    });
    assert_eq!(cluster.status_of("main")["version"], "5.0.1");
    assert!(!names(&cluster).contains("Nofretete"));
    assert!(!cluster.instance_root("main").join("data/written").exists());
    assert_nothing_left(&cluster);
    let said = recovered.err.split("that is in ").nth(1).unwrap();
    let snapshot = said.split_whitespace().next().unwrap();
    cluster
        .call(["new", "beside", "--yes", "--from", snapshot])
        .ok();
    let found = cluster.sql(&format!(
        "select count(*) from {}.entities where name = 'Nofretete'",
        cluster.schema("beside")
    ));
    assert_eq!(found, "1");
    assert!(
        cluster
            .instance_root("beside")
            .join("data/written")
            .exists()
    );
    site.make("Teje");
}
