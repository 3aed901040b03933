//! Images, and what is asked before a version of no use is taken.

use kor_cluster::model::image::Image;

use crate::place::Place;

fn image(id: &str, name: &str, size: u64) -> Image {
    Image {
        id: format!("sha256:{id}"),
        size,
        names: vec![name.to_owned()],
        digests: vec![format!("{}@sha256:d{id}", name.split(':').next().unwrap())],
        ..Image::default()
    }
}

#[test]
fn a_list_says_who_uses_what_and_what_nobody_uses() {
    let place = Place::with_cluster();
    place
        .link("c/cluster.sh", &["new", "a", "--port", "18041"])
        .done();
    place.change_world(|world| {
        world.images = vec![
            image("0000000000001", "coneda/kor:v5.0.1", 5 << 20),
            image("0000000000002", "coneda/kor:v5.0.0", 4 << 20),
            image("0000000000003", "mariadb:10.11", 3 << 20),
            image("0000000000004", "somebody/else:1", 2 << 20),
        ];
        world.missing_images.push("elasticsearch:5.6.16".to_owned());
    });
    let listed = place.call(&["image", "list", "--json"]).done().json();
    let rows: Vec<_> = listed["images"]
        .as_array()
        .unwrap()
        .iter()
        .map(|row| {
            let users = row["used_by"].as_array().unwrap();
            (
                row["reference"].as_str().unwrap().to_owned(),
                row["here"].as_bool().unwrap(),
                users.len(),
            )
        })
        .collect();
    let row = |name: &str, here, users| (name.to_owned(), here, users);
    assert_eq!(
        rows,
        [
            row("coneda/kor:v5.0.0", true, 0),
            row("coneda/kor:v5.0.1", true, 1),
            row("elasticsearch:5.6.16", false, 1),
            row("mariadb:10.11", true, 1),
        ]
    );
    assert_eq!(listed["images"][1]["used_by"][0]["instance"], "a");
    assert_eq!(listed["images"][1]["digest"], "sha256:d0000000000001");
    let words = place.link("c/cluster.sh", &["image", "list"]).done();
    assert!(
        words.out.contains("nobody") && words.out.contains("c/a"),
        "{}",
        words.out
    );
    assert!(!words.out.contains("somebody"), "{}", words.out);
}

#[test]
fn a_version_is_pulled_from_its_repository_and_a_failure_leaves_what_is_there() {
    let place = Place::with_cluster();
    place.change_world(|world| world.registry.push("coneda/kor:v5.0.1".to_owned()));
    let pulled = place
        .link("c/cluster.sh", &["image", "pull", "5.0.1", "--json"])
        .done()
        .json();
    assert_eq!(pulled["images"][0]["reference"], "coneda/kor:v5.0.1");
    assert_eq!(pulled["changed"], true);
    let again = place.call(&["image", "pull", "v5.0.1", "--json"]).done();
    assert_eq!(again.json()["changed"], false);
    let before = place.world();
    let dry = place.link("c/cluster.sh", &["image", "pull", "--dry-run", "--json"]);
    assert_eq!(dry.done().json()["images"].as_array().unwrap().len(), 2);
    let failed = place.call(&["image", "pull", "mariadb:10.11"]).with(1);
    assert!(failed.err.contains("is still there"), "{}", failed.err);
    place.call(&["image", "pull", "a b:c"]).with(2);
    place.call(&["image", "pull", "nightly"]).with(6);
    assert_eq!(place.world(), before);
}

#[test]
fn a_missing_image_is_taken_from_the_mirror_before_anything_changes() {
    let place = Place::new();
    place.call(&["create", "c"]).done();
    let link = "c/cluster.sh";
    place
        .link(
            link,
            &["config", "set", "IMAGE_MIRROR", "h.example.org:5000"],
        )
        .done();
    place.change_world(|world| {
        world.missing_images.push("mariadb:10.11".to_owned());
        world
            .registry
            .push("h.example.org:5000/library/mariadb:10.11".to_owned());
    });
    let ended = place.link(link, &["boot"]).done();
    assert!(
        ended
            .err
            .contains("pulling h.example.org:5000/mariadb:10.11"),
        "{}",
        ended.err
    );
    let world = place.world();
    assert_eq!(world.images[0].names, ["mariadb:10.11"]);
    assert_eq!(world.containers.len(), 2);
}

