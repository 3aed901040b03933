//! A second instance with the content of another.

use std::fs;

use serde_json::Value;

use crate::cluster::Cluster;
use crate::eras::eras;
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
        .call(["clone", "main", "main"])
        .expect(6)
        .says(&["taken"]);
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

    // One that is down is as good.
    cluster.instance("main", ["stop"]).ok();
    let to = free_port().to_string();
    cluster.call(["clone", "main", "third", "--port", &to]).ok();
    assert_eq!(cluster.condition("main"), "down");
    let entities = |name: &str| cluster.sql(&format!("select count(*) from kor_{name}.entities"));
    assert_eq!(entities("third"), entities("main"));
}

/// What the application's own settings say at a path, such as `production.maintainer`.
fn app_setting(cluster: &Cluster, instance: &str, path: &str) -> Value {
    let script = "require %q(yaml); require %q(json); puts JSON.generate(\
                  YAML.load_file(%q(/opt/kor/shared/kor.app.yml)) || {})";
    let command = format!("ruby -e '{script}'");
    let said = cluster.instance(instance, ["run_headless", &command]).ok();
    let settings: Value = serde_json::from_str(said.text()).unwrap();
    let pointer = format!("/{}", path.replace('.', "/"));
    settings.pointer(&pointer).cloned().unwrap_or_default()
}

#[test]
fn a_clone_of_each_era_that_is_configured_by_files_is_its_own() {
    let (_guard, eras) = eras();
    for (cluster, name, mail) in [
        (&eras.old, "one", "production.mail_delivery_method"),
        (&eras.old, "two", "production.mail.delivery_method"),
        (&eras.new, "three", "production.mail.delivery_method"),
    ] {
        let site = eras.site(cluster, name);
        site.make("Ankhesenamun");
        // As the application itself writes it down one day.
        let grown = "all:\n  host:\n    host: old.example.org\nproduction:\n  maintainer:\n    \
                     repository_uuid: old\n    name: Somebody\n";
        fs::write(cluster.instance_root(name).join("kor.app.yml"), grown).unwrap();
        let new = format!("{name}-copy");
        let port = free_port();
        cluster
            .call(["clone", name, &new, "--port", &port.to_string()])
            .ok()
            .says(&["kor.app.yml"]);
        assert_eq!(app_setting(cluster, &new, mail), "test");
        assert_eq!(app_setting(cluster, &new, "all.host"), Value::Null);
        let maintainer = app_setting(cluster, &new, "production.maintainer");
        assert_eq!(maintainer["name"], "Somebody");
        if name == "one" {
            assert_eq!(
                cluster.sql("select count(*) from `kor_one-copy`.sessions"),
                "0"
            );
            assert_ne!(cluster.sql("select count(*) from kor_one.sessions"), "0");
        } else {
            assert_ne!(maintainer["repository_uuid"], "old");
            let keys = |schema: &str| cluster.sql(&format!("select api_key from `{schema}`.users"));
            assert_ne!(keys(&format!("kor_{new}")), keys(&format!("kor_{name}")));
        }
        cluster.instance(&new, ["start"]).ok();
        assert_eq!(cluster.condition(&new), "up");
        let password = "admin_password";
        let of_original = cluster.instance_root(name).join(password);
        fs::copy(of_original, cluster.instance_root(&new).join(password)).unwrap();
        assert_eq!(
            Site::logged_in(cluster, &new, port).found("Ankhesenamun"),
            1
        );
        cluster.instance(&new, ["stop"]).ok();
    }
}
