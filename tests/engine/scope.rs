//! What a call acts on, by how and from where it was made.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::PathBuf;

use crate::cluster::{Cluster, shared, turn};
use crate::harness::{PLACE, called, called_plainly, fresh_name, tool};

/// A directory of its own.
fn directory() -> PathBuf {
    let path = PLACE.join(fresh_name());
    fs::create_dir_all(&path).unwrap();
    path
}

const CLUSTER: [&str; 3] = ["config", "get", "CLUSTER_NAME"];
const INSTANCE: [&str; 3] = ["config", "get", "NAME"];

#[test]
fn a_link_is_found_through_path_by_its_bare_name() {
    let turn = shared();
    let bin = directory();
    symlink(turn.cluster.link(), bin.join("kctcluster")).unwrap();
    symlink(turn.cluster.instance_link("axb"), bin.join("kctinstance")).unwrap();
    let path = format!("{}:{}", bin.display(), std::env::var("PATH").unwrap());
    let call = |name: &str, words: [&str; 3]| called(name).env("PATH", &path).args(words).ok();
    assert_eq!(call("kctcluster", CLUSTER).text(), turn.cluster.name);
    assert_eq!(call("kctinstance", INSTANCE).text(), "axb");
}

#[test]
fn a_link_is_found_by_a_relative_path_and_from_anywhere() {
    let turn = shared();
    let cluster = &turn.cluster;
    let name = cluster.name.as_str();
    let from = |directory: &str, link: &str, words: [&str; 3]| {
        called(link)
            .from(&cluster.root.join(directory))
            .args(words)
            .ok()
    };
    assert_eq!(from("", "./cluster.sh", CLUSTER).text(), name);
    assert_eq!(
        from("instances/a_b", "../../cluster.sh", CLUSTER).text(),
        name
    );
    assert_eq!(
        from("instances/a_b", "./instance.sh", INSTANCE).text(),
        "a_b"
    );
    assert_eq!(
        from("instances/a_b", "../axb/instance.sh", INSTANCE).text(),
        "axb"
    );
    assert_eq!(
        from("instances/a_b", cluster.link().to_str().unwrap(), CLUSTER).text(),
        name
    );
}

#[test]
fn a_link_to_a_link_to_a_link_still_means_its_cluster() {
    let turn = shared();
    let place = directory();
    symlink(turn.cluster.instance_link("a_b"), place.join("first")).unwrap();
    symlink("first", place.join("second")).unwrap();
    symlink(place.join("second"), place.join("third")).unwrap();
    let ran = called(place.join("third")).args(INSTANCE).ok();
    assert_eq!(ran.text(), "a_b");
}

#[test]
fn a_link_works_with_an_empty_environment_as_with_sudo() {
    let turn = shared();
    let link = turn.cluster.link();
    let mut words = vec![link.to_str().unwrap()];
    words.extend(CLUSTER);
    let has_sudo = called_plainly("sh", &["-c", "command -v sudo"]).code == 0;
    let ran = match has_sudo {
        true => called_plainly("sudo", &[&["-n"], &words[..]].concat()),
        false => called_plainly("env", &[&["-i"], &words[..]].concat()),
    };
    assert_eq!(ran.ok().text(), turn.cluster.name);
}

#[test]
fn the_variable_loses_against_a_link_and_against_the_flag_and_wins_against_the_directory() {
    let turn = shared();
    let mine = &turn.cluster;
    let theirs = Cluster::created();
    let ran = mine.call(CLUSTER).env("KOR_CLUSTER", &theirs.root).ok();
    assert_eq!(ran.text(), mine.name);
    let flag = tool().args(["-C", mine.path()]).args(CLUSTER);
    assert_eq!(flag.env("KOR_CLUSTER", &theirs.root).ok().text(), mine.name);
    let variable = tool()
        .args(CLUSTER)
        .env("KOR_CLUSTER", &theirs.root)
        .from(&mine.root);
    assert_eq!(variable.ok().text(), theirs.name);
    let here = tool()
        .args(INSTANCE)
        .from(&mine.root.join("instances/axb/data"))
        .ok();
    assert_eq!(here.text(), "axb");
}

#[test]
fn a_link_and_a_flag_that_disagree_are_refused_and_nothing_is_done() {
    let turn = shared();
    let mine = &turn.cluster;
    let theirs = Cluster::created();
    let before = (mine.picture(), theirs.picture());
    let axb = mine.instance_root("axb");
    let axb = axb.to_str().unwrap();
    for (call, place) in [
        (mine.call(["shutdown"]), theirs.path()),
        (theirs.call(["shutdown"]), mine.path()),
        (mine.instance("a_b", ["stop"]), axb),
        (mine.instance("a_b", ["stop"]), theirs.path()),
    ] {
        call.args(["-C", place])
            .expect(2)
            .says(&["the link and -C mean different places"]);
    }
    mine.instance("a_b", ["stop", "axb"]).expect(2);
    mine.instance("a_b", ["-i", "axb", "stop"]).expect(2);
    mine.instance("a_b", ["stop", "--all"]).expect(2);
    assert_eq!((mine.picture(), theirs.picture()), before);
    // One place said twice is no disagreement.
    mine.call(CLUSTER).args(["-C", mine.path()]).ok();
}

#[test]
fn a_call_that_means_no_cluster_says_so() {
    let _turn = turn();
    let place = directory();
    tool()
        .args(["boot"])
        .from(&place)
        .expect(2)
        .says(&["which cluster?"]);
    tool()
        .args(["boot", "-C", place.to_str().unwrap()])
        .expect(4);
    tool().args(["boot", "-C", "/nowhere/at/all"]).expect(4);
    tool()
        .args(["boot"])
        .env("KOR_CLUSTER", "/nowhere/at/all")
        .expect(4);
    tool().args(["list", "--json"]).from(&place).ok();
}
