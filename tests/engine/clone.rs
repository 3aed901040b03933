//! A second instance with the content of another.

use std::fs;

use serde_json::Value;

use crate::cluster::Cluster;
use crate::harness::{files_below, free_port, until};
use crate::web::Site;

fn env_line(cluster: &Cluster, instance: &str, key: &str) -> String {
    let file = fs::read_to_string(cluster.instance_root(instance).join(".env")).unwrap();
    let line = file.lines().find(|line| line.starts_with(key)).unwrap();
    line.to_owned()
}

#[test]
fn a_clone_has_the_content_and_an_identity_of_its_own() {
    let cluster = Cluster::booted();
    let port = cluster.add("main");
    cluster.instance("main", ["start"]).ok();
    let site = Site::of(&cluster, "main", port);
    site.upload();
    site.make("Ankhesenamun");
    until("the picture is processed", 30, || {
        cluster.sql("select count(*) from kor_main.media where image_processing") == "0"
    });
    let identity = |site: &Site| -> Value { site.json("/info")["info"]["uuid"].clone() };
    let of_main = identity(&site);
    let to = free_port();
    cluster
        .call(["clone", "main", "main", "--port", "1"])
        .expect(2);
    cluster
        .call(["clone", "main", "copy", "--port", &to.to_string()])
        .ok()
        .says(&["no mail"]);
    cluster.call(["clone", "nobody", "other"]).expect(4);
    cluster.call(["clone", "main", "copy"]).expect(6);
    assert_eq!(cluster.condition("copy"), "down");
    cluster.instance("copy", ["start"]).ok();

    let copy = Site::of(&cluster, "copy", to);
    assert_eq!(copy.found("Ankhesenamun"), 1);
    let media = |name: &str| files_below(&cluster.instance_root(name).join("data/media"));
    assert_eq!(media("copy"), media("main"));
    assert_ne!(identity(&copy), of_main);
    assert_eq!(identity(&site), of_main);
    let keys = |schema: &str| cluster.sql(&format!("select api_key from {schema}.users"));
    assert_ne!(keys("kor_copy"), keys("kor_main"));
    for key in [
        "SECRET_KEY_BASE",
        "DATABASE_URL",
        "ELASTIC_INDEX",
        "ROOT_URL",
    ] {
        assert_ne!(
            env_line(&cluster, "copy", key),
            env_line(&cluster, "main", key)
        );
    }
    assert!(env_line(&cluster, "copy", "MAIL_DELIVERY_METHOD").contains("test"));

    // What is written to one is not in the other.
    copy.make("Thutmosis");
    until("it is found", 20, || copy.found("Thutmosis") == 1);
    assert_eq!(site.found("Thutmosis"), 0);
    fs::write(
        cluster.instance_root("copy").join("data/settings.json"),
        "{}",
    )
    .unwrap();
    assert_eq!(identity(&site), of_main);
    let next = cluster.root.join(".kor-cluster/next");
    assert_eq!(fs::read_dir(next).unwrap().count(), 0);
    assert_eq!(
        fs::read_dir(cluster.root.join("snapshots"))
            .unwrap()
            .count(),
        0
    );
}
