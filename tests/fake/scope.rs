//! What a command acts on, by how it was called.

use std::os::unix::fs::symlink;

use crate::place::{Place, binary, ended};

fn two_clusters() -> Place {
    let place = Place::new();
    for (name, port) in [("c", "18021"), ("d", "18022")] {
        place.call(&["create", name]).done();
        let link = format!("{name}/cluster.sh");
        place.link(&link, &["boot"]).done();
        place.link(&link, &["new", "a", "--port", port]).done();
    }
    place
}

fn name_of(ended: &crate::place::Ended) -> String {
    ended.json()["clusters"][0]["name"]
        .as_str()
        .unwrap()
        .to_owned()
}

#[test]
fn the_link_that_was_called_decides_however_it_was_reached() {
    let place = two_clusters();
    std::fs::create_dir(place.join("bin")).unwrap();
    symlink(place.join("d/cluster.sh"), place.join("bin/dee")).unwrap();
    symlink("../bin/dee", place.join("c/to-d")).unwrap();

    let words = ["list", "--json"];
    assert_eq!(name_of(&place.link("d/cluster.sh", &words)), "d");
    assert_eq!(
        name_of(&place.link("bin/dee", &words)),
        "d",
        "a link to a link"
    );
    assert_eq!(
        name_of(&place.link("c/to-d", &words)),
        "c",
        "the first of the links that lies in a cluster counts"
    );

    let mut by_path = place.tool("dee");
    by_path.env("PATH", place.join("bin")).args(words);
    assert_eq!(
        name_of(&ended(by_path.output().unwrap())),
        "d",
        "through PATH"
    );

    let mut relative = place.tool("../d/cluster.sh");
    relative.current_dir(place.join("c")).args(words);
    assert_eq!(
        name_of(&ended(relative.output().unwrap())),
        "d",
        "a relative path"
    );

    let mut variable = place.tool(place.join("d/cluster.sh"));
    variable.env("KOR_CLUSTER", place.join("c")).args(words);
    assert_eq!(
        name_of(&ended(variable.output().unwrap())),
        "d",
        "KOR_CLUSTER just loses"
    );
}

#[test]
fn without_a_link_the_flag_then_the_variable_then_the_directory_decide() {
    let place = two_clusters();
    let words = ["list", "--json"];
    assert_eq!(name_of(&place.call(&["-C", "d", "list", "--json"])), "d");
    assert_eq!(
        name_of(&place.call(&["-C", "d/instances/a/data", "list", "--json"])),
        "d"
    );

    let mut both = place.tool(binary());
    both.env("KOR_CLUSTER", place.join("c"))
        .args(["-C", "d"])
        .args(words);
    assert_eq!(name_of(&ended(both.output().unwrap())), "d");

    let mut variable = place.tool(binary());
    variable
        .env("KOR_CLUSTER", place.join("c"))
        .current_dir(place.join("d"))
        .args(words);
    assert_eq!(name_of(&ended(variable.output().unwrap())), "c");

    let mut inside = place.tool(binary());
    inside
        .current_dir(place.join("d/instances/a/log"))
        .args(words);
    assert_eq!(name_of(&ended(inside.output().unwrap())), "d");

    let host = place.call(&words).json();
    assert_eq!(
        host["clusters"].as_array().unwrap().len(),
        2,
        "the host has both"
    );
    place.call(&["-C", "nowhere", "list"]).with(4);
    place.call(&["boot"]).with(2);
}

#[test]
fn a_link_and_a_flag_that_disagree_do_nothing() {
    let place = two_clusters();
    let before = place.world();
    let ended = place.link("c/cluster.sh", &["-C", "d", "shutdown"]).with(2);
    assert!(ended.err.contains("different places"), "{}", ended.err);
    place
        .link("c/instances/a/instance.sh", &["-C", "c", "start"])
        .with(2);
    assert_eq!(place.world(), before);
    place.link("c/cluster.sh", &["-C", "c", "list"]).done();
    place
        .link(
            "c/instances/a/instance.sh",
            &["-C", "c/instances/a", "status"],
        )
        .done();
}

#[test]
fn instances_are_named_where_there_are_several() {
    let place = two_clusters();
    place.link("c/instances/instance.sh", &["start"]).done();
    place.link("c/cluster.sh", &["start"]).with(2);
    place
        .link("c/cluster.sh", &["new", "b", "--port", "18023"])
        .done();
    let ended = place.link("c/instances/instance.sh", &["stop"]).with(2);
    assert!(ended.err.contains("a, b"), "{}", ended.err);
    place.link("c/cluster.sh", &["start", "a", "b"]).done();
    place
        .link("c/cluster.sh", &["stop", "-i", "a", "-i", "b"])
        .done();
    place.link("c/cluster.sh", &["start", "--all"]).done();
    place.link("c/cluster.sh", &["start", "x"]).with(4);
    place
        .link("c/instances/a/instance.sh", &["start", "b"])
        .with(2);
}
