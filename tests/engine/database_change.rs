//! Another database server in the place of the one that all instances of a cluster share: an older
//! series of MariaDB gives way to a newer one.

use std::fs;

use crate::call::Ran;
use crate::cluster::{Cluster, assert_same};
use crate::directly;
use crate::docker::docker;
use crate::harness::{until, wanted_image};
use crate::upgrading::{assert_nothing_left, names, running, seen_from_outside};
use crate::web::Site;

const NEW: &str = "mariadb:11.8";

/// Two instances that run.
fn with_neighbour() -> (Cluster, Site, Site) {
    wanted_image(NEW, "mariadb 11.8");
    let (cluster, main) = running();
    let port = cluster.add("beside");
    cluster.call(["start", "beside"]).ok();
    let beside = Site::of(&cluster, "beside", port);
    (cluster, main, beside)
}

fn series(cluster: &Cluster) -> String {
    let version = cluster.sql("select version()");
    version.split('.').take(2).collect::<Vec<_>>().join(".")
}

fn upgrade(cluster: &Cluster, version: &str) -> crate::call::Call {
    let words = [
        "upgrade",
        version,
        "--yes",
        "--no-snapshot",
        "--database",
        NEW,
    ];
    cluster.instance("main", words)
}

fn assert_answers(cluster: &Cluster, main: &Site, beside: &Site) {
    for (name, site) in [("main", main), ("beside", beside)] {
        assert_eq!(cluster.condition(name), "up");
        assert!(site.answers());
    }
    assert!(!cluster.root.join("mysql.before").exists());
}

#[test]
fn a_newer_series_comes_with_a_version_or_not_at_all_and_takes_every_row_along() {
    let (cluster, main, beside) = with_neighbour();
    main.make("Ankhesenamun");
    beside.make("Teje");
    assert_eq!(series(&cluster), "10.11");

    let before = seen_from_outside(&cluster);
    let rehearsal = |version| upgrade(&cluster, version).args(["--rehearse"]);
    rehearsal("v5.1.91")
        .expect(1)
        .says(&["migrate the copy to v5.1.91"]);
    rehearsal("v5.1.0").ok();
    assert_same(&seen_from_outside(&cluster), &before);
    assert_nothing_left(&cluster);

    // The version's migration fails, so the old server comes back on the data that it left.
    upgrade(&cluster, "v5.1.91").expect(1);
    assert_eq!(series(&cluster), "10.11");
    assert_answers(&cluster, &main, &beside);
    main.make("Nofretete");

    let said = upgrade(&cluster, "v5.1.0").args(["--json"]).ok().json();
    assert_eq!(said["database"], NEW);
    assert_eq!(series(&cluster), "11.8");
    assert_answers(&cluster, &main, &beside);
    assert_eq!(cluster.status_of("main")["version"], "5.1.0");
    // The server's own tables are of its version as well.
    let info = fs::read_to_string(cluster.root.join("mysql/mariadb_upgrade_info")).unwrap();
    assert!(info.starts_with("11.8"), "{info}");
    let there = names(&cluster);
    assert!(there.contains("Ankhesenamun") && there.contains("Nofretete"));
    let teje = cluster.sql("select count(*) from kor_beside.entities where name = 'Teje'");
    assert_eq!(teje, "1");
    until("the neighbour's is found", 20, || beside.found("Teje") == 1);

    // What the log of the new server has is followed as well, and it stays when a version goes back.
    cluster.instance("main", ["upgrade", "--undo"]).ok();
    assert_eq!(series(&cluster), "11.8");
    main.make("Echnaton");
    let words = ["upgrade", "v5.1.0", "--yes", "--no-snapshot"];
    cluster.instance("main", words).ok();
    assert_nothing_left(&cluster);
    let snapshot = cluster.call(["snapshot", "beside", "--json"]).ok().json();
    let file = snapshot["snapshots"][0]["path"]
        .as_str()
        .unwrap()
        .to_owned();
    cluster.instance("beside", ["import", &file]).ok();
    assert_answers(&cluster, &main, &beside);

    // No way back to a server that does not open what the new one wrote.
    cluster
        .call(["services", "set", "--database", "mariadb:10.11"])
        .expect(6)
        .says(&["no older one opens it"]);
    // Another image of the same series does.
    let other = "mariadb:11.8.99";
    docker(&["tag", NEW, other]).ok();
    let set = cluster.call(["services", "set", "--database", other]).run();
    docker(&["rmi", other]);
    set.ok();
    assert_answers(&cluster, &main, &beside);
    assert!(names(&cluster).contains("Echnaton"));
}

/// The new server works on a copy of the data, which goes where it does not come to stay: by then nobody may
/// have written there.
#[test]
fn no_row_of_a_program_that_has_the_login_is_lost_with_a_server_that_does_not_stay() {
    let (cluster, main, beside) = with_neighbour();
    // One that is down is written to all the same.
    cluster.add("down");
    let all = ["main", "beside", "down"];
    let grants = || all.map(|name| cluster.sql(&format!("show grants for 'kor_{name}'@'%'")));
    let before = grants();
    let meanwhile = |deed: &dyn Fn() -> Ran| {
        let (ran, rows) = directly::meanwhile(&cluster, &all, deed);
        directly::assert_all_there(&cluster, &all, &rows);
        for (name, site) in [("main", &main), ("beside", &beside)] {
            assert_eq!(cluster.condition(name), "up");
            assert!(site.answers());
        }
        assert_eq!(grants(), before);
        assert_nothing_left(&cluster);
        ran
    };
    let fails = || upgrade(&cluster, "v5.1.91");
    meanwhile(&|| fails().run())
        .expect(1)
        .says(&["migrate the copy to v5.1.91"]);
    let mute = || upgrade(&cluster, "v5.1.93").args(["--timeout", "20"]);
    meanwhile(&|| mute().run()).expect(1).says(&["20 s"]);
    // Whoever wants the end while it is undone gets it when all is undone.
    let ran = meanwhile(&|| {
        let running = fails().spawn();
        until("it is undone", 300, || {
            journal(&cluster).contains("undoing")
        });
        running.signal("TERM");
        let ran = running.end();
        // It does not wait then.
        for name in ["main", "beside"] {
            until(name, 60, || cluster.condition(name) == "up");
        }
        ran
    });
    ran.expect(1).says(&["migrate the copy to v5.1.91"]);
    assert_eq!(series(&cluster), "10.11");
    let set = || cluster.call(["services", "set", "--database", NEW]);
    // What could not be taken from him for a while would be lost in it.
    cluster.sql("grant insert on kor_down.tags to 'kor_down'@'%'");
    let refused = set().run();
    cluster.sql("revoke insert on kor_down.tags from 'kor_down'@'%'");
    refused.expect(6).says(&["kor_down", "single tables"]);
    meanwhile(&|| set().run()).ok();
    assert_eq!(series(&cluster), "11.8");
}

/// What is written down of the operation that is under way.
fn journal(cluster: &Cluster) -> String {
    let files = fs::read_dir(cluster.root.join(".kor-cluster/journal")).unwrap();
    let texts = files.map(|file| fs::read_to_string(file.unwrap().path()).unwrap_or_default());
    texts.collect()
}
