//! A rehearsal of an upgrade that brings another server along: on servers of its own, beside those of the
//! cluster, which nobody notices.

use kor_cluster::model::container::State::Exited as Ended;

use crate::bench::Bench;
use crate::place::Place;
use crate::search_change::with_old_server;
use crate::snapshot::State;

const CLUSTER: &str = "c/cluster.sh";
const INSTANCE: &str = "c/instances/a/instance.sh";
const SEARCH: &str = "elasticsearch:5.6.16";
const SERVERS: [&str; 2] = ["c__a_elastic", "c__a_mysql"];

/// With another search server, which the version wants.
pub const WITH_SEARCH: &[&str] = &["upgrade", "v5.0.1", "--rehearse", "--search", SEARCH];
/// With another database server, which it does not.
pub const WITH_DATABASE: &[&str] = &[
    "upgrade",
    "v5.1.0",
    "--yes",
    "--rehearse",
    "--database",
    "mariadb:11.8",
];

fn servers(place: &Place) -> Vec<String> {
    let world = place.world();
    let names = world.containers.keys();
    names.filter(|name| name.contains("__")).cloned().collect()
}

/// Ends it where the copy is in servers of its own.
fn killed_on_its_servers(place: &Place) {
    let mut command = place.tool(place.join(INSTANCE));
    command
        .args(WITH_SEARCH)
        .env("KOR_CLUSTER_CRASH_AT", "after a schema was copied+0");
    assert_eq!(command.output().unwrap().status.code(), None);
    assert_eq!(servers(place), SERVERS);
}

#[test]
fn it_is_on_servers_of_its_own_and_leaves_nothing_of_them() {
    let place = Place::new();
    with_old_server(&place);
    let before = State::of(&place);
    let planned = place.link(INSTANCE, &[WITH_SEARCH, &["--dry-run"]].concat());
    let planned = planned.done().out;
    for server in SERVERS {
        assert!(planned.contains(server), "{planned}");
    }
    let said = place.link(INSTANCE, &[WITH_SEARCH, &["--json"]].concat());
    let said = said.done().json();
    assert_eq!(said["search"], SEARCH);
    assert_eq!(said["database"], serde_json::Value::Null);
    assert_eq!(said["copied_bytes"], serde_json::Value::Null);
    assert_eq!(said["read_refused_ms"], said["start_up_ms"]);
    let differs = State::of(&place).differences(&before);
    assert!(differs.is_empty(), "{differs:?}");
}

#[test]
fn with_another_database_readers_wait_as_long_as_writers() {
    let place = Place::new();
    crate::prepared::started(&place);
    let before = State::of(&place);
    let rehearsed = place.link(INSTANCE, WITH_DATABASE).done().out;
    assert!(
        rehearsed.contains("all instances of the cluster"),
        "{rehearsed}"
    );
    let said = place.link(INSTANCE, &[WITH_DATABASE, &["--json"]].concat());
    let said = said.done().json();
    assert_eq!(said["database"], "mariadb:11.8");
    assert!(said["copied_bytes"].is_u64());
    assert_eq!(said["read_refused_ms"], said["write_refused_ms"]);
    assert_eq!(State::of(&place), before);
}

#[test]
fn nobody_waits_for_one_that_is_down() {
    let place = Place::new();
    crate::prepared::started(&place);
    let words = ["upgrade", "v5.1.0", "--yes", "--rehearse"];
    let rehearsed = place.link(INSTANCE, &words).done().out;
    assert!(rehearsed.contains("readers would"), "{rehearsed}");
    place.link(INSTANCE, &["stop"]).done();
    let rehearsed = place.link(INSTANCE, &words).done().out;
    assert!(rehearsed.contains("for it is down"), "{rehearsed}");
    assert!(!rehearsed.contains("readers would"), "{rehearsed}");
}

#[test]
fn what_the_upgrade_is_refused_for_its_rehearsal_is_refused_for() {
    let place = Place::new();
    with_old_server(&place);
    let words = ["new", "d", "--version", "v2.1.0", "--port", "18003"];
    place.link(CLUSTER, &words).done();
    let before = State::of(&place);
    let refused = place.link(INSTANCE, WITH_SEARCH).with(6);
    assert!(refused.err.contains("d (v2.1.0)"), "{}", refused.err);
    assert_eq!(State::of(&place), before);
}

/// Wherever it is cut off: one that ended cannot be asked any more, and one that is gone is not missed.
#[test]
fn after_a_crash_nobody_needs_its_servers() {
    let bench = Bench::of({
        let place = Place::in_memory();
        with_old_server(&place);
        place
    });
    let place = &bench.place;
    let before = State::of(place);
    let mut on_servers = 0;
    for at in (1..).step_by(4) {
        bench.restore();
        let mut command = place.tool(place.join(INSTANCE));
        command
            .args(WITH_SEARCH)
            .env("KOR_CLUSTER_CRASH_AT", at.to_string());
        if command.output().unwrap().status.code().is_some() {
            break;
        }
        on_servers += usize::from(servers(place) == SERVERS);
        place.change_world(|world| {
            let gone = SERVERS[at / 4 % 2];
            world.containers.remove(gone);
            world.databases.remove(gone);
            world.searches.remove(gone);
            for server in SERVERS {
                if let Some(server) = world.containers.get_mut(server) {
                    server.state = Ended;
                }
            }
        });
        place.link(CLUSTER, &["recover"]).done();
        let differs = State::of(place).differences(&before);
        assert!(differs.is_empty(), "{at}: {differs:?}");
    }
    assert!(on_servers > 5, "{on_servers}");
}

#[test]
fn after_a_crash_a_shutdown_leaves_no_server_of_it_and_nobody_else_uses_one() {
    let place = Place::new();
    with_old_server(&place);
    let before = State::of(&place);
    killed_on_its_servers(&place);
    for (name, container) in &place.world().containers {
        let live = [place.join("c/mysql"), place.join("c/elastic/data")];
        let mut mounts = container.spec.mounts.iter();
        let has_live = mounts.any(|mount| live.contains(&mount.source));
        assert_eq!(
            has_live,
            ["c_mysql", "c_elastic"].contains(&name.as_str()),
            "{name}"
        );
    }
    let again = place.link(INSTANCE, WITH_SEARCH).with(7);
    assert!(again.err.contains("recover"), "{}", again.err);
    place.link(CLUSTER, &["shutdown"]).done();
    let world = place.world();
    assert!(world.containers.is_empty() && world.networks.is_empty());
    place.link(CLUSTER, &["boot"]).done();
    place.link(CLUSTER, &["recover"]).done();
    assert_eq!(State::of(&place), before);
}
