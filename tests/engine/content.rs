//! An instance's content survives stops, kills and second set-ups.

use crate::cluster::{Cluster, shared};
use crate::docker::docker;
use crate::harness::{files_below, until};
use crate::web::Site;

const FLAGGED: &str = "select count(*) from media where image_processing or document_processing";

fn flagged(cluster: &Cluster, instance: &str) -> u64 {
    cluster
        .sql(&format!("use kor_{instance}; {FLAGGED}"))
        .parse()
        .unwrap()
}

fn count(cluster: &Cluster, instance: &str, table: &str) -> usize {
    cluster
        .sql(&format!("select count(*) from kor_{instance}.{table}"))
        .parse()
        .unwrap()
}

/// Every picture has all that is made of it.
fn assert_whole(cluster: &Cluster, instance: &str) {
    let pictures = count(cluster, instance, "media");
    let media = cluster.instance_root(instance).join("data/media");
    for style in [
        "original",
        "normal",
        "screen",
        "preview",
        "thumbnail",
        "icon",
    ] {
        assert_eq!(files_below(&media.join(style)), pictures, "{style}");
    }
}

#[test]
fn no_picture_is_lost_by_a_stop_right_after_six_uploads() {
    let turn = shared();
    let cluster = &turn.cluster;
    let site = Site::of(cluster, "a_b", turn.a_b);
    let before = count(cluster, "a_b", "media");
    (0..6).for_each(|_| site.upload());
    let stopped = cluster.instance("a_b", ["stop"]).ok();
    assert_eq!(flagged(cluster, "a_b"), 0, "{}", stopped.err);
    cluster.instance("a_b", ["start"]).ok();
    assert_eq!(flagged(cluster, "a_b"), 0);
    assert_eq!(count(cluster, "a_b", "media"), before + 6);
    assert_whole(cluster, "a_b");
}

#[test]
fn what_a_kill_cuts_off_is_made_up_for_by_the_next_start() {
    let turn = shared();
    let cluster = &turn.cluster;
    let site = Site::of(cluster, "axb", turn.axb);
    (0..6).for_each(|_| site.upload());
    docker(&["kill", "-s", "KILL", &cluster.web("axb")]).ok();
    let cut_off = flagged(cluster, "axb");
    assert!(cut_off > 0, "the kill came too late to cut anything off");
    cluster.instance("axb", ["start"]).ok();
    until("no row is flagged", 20, || flagged(cluster, "axb") == 0);
    assert_whole(cluster, "axb");
}

#[test]
fn a_stop_that_does_not_get_its_time_says_so_and_start_makes_up_for_it() {
    let turn = shared();
    let cluster = &turn.cluster;
    let site = Site::of(cluster, "axb", turn.axb);
    (0..6).for_each(|_| site.upload());
    let stopped = cluster.instance("axb", ["stop", "--timeout", "0"]).ok();
    if flagged(cluster, "axb") > 0 {
        assert!(stopped.err.contains("processed"), "{}", stopped.err);
    }
    cluster.instance("axb", ["start"]).ok();
    until("no row is flagged", 20, || flagged(cluster, "axb") == 0);
    assert_whole(cluster, "axb");
}

/// Row counts and check sums of every table.
fn sums(cluster: &Cluster, schema: &str) -> String {
    let tables = cluster.sql(&format!(
        "select group_concat(concat('{schema}.', table_name) order by 1) \
         from information_schema.tables where table_schema = '{schema}'"
    ));
    assert!(tables.contains(".users"), "{tables}");
    cluster.sql(&format!(
        "checksum table {tables}; select count(*) from {schema}.entities"
    ))
}

#[test]
fn a_second_set_up_is_refused_and_the_content_stays() {
    let turn = shared();
    let cluster = &turn.cluster;
    Site::of(cluster, "axb", turn.axb).make("kept");
    let before = sums(cluster, "kor_axb");
    for call in [
        cluster.instance("axb", ["init"]),
        cluster.call(["init", "axb"]),
        cluster.call(["init", "--keep-default-admin", "-i", "axb"]),
    ] {
        call.expect(6).says(&["axb", "content"]);
    }
    cluster.instance("axb", ["stop"]).ok();
    cluster
        .instance("axb", ["init"])
        .expect(6)
        .says(&["content"]);
    assert_eq!(sums(cluster, "kor_axb"), before);
    cluster.instance("axb", ["start"]).ok();
}

#[test]
fn a_migration_keeps_the_content_and_the_search_finds_it() {
    let turn = shared();
    let cluster = &turn.cluster;
    let site = Site::of(cluster, "a_b", turn.a_b);
    site.make("Migrantenvogel");
    let entities = count(cluster, "a_b", "entities");
    cluster.instance("a_b", ["migrate"]).ok();
    let said = cluster.call(["migrate", "a_b", "--json"]).ok().json();
    assert_eq!(said["instances"][0], "a_b");
    assert_eq!(count(cluster, "a_b", "entities"), entities);
    until("the search finds it", 10, || {
        site.found("Migrantenvogel") == 1
    });
}
