//! An upgrade to an era that is configured in another way.

use std::fs;

use serde_json::{Value, json};

use crate::place::Place;
use crate::snapshot::State;

const INSTANCE: &str = "c/instances/a/instance.sh";

/// An instance that is configured by files, with something in each of them, and runs.
pub fn by_files(place: &Place) {
    place.call(&["create", "c"]).done();
    let link = "c/cluster.sh";
    place.link(link, &["boot"]).done();
    let words = ["new", "a", "--port", "18901", "--version", "v3.0.5"];
    place.link(link, &words).done();
    for (name, text) in [
        (
            "kor.yml",
            "all:\n  host: {host: kor.example.org}\n  piwik: {id: '1'}\n",
        ),
        (
            "kor.app.yml",
            "production:\n  app: {welcome_title: Title}\n",
        ),
        ("legal.txt", "law\n"),
        ("help.yml", "de: {help: {}}\n"),
    ] {
        fs::write(place.join("c/instances/a").join(name), text).unwrap();
    }
    place.link(INSTANCE, &["start"]).done();
}

/// The same, brought to an era with an environment file.
pub fn crossed(place: &Place) {
    by_files(place);
    let words = ["upgrade", "v5.0.1", "--no-snapshot"];
    place.link(INSTANCE, &words).done();
}

fn settings(place: &Place) -> Value {
    let path = place.join("c/instances/a/data/settings.json");
    serde_json::from_str(&fs::read_to_string(path).unwrap()).unwrap()
}

fn left(said: &Value) -> Vec<&str> {
    files(said, "left_behind")
}

fn files<'a>(said: &'a Value, key: &str) -> Vec<&'a str> {
    let list = said[key].as_array().unwrap();
    list.iter()
        .map(|one| one["file"].as_str().unwrap())
        .collect()
}

#[test]
fn what_has_no_place_is_said_before_and_what_has_one_is_carried_over() {
    let place = Place::new();
    by_files(&place);
    let before = State::of(&place);
    let plan = place
        .link(INSTANCE, &["upgrade", "v5.0.1", "--dry-run"])
        .done();
    for line in ["kor.yml: piwik.id", "help.yml: all of it"] {
        assert!(plan.out.contains(line), "{}", plan.out);
    }
    let words = ["upgrade", "v5.0.1", "--dry-run", "--json"];
    let said = place.link(INSTANCE, &words).done().json();
    assert_eq!(left(&said), ["kor.yml", "help.yml"]);
    assert_eq!(State::of(&place), before);

    let done = place
        .link(INSTANCE, &["upgrade", "v5.0.1", "--json"])
        .done();
    assert!(done.err.contains("kor.yml: piwik.id"), "{}", done.err);
    assert_eq!(left(&done.json()), ["kor.yml", "help.yml"]);
    assert_eq!(
        settings(&place),
        json!({"welcome_title": "Title", "legal_text": "law"})
    );
    let own = place.join("c/instances/a");
    let env = fs::read_to_string(own.join(".env")).unwrap();
    assert!(env.contains("ROOT_URL='http://kor.example.org'"), "{env}");
    for gone in [
        "kor.yml",
        "kor.app.yml",
        "database.yml",
        "legal.txt",
        "secret_key_base",
    ] {
        assert!(!own.join(gone).exists(), "{gone}");
    }
    let worker = |place: &Place| place.world().containers.contains_key("c_bg_a");
    assert!(!worker(&place));

    place.link(INSTANCE, &["upgrade", "--undo"]).done();
    assert!(!own.join(".env").exists() && !own.join("data/settings.json").exists());
    assert!(own.join("kor.app.yml").exists() && worker(&place));
}

/// What is behind a line of an output, up to the next that is indented no further.
fn below<'a>(text: &'a str, head: &str) -> Vec<&'a str> {
    let behind = text.lines().skip_while(|line| !line.contains(head));
    let is_one = |line: &&str| line.contains("  ") && !line.ends_with(':');
    behind.skip(1).take_while(is_one).collect()
}

