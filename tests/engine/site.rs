//! What a browser gets, and that clusters and instances stand side by side.

use crate::cluster::{other, shared};
use crate::docker::inspect;
use crate::harness::{NEWER, VERSION, tool, until};
use crate::web::Site;

/// What a page names in `src` and `href`.
fn named_by(page: &str) -> Vec<String> {
    let mut names = Vec::new();
    for attribute in ["src=\"", "href=\""] {
        for rest in page.split(attribute).skip(1) {
            names.push(rest.split('"').next().unwrap().to_owned());
        }
    }
    names
}

#[test]
fn the_page_and_every_script_and_style_it_names_answer() {
    let turn = shared();
    let site = Site::of(&turn.cluster, "a_b", turn.a_b);
    let page = site.get("/");
    assert_eq!(page.status, 200);
    assert!(page.kind.starts_with("text/html"), "{}", page.kind);
    let names = named_by(&page.body);
    assert!(names.iter().any(|n| n.ends_with(".js")), "{names:?}");
    assert!(names.iter().any(|n| n.ends_with(".css")), "{names:?}");
    for name in names {
        let answer = site.get(&format!("/{}", name.trim_start_matches('/')));
        assert_eq!(answer.status, 200, "{name}");
        assert!(!answer.body.is_empty(), "{name}");
    }
}

#[test]
fn the_search_finds_what_was_entered_and_only_in_its_own_instance() {
    let turn = shared();
    let site = Site::of(&turn.cluster, "a_b", turn.a_b);
    site.make("Nofretete");
    until("the search finds it", 10, || site.found("Nofretete") == 1);
    assert_eq!(site.found("Echnaton"), 0);
    assert_eq!(
        Site::of(&turn.cluster, "axb", turn.axb).found("Nofretete"),
        0
    );
}

#[test]
fn two_clusters_with_two_instances_each_answer_at_once() {
    let turn = shared();
    let second = other(&turn);
    let sites = [
        Site::of(&turn.cluster, "a_b", turn.a_b),
        Site::of(&turn.cluster, "axb", turn.axb),
        Site::of(&second.cluster, "one", second.one),
        Site::of(&second.cluster, "two", second.two),
    ];
    let mut identities: Vec<String> = std::thread::scope(|scope| {
        let asking: Vec<_> = sites
            .iter()
            .map(|site| scope.spawn(|| site.json("/info")["info"]["uuid"].to_string()))
            .collect();
        asking
            .into_iter()
            .map(|thread| thread.join().unwrap())
            .collect()
    });
    identities.sort();
    identities.dedup();
    assert_eq!(identities.len(), 4);
    let list = tool().args(["list", "--json"]).ok().json();
    for cluster in [&turn.cluster, &second.cluster] {
        let listed = list["clusters"]
            .as_array()
            .unwrap()
            .iter()
            .find(|c| c["name"] == cluster.name.as_str())
            .unwrap();
        assert_eq!(listed["instances"].as_array().unwrap().len(), 2);
        assert_eq!(listed["database"], "running");
    }
}

#[test]
fn a_port_of_another_clusters_instance_is_refused_with_its_holder() {
    let turn = shared();
    let second = other(&turn);
    let port = turn.a_b.to_string();
    second
        .cluster
        .call(["new", "three", "--port", &port])
        .expect(6)
        .says(&[
            &port,
            &format!("instance a_b of cluster {}", turn.cluster.name),
        ]);
}

#[test]
fn another_version_than_the_one_asked_for_is_told_apart() {
    let turn = shared();
    let cluster = &turn.cluster;
    let config = cluster.instance_root("a_b").join("config.sh");
    let before = std::fs::read_to_string(&config).unwrap();
    std::fs::write(&config, before.replace(VERSION, NEWER)).unwrap();
    let status = cluster.status_of("a_b");
    let words = cluster.instance("a_b", ["status"]).ok();
    std::fs::write(&config, &before).unwrap();
    assert_eq!(status["condition"], "wrong_version", "{status}");
    assert_eq!(status["asked_version"], NEWER);
    assert_eq!(status["version"], VERSION.trim_start_matches('v'));
    words.says(&[NEWER]);
    assert_eq!(cluster.condition("a_b"), "up");
}

#[test]
fn instances_are_published_where_they_were_asked_to_be() {
    let turn = shared();
    let cluster = &turn.cluster;
    for (name, port) in [("a_b", turn.a_b), ("axb", turn.axb)] {
        let format = "{{(index (index .NetworkSettings.Ports \"3000/tcp\") 0).HostPort}}";
        assert_eq!(inspect(&cluster.web(name), format), port.to_string());
        let url = cluster.instance(name, ["start", "--json"]).ok().json()["urls"][0].clone();
        assert!(url.as_str().unwrap().contains(&format!(":{port}")), "{url}");
    }
}