#[test]
fn a_missing_image_that_cannot_be_had_says_all_that_was_tried() {
    let place = Place::with_cluster();
    let source = place.join("source");
    std::fs::create_dir(&source).unwrap();
    let link = "c/cluster.sh";
    place
        .link(
            link,
            &["config", "set", "APP_SOURCE", source.to_str().unwrap()],
        )
        .done();
    place.change_world(|world| world.missing_images.push("coneda/kor:v5.0.1".to_owned()));
    let before = place.world();
    let new = ["new", "a", "--port", "18042"];
    let ended = place.link(link, &new).with(1);
    for text in [
        "cannot be pulled or built",
        "registry does not have it",
        "has no Dockerfile",
    ] {
        assert!(ended.err.contains(text), "{text}: {}", ended.err);
    }
    assert_eq!(place.world(), before);
    std::fs::write(source.join("Dockerfile"), "FROM scratch\n").unwrap();
    place.link(link, &new).done();
    let built = &place.world().images[0];
    assert_eq!(built.names, ["coneda/kor:v5.0.1"]);
    let label = &built.labels["net.coneda.kor-cluster.source"];
    assert_eq!(label, source.to_str().unwrap());
}

#[test]
fn an_image_is_built_where_it_is_said_and_its_fault_is_told() {
    let place = Place::with_cluster();
    std::fs::create_dir(place.join("source")).unwrap();
    std::fs::write(place.join("source/Dockerfile"), "FROM scratch\n").unwrap();
    let words = [
        "image",
        "build",
        "5.1.0",
        "--from",
        "source",
        "--repository",
        "h.org/kor",
    ];
    let ended = place.call(&[&words[..], &["--json"]].concat()).done();
    assert!(ended.err.contains("@wendig/lib"), "{}", ended.err);
    assert_eq!(ended.json()["reference"], "h.org/kor:v5.1.0");
    assert_eq!(ended.json()["tag"], "v5.1.0");
    place.change_world(|world| world.fails.push("build the image".to_owned()));
    let failed = place.call(&words).with(1);
    assert!(
        failed
            .err
            .contains("the old h.org/kor:v5.1.0 is still there"),
        "{}",
        failed.err
    );
}

#[test]
fn a_version_of_no_use_is_taken_only_where_that_is_confirmed() {
    let place = Place::with_cluster();
    let before = place.world();
    let new = ["new", "a", "--version", "v5.1.0", "--port", "18043"];
    let refused = place.link("c/cluster.sh", &new).with(6);
    for text in ["known fault", "@wendig/lib", "--yes"] {
        assert!(refused.err.contains(text), "{text}: {}", refused.err);
    }
    assert_eq!(place.world(), before);
    place
        .link("c/cluster.sh", &[&new[..], &["--dry-run"]].concat())
        .done();
    let made = place
        .link("c/cluster.sh", &[&new[..], &["--yes"]].concat())
        .done();
    assert!(made.err.contains("@wendig/lib"), "{}", made.err);
}

#[test]
fn a_page_that_a_browser_cannot_show_is_told_by_start_and_status() {
    let place = Place::with_cluster();
    place
        .link("c/cluster.sh", &["new", "a", "--port", "18044"])
        .done();
    let page = |script: &str| {
        place.change_world(|world| {
            let html = r#"<script src="app.js" defer></script>"#;
            world.pages.insert("/".to_owned(), html.to_owned());
            world.pages.insert("/app.js".to_owned(), script.to_owned());
        });
    };
    let link = "c/instances/a/instance.sh";
    page("import{a}from\"@wendig/lib\";a()");
    for verb in ["start", "restart"] {
        let ended = place.link(link, &[verb]).done();
        assert!(
            ended.err.contains("app.js imports \"@wendig/lib\""),
            "{verb}: {}",
            ended.err
        );
    }
    let status = place.link(link, &["status", "--json"]).done().json();
    assert_eq!(status["instances"][0]["condition"], "up");
    assert_eq!(
        status["instances"][0]["page_faults"][0]["script"],
        "/app.js"
    );
    page("(function(){var s='import x from \"y\"'})()");
    let status = place.link(link, &["status", "--json"]).done().json();
    assert_eq!(status["instances"][0]["page_faults"], serde_json::json!([]));
    let ended = place.link(link, &["restart"]).done();
    assert!(!ended.err.contains("page"), "{}", ended.err);
}