#[test]
fn what_is_lost_what_stays_and_what_is_to_be_looked_at_are_told_apart() {
    let place = Place::new();
    by_files(&place);
    let own = place.join("c/instances/a");
    let source = "all: {auth: {sources: {ldap: {type: script, script: /opt/ldap}}}}\n";
    fs::write(own.join("kor.yml"), source).unwrap();
    fs::write(own.join("data/custom.css"), "body {}\n").unwrap();
    let conf = "mailhub=mail.example.org\nUseSTARTTLS=YES\nrewriteDomain=example.org\n";
    fs::write(place.join("c/ssmtp/ssmtp.conf"), conf).unwrap();
    let upgrade = |more: &[&str]| {
        let words = [&["upgrade", "v5.0.1"], more].concat();
        place.link(INSTANCE, &words).done()
    };
    let apart = |text: &str| {
        let lost = below(text, "this has no place in v5.0.1");
        assert!(lost.len() == 1 && lost[0].contains("help.yml"), "{text}");
        let stays = below(text, "this stays where it is");
        assert_eq!(stays.len(), 2, "{text}");
        assert!(stays[0].contains("ssmtp/ssmtp.conf: rewriteDomain"));
        assert!(stays[1].contains("data/custom.css"), "{text}");
        let to_check = below(text, "look at this");
        assert!(to_check[0].contains("auth.sources.ldap.script"), "{text}");
    };
    let planned = upgrade(&["--dry-run"]).out;
    apart(&planned);
    assert!(planned.contains("kept in the snapshot"), "{planned}");
    // Where none is taken, none is spoken of.
    let planned = upgrade(&["--dry-run", "--no-snapshot"]).out;
    apart(&planned);
    assert!(!planned.contains("snapshot"), "{planned}");
    for more in [&["--rehearse"][..], &["--rehearse", "--dry-run"]] {
        let rehearsed = upgrade(more).out;
        apart(&rehearsed);
        assert!(!rehearsed.contains("kept"), "{rehearsed}");
        assert!(!rehearsed.contains("snapshot"), "{rehearsed}");
    }
    let done = upgrade(&["--no-snapshot", "--json"]);
    apart(&done.err);
    assert!(!done.err.contains("kept in the snapshot"), "{}", done.err);
    let said = done.json();
    assert_eq!(left(&said), ["help.yml"]);
    let stays = files(&said, "left_in_place");
    assert_eq!(stays, ["ssmtp/ssmtp.conf", "data/custom.css"]);
    assert_eq!(files(&said, "to_check"), ["kor.yml"]);
    assert!(own.join("data/custom.css").exists());
}

#[test]
fn the_answer_has_the_same_keys_where_nothing_is_to_be_done() {
    let place = Place::new();
    by_files(&place);
    let keys =
        |said: &Value| -> Vec<String> { said.as_object().unwrap().keys().cloned().collect() };
    let upgrade = |more: &[&str]| {
        let words = [&["upgrade", "v5.0.1", "--json"], more].concat();
        place.link(INSTANCE, &words).done().json()
    };
    let planned = upgrade(&["--dry-run"]);
    let done = upgrade(&[]);
    assert_eq!(done["from"], "v3.0.5");
    let again = upgrade(&[]);
    assert_eq!(keys(&again), keys(&done));
    assert_eq!(again["changed"], false);
    assert_eq!(again["instances"], json!(["a"]));
    assert_eq!(again["urls"], done["urls"]);
    for none in ["from", "search", "undo"] {
        assert_eq!(again[none], Value::Null);
    }
    assert_eq!(again["left_behind"], json!([]));
    let again = upgrade(&["--dry-run"]);
    assert_eq!(keys(&again), keys(&planned));
    assert_eq!(again["steps"], json!([]));
}

#[test]
fn a_way_back_into_files_and_a_configuration_that_cannot_be_read_are_refused() {
    let place = Place::new();
    crossed(&place);
    let words = ["upgrade", "v3.0.5", "--force"];
    let refused = place.link(INSTANCE, &words).with(6);
    assert!(refused.err.contains("--undo"), "{}", refused.err);

    let place = Place::new();
    by_files(&place);
    fs::write(place.join("c/instances/a/kor.yml"), "all: [").unwrap();
    let before = State::of(&place);
    let refused = place.link(INSTANCE, &["upgrade", "v5.0.1"]).with(6);
    assert!(refused.err.contains("kor.yml"), "{}", refused.err);
    assert_eq!(State::of(&place), before);
}

#[test]
fn the_steps_that_are_left_out_are_named() {
    let place = Place::new();
    by_files(&place);
    let words = ["upgrade", "v5.0.1", "--dry-run"];
    let said = place.link(INSTANCE, &words).done();
    assert!(
        said.err.contains("v4.0 (") && said.err.contains("then v4 ("),
        "{}",
        said.err
    );
    let words = ["upgrade", "v4.1.0", "--dry-run"];
    let said = place.link(INSTANCE, &words).done();
    assert!(!said.err.contains("left out"), "{}", said.err);
}

#[test]
fn paths_in_the_containers_are_those_of_the_new_era() {
    let place = Place::new();
    place.call(&["create", "c"]).done();
    let link = "c/cluster.sh";
    place.link(link, &["boot"]).done();
    let words = ["new", "a", "--port", "18902", "--version", "v4.1.0"];
    place.link(link, &words).done();
    let env = || fs::read_to_string(place.join("c/instances/a/.env")).unwrap();
    let key = |text: &str| {
        let line = text
            .lines()
            .find(|line| line.starts_with("SECRET_KEY_BASE="));
        line.unwrap().to_owned()
    };
    let before = env();
    assert!(
        before.contains("DATA_DIR='/opt/kor/shared/data'"),
        "{before}"
    );
    let own = ["config", "set", "NOTIFY_SENDER", "kor@example.org"];
    place.link(INSTANCE, &own).done();
    let words = ["upgrade", "v5.0.1", "--json"];
    let said = place.link(INSTANCE, &words).done().json();
    assert_eq!(said["carried_over"], json!(["DATA_DIR"]));
    let after = env();
    assert!(after.contains("DATA_DIR='/opt/kor/data'"), "{after}");
    assert!(after.contains("NOTIFY_SENDER='kor@example.org'"), "{after}");
    assert_eq!(key(&after), key(&before));
    place.link(INSTANCE, &["upgrade", "--undo"]).done();
    assert!(env().contains("DATA_DIR='/opt/kor/shared/data'"));
}

#[test]
fn a_file_that_the_era_of_before_did_not_have_is_made_and_goes_on_the_way_back() {
    let place = Place::new();
    let words = ["create", "c", "--search-image", "elasticsearch:2.2.1"];
    place.call(&words).done();
    let link = "c/cluster.sh";
    place.link(link, &["boot"]).done();
    let words = ["new", "a", "--port", "18903", "--version", "v1.9.2"];
    place.link(link, &words).done();
    place.link(INSTANCE, &["start"]).done();
    let key = place.join("c/instances/a/secret_key_base");
    assert!(!key.exists());
    let words = ["upgrade", "v2.0.1", "--no-snapshot"];
    place.link(INSTANCE, &words).done();
    assert!(fs::read_to_string(&key).unwrap().len() > 64);
    assert!(place.join("c/instances/a/kor.yml").exists());
    place.link(INSTANCE, &["upgrade", "--undo"]).done();
    assert!(!key.exists());
}

/// Files that give way and may be written to meanwhile, by hand or by the application.
#[test]
fn what_gives_way_is_looked_at_again_before_it_does() {
    for (prepare, words, wanted) in [
        (
            by_files as fn(&Place),
            &["upgrade", "v5.0.1", "--no-snapshot"][..],
            &[
                "config.sh",
                "database.yml",
                "kor.app.yml",
                "kor.yml",
                "mysql.cnf",
            ][..],
        ),
        (
            crate::prepared::started,
            &["upgrade", "v5.1.0", "--yes", "--no-snapshot"],
            &[".env", "config.sh", "mysql.cnf"],
        ),
    ] {
        let place = Place::new();
        prepare(&place);
        let mut command = place.tool(place.join(INSTANCE));
        command.args(words).env("KOR_CLUSTER_CRASH_AT", "9");
        assert_eq!(command.output().unwrap().status.code(), None);
        let journal = fs::read_dir(place.join("c/.kor-cluster/journal")).unwrap();
        let journal = journal.map(|entry| fs::read(entry.unwrap().path()).unwrap());
        let text = String::from_utf8_lossy(&journal.flatten().collect::<Vec<u8>>()).into_owned();
        let planned = text.split("\"planned\":{").nth(1).unwrap();
        let planned = planned.split('}').next().unwrap();
        for name in wanted {
            assert!(
                planned.contains(&format!("\"{name}\":\"")),
                "{name}: {planned}"
            );
        }
        place.link(INSTANCE, &["recover"]).done();
    }
}
