//! From one era to another: what is configured by files goes on with an environment file, with
//! everything that has a place there, and back.

use std::collections::BTreeMap;
use std::fs;
use std::io::Read;
use std::path::Path;
use std::time::Duration;

use serde_json::{Value, json};

use crate::archives::unzstd;
use crate::cluster::{Cluster, assert_same};
use crate::docker::{containers, docker};
use crate::harness::{files_below, free_port, until};
use crate::upgrading::{assert_nothing_left, meanwhile, seen_from_outside};
use crate::web::Site;

const KOR: &str = "
all:
  host: {protocol: https, host: kor.example.org, port: 8443}
  app:
    default_locale: de
    welcome_title: Before
    welcome_text: 'A \"text\" of it''s own, $HOME and $(id)'
    max_foreground_group_download_size: 11
    max_file_upload_size: '101'
    max_results_per_request: 501
    max_included_results_per_result: 6
    current_history_length: 7
    sources: {release: r, pre_release: p, default: d}
    gallery: {primary_relations: [shows], secondary_relations: [has been created by, is near]}
  maintainer: {name: Museum, mail: kor@example.org}
  auth:
    session_lifetime: 1:30:00
    publishment_lifetime: 15
    default_groups: [authors, editors]
    env_auth_button_label: join
    fail_on_update_errors: true
    sources:
      remote_user: {type: env, user: [REMOTE_USER], domain: [example.org], mail: [mail],
        full_name: [cn, name], splitter: '[,;]+', map_to: ldap}
      ldap: {type: script, script: /opt/ldap.sh, map_to: ldap}
  limits: {max_file_upload_size: 30, max_download_group_size: 81}
  kind_settings: {defaults: {dating_label: When, name_label: Who, distinct_name_label: Which}}
  allowed_origins: ['a.example.org', 'b.example.org']
  custom_css_file: data/own.css
  piwik: {url: 'https://analytics.example.org', id: '3'}
  google_analytics: {id: '12345'}
production:
  mail: {delivery_method: sendmail}
";

/// The application's own file, which wins.
const APP: &str = "
production:
  app: {welcome_title: After}
  maintainer:
    about_text: who we are
    repository_uuid: 3c0ad0f2-18b7-4a34-9a8b-0d6c1e5f7a11
";

const SSMTP: &str = "mailhub=mail.example.org:587\nhostname=kor.example.org\nAuthUser=kor\n\
                     AuthPass=pass-word\nUseSTARTTLS=YES\nFromLineOverride=YES\nrewriteDomain=x.org\n";

/// What the environment file has to say afterwards.
const ENVIRONMENT: [(&str, &str); 23] = [
    ("ROOT_URL", "https://kor.example.org:8443"),
    ("DATA_DIR", "/opt/kor/data"),
    ("CORS_ALLOWED_ORIGINS", "a.example.org b.example.org"),
    ("AUTH_FAIL_ON_UPDATE_ERRORS", "true"),
    ("AUTH_SOURCES", "ldap remoteuser"),
    ("AUTH_SOURCE_REMOTEUSER_TYPE", "env"),
    ("AUTH_SOURCE_REMOTEUSER_USER", "REMOTE_USER"),
    ("AUTH_SOURCE_REMOTEUSER_DOMAIN", "example.org"),
    ("AUTH_SOURCE_REMOTEUSER_MAIL", "mail"),
    ("AUTH_SOURCE_REMOTEUSER_FULL_NAME", "cn name"),
    ("AUTH_SOURCE_REMOTEUSER_SPLITTER", "[,;]+"),
    ("AUTH_SOURCE_REMOTEUSER_MAP_TO", "ldap"),
    ("AUTH_SOURCE_LDAP_TYPE", "script"),
    ("AUTH_SOURCE_LDAP_SCRIPT", "/opt/ldap.sh"),
    ("AUTH_SOURCE_LDAP_MAP_TO", "ldap"),
    ("MAIL_DELIVERY_METHOD", "smtp"),
    ("MAIL_SMTP_ADDRESS", "mail.example.org"),
    ("MAIL_SMTP_PORT", "587"),
    ("MAIL_SMTP_DOMAIN", "kor.example.org"),
    ("MAIL_SMTP_USER_NAME", "kor"),
    ("MAIL_SMTP_PASSWORD", "pass-word"),
    ("MAIL_SMTP_AUTHENTICATION", "login"),
    ("MAIL_SMTP_ENABLE_STARTTLS_AUTO", "true"),
];

/// And what the application keeps itself.
fn settings() -> Value {
    json!({
        "default_locale": "de", "welcome_title": "After",
        "welcome_text": "A \"text\" of it's own, $HOME and $(id)",
        "max_foreground_group_download_size": 11, "max_file_upload_size": 101,
        "max_results_per_request": 501, "max_included_results_per_result": 6,
        "sources_release": "r", "sources_pre_release": "p", "sources_default": "d",
        "primary_relations": ["shows"], "secondary_relations": ["has been created by", "is near"],
        "maintainer_name": "Museum", "maintainer_mail": "kor@example.org",
        "legal_text": "the law", "about_text": "who we are",
        "repository_uuid": "3c0ad0f2-18b7-4a34-9a8b-0d6c1e5f7a11",
        "session_lifetime": 5400, "publishment_lifetime": 15, "default_groups": [102, 103],
        "env_auth_button_label": "join", "max_download_group_size": 81,
        "kind_dating_label": "When", "kind_name_label": "Who", "kind_distinct_name_label": "Which",
    })
}

/// What is named before, by file and setting: what has no place,
const LEFT: [(&str, &str); 9] = [
    ("kor.yml", "limits.max_file_upload_size"),
    ("contact.txt", "all of it"),
    ("kor.yml", "app.current_history_length"),
    ("kor.yml", "custom_css_file"),
    ("kor.yml", "google_analytics.id"),
    ("kor.app.yml", "help.search"),
    ("kor.yml", "piwik.id"),
    ("kor.yml", "piwik.url"),
    ("help.yml", "all of it"),
];

/// what stays where it is,
const IN_PLACE: [(&str, &str); 3] = [
    ("ssmtp/ssmtp.conf", "rewriteDomain"),
    ("ssmtp/revaliases", "all of it"),
    ("data/custom.css", "all of it"),
];

/// and what has to be looked at.
const TO_CHECK: [(&str, &str); 1] = [("kor.yml", "auth.sources.ldap.script")];

/// An instance's own files.
const FILES: [(&str, &str); 6] = [
    ("kor.yml", KOR),
    ("kor.app.yml", APP),
    ("legal.txt", "the law\n"),
    ("contact.txt", "somebody else\n"),
    ("help.yml", "de:\n  help: {search: {index: so}}\n"),
    ("data/custom.css", "body { color: red }\n"),
];

fn app_file() -> String {
    format!("{APP}  help: {{search: so}}\n")
}

fn add(cluster: &Cluster, version: &str) -> Site {
    let port = free_port().to_string();
    let words = ["new", "main", "--version", version, "--port", &port];
    cluster.call(words).ok();
    for (name, text) in FILES {
        let text = if name == "kor.app.yml" {
            app_file()
        } else {
            text.to_owned()
        };
        fs::write(cluster.instance_root("main").join(name), text).unwrap();
    }
    fs::write(cluster.root.join("ssmtp/ssmtp.conf"), SSMTP).unwrap();
    fs::write(
        cluster.root.join("ssmtp/revaliases"),
        "root:kor@example.org:mail\n",
    )
    .unwrap();
    cluster.sql(
        "insert into kor_main.credentials (id, name) values (102, 'authors'), (103, 'editors')",
    );
    cluster.instance("main", ["start"]).ok();
    Site::of(cluster, "main", port.parse().unwrap())
}

fn jobs(cluster: &Cluster) -> String {
    cluster.sql("select count(*) from kor_main.delayed_jobs")
}

/// The bare values of an environment file that is written in single quotes.
fn environment(path: &Path) -> BTreeMap<String, String> {
    let text = fs::read_to_string(path).unwrap();
    let pairs = text.lines().filter_map(|line| line.split_once('='));
    pairs
        .map(|(key, value)| (key.to_owned(), value.trim_matches('\'').to_owned()))
        .collect()
}

/// The instance's own files with what is in them, but for content and log.
fn own_files(root: &Path) -> BTreeMap<String, Vec<u8>> {
    let mut files = BTreeMap::new();
    for entry in fs::read_dir(root).unwrap() {
        let path = entry.unwrap().path();
        if path.is_file() && !path.is_symlink() {
            let name = path.file_name().unwrap().to_str().unwrap().to_owned();
            files.insert(name, fs::read(path).unwrap());
        }
    }
    files
}

/// The files of a snapshot.
fn packed(file: &Path) -> BTreeMap<String, Vec<u8>> {
    let bytes = unzstd(&fs::read(file).unwrap());
    let mut archive = tar::Archive::new(bytes.as_slice());
    let mut files = BTreeMap::new();
    for entry in archive.entries().unwrap() {
        let mut entry = entry.unwrap();
        let name = entry.path().unwrap().display().to_string();
        let mut content = Vec::new();
        entry.read_to_end(&mut content).unwrap();
        files.insert(name.trim_start_matches("./").to_owned(), content);
    }
    files
}

fn named() -> impl Iterator<Item = (&'static str, &'static str)> {
    LEFT.into_iter().chain(IN_PLACE).chain(TO_CHECK)
}

#[track_caller]
fn assert_named(said: &Value) {
    for (key, right) in [
        ("left_behind", &LEFT[..]),
        ("left_in_place", &IN_PLACE),
        ("to_check", &TO_CHECK),
    ] {
        let list = said[key].as_array().unwrap();
        let text = |one: &Value, part: &str| one[part].as_str().unwrap().to_owned();
        assert!(list.iter().all(|one| !text(one, "why").is_empty()));
        let there = list
            .iter()
            .map(|one| (text(one, "file"), text(one, "setting")));
        let right = right.iter();
        let right = right.map(|(file, setting)| ((*file).to_owned(), (*setting).to_owned()));
        assert!(there.eq(right), "{key}: {list:?}");
    }
}

#[test]
fn what_is_configured_by_files_goes_on_with_an_environment_file_and_back() {
    let cluster = Cluster::booted();
    let site = add(&cluster, "v3.0.5");
    site.make("Ankhesenamun");
    site.upload();
    until("the picture is processed", 60, || jobs(&cluster) == "0");
    let root = cluster.instance_root("main");
    let pictures = files_below(&root.join("data/media"));
    let files = own_files(&root);
    let key = fs::read_to_string(root.join("secret_key_base")).unwrap();

    // It is all said before, and nothing else happens then.
    let before = cluster.picture();
    let plan = cluster
        .instance("main", ["upgrade", "v5.0.1", "--dry-run"])
        .ok();
    for (file, setting) in named() {
        let line = format!("{file}: {setting} (");
        assert!(plan.out.contains(&line), "{line}: {}", plan.out);
    }
    let words = ["upgrade", "v5.0.1", "--dry-run", "--json"];
    let said = cluster.instance("main", words).ok().json();
    assert_named(&said);
    assert_same(&cluster.picture(), &before);
    let words = ["upgrade", "v5.0.1", "--rehearse", "--json"];
    let said = cluster.instance("main", words).ok().json();
    assert_named(&said);
    assert_eq!(own_files(&root), files);
    assert_eq!(cluster.sql("show databases like 'kor%'"), "kor_main");

    let met = meanwhile(&site, 1, || {
        cluster
            .instance("main", ["upgrade", "v5.0.1", "--json"])
            .run()
    });
    let ran = met.ran.ok();
    assert_named(&ran.json());
    for (file, setting) in named() {
        assert!(
            ran.err.contains(&format!("{file}: {setting} (")),
            "{}",
            ran.err
        );
    }
    assert!(!ran.err.contains("pass-word") && !ran.out.contains("pass-word"));
    assert_eq!(cluster.condition("main"), "up");
    assert_eq!(cluster.status_of("main")["version"], "5.0.1");
    assert!(met.unread < Duration::from_secs(40), "{:?}", met.unread);

    // Every row that has a place.
    let env = environment(&root.join(".env"));
    for (key, value) in ENVIRONMENT {
        assert_eq!(env.get(key).map(String::as_str), Some(value), "{key}");
    }
    assert_eq!(env["SECRET_KEY_BASE"], key.trim());
    let there: Value =
        serde_json::from_slice(&fs::read(root.join("data/settings.json")).unwrap()).unwrap();
    for (key, value) in settings().as_object().unwrap() {
        assert_eq!(&there[key], value, "{key}");
    }
    let info = site.json("/info")["info"].clone();
    assert_eq!(info["operator"], "Museum");
    assert_eq!(info["url"], "https://kor.example.org:8443/");
    assert_eq!(info["uuid"], settings()["repository_uuid"]);

    // The others are in the snapshot, and the instance has none of its old files any more.
    let taken = fs::read_dir(cluster.root.join("snapshots")).unwrap().next();
    let packed = packed(&taken.unwrap().unwrap().path());
    for (name, text) in FILES {
        let text = if name == "kor.app.yml" {
            app_file()
        } else {
            text.to_owned()
        };
        assert_eq!(
            packed.get(name).map(Vec::as_slice),
            Some(text.as_bytes()),
            "{name}"
        );
    }
    let now = own_files(&root);
    let names: Vec<&str> = now.keys().map(String::as_str).collect();
    assert_eq!(names, [".env", "admin_password", "config.sh", "mysql.cnf"]);

    // Content, search and the containers.
    let named = cluster
        .instance("main", ["db", "select name from entities"])
        .ok();
    let lost: Vec<_> = met
        .acknowledged
        .iter()
        .filter(|name| !named.text().lines().any(|line| line == *name))
        .collect();
    assert!(
        lost.is_empty() && met.acknowledged.len() > 5,
        "{lost:?} of {}",
        met.acknowledged.len()
    );
    assert_eq!(site.found("Ankhesenamun"), 1);
    assert_eq!(files_below(&root.join("data/media")), pictures);
    let worker = format!("{}_bg_main", cluster.name);
    assert!(!containers(cluster.path()).contains(&worker));

    // And back: all as it was.
    cluster
        .instance("main", ["upgrade", "--undo", "--discard-new"])
        .ok();
    assert_eq!(cluster.condition("main"), "up");
    assert_eq!(cluster.status_of("main")["version"], "3.0.5");
    assert_eq!(own_files(&root), files);
    assert!(!root.join("data/settings.json").exists());
    assert!(containers(cluster.path()).contains(&worker));
    site.upload();
    until("the picture is processed", 60, || jobs(&cluster) == "0");
    assert_eq!(site.found("Ankhesenamun"), 1);
    assert_eq!(files_below(&cluster.root.join(".kor-cluster/undo")), 0);
}

/// The old version writes them into a file, also while its database is read-only.
#[test]
fn settings_that_are_written_after_they_were_read_are_not_left_behind() {
    let cluster = Cluster::booted();
    let site = add(&cluster, "v3.0.5");
    let file = cluster.instance_root("main").join("kor.app.yml");
    let words = ["upgrade", "v5.0.1", "--no-snapshot"];
    let assert_undone = || {
        assert_eq!(cluster.condition("main"), "up");
        assert!(site.answers_at("/kinds"));
        assert_eq!(cluster.status_of("main")["version"], "3.0.5");
        assert_nothing_left(&cluster);
    };
    let running = cluster.instance("main", words).spawn();
    let copy = cluster.root.join(".kor-cluster/next/main");
    until("it is at work", 60, || copy.exists());
    let later = format!("{}# later\n", app_file());
    fs::write(&file, &later).unwrap();
    let said = running.end().expect(1).says(&["kor.app.yml was changed"]);
    assert!(said.err.contains("the same again"), "{}", said.err);
    assert_eq!(fs::read_to_string(&file).unwrap(), later);
    assert_undone();

    // The files that are copied give way too, for the new version has written to the copy.
    let running = cluster.instance("main", words).spawn();
    let is_tried_out = |name: &String| name.ends_with("_proof");
    until("it is tried out", 120, || {
        containers(cluster.path()).iter().any(is_tried_out)
    });
    let beside = cluster.instance_root("main").join("data/beside.css");
    fs::write(&beside, "later").unwrap();
    running.end().expect(1).says(&["1 file new: beside.css"]);
    assert_eq!(fs::read_to_string(&beside).unwrap(), "later");
    assert_undone();
    cluster.instance("main", words).ok();
    assert_eq!(fs::read_to_string(&beside).unwrap(), "later");
}

#[test]
fn one_era_after_the_other_with_every_picture() {
    let cluster = Cluster::booted();
    let site = add(&cluster, "v3.0.5");
    let root = cluster.instance_root("main");
    let media = root.join("data/media");
    let data_dir = || environment(&root.join(".env"))["DATA_DIR"].clone();
    let flagged = || {
        let count = "select count(*) from media where image_processing";
        cluster
            .instance("main", ["db", count])
            .ok()
            .text()
            .ends_with('0')
    };
    // What is in the queue then is done before, for nobody takes it up there.
    (0..4).for_each(|_| site.upload());
    for (version, directory) in [
        ("v4.1.0", "/opt/kor/shared/data"),
        ("v5.0.1", "/opt/kor/data"),
    ] {
        let words = ["upgrade", version, "--no-snapshot"];
        cluster.instance("main", words).ok();
        assert_eq!(cluster.condition("main"), "up");
        assert_eq!(data_dir(), directory);
        assert!(flagged());
        site.upload();
        until("the picture is processed", 60, flagged);
        let originals = files_below(&media.join("original"));
        assert_eq!(
            files_below(&media.join("thumbnail")),
            originals,
            "{version}"
        );
    }
    assert_eq!(files_below(&media.join("original")), 6);
    // They are nowhere but in the instance's directory.
    cluster.instance("main", ["restart"]).ok();
    assert_eq!(files_below(&media.join("original")), 6);
    let env = environment(&root.join(".env"));
    for (key, value) in ENVIRONMENT {
        assert_eq!(env.get(key).map(String::as_str), Some(value), "{key}");
    }
}

/// In the place of the one that the old eras want, as in the tests of all eras.
const OLD_SEARCH: &str = "elasticsearch:2.2.1";
const SEARCH: &str = "elasticsearch:5.6.16";

#[test]
fn a_search_server_comes_along_and_goes_back() {
    let cluster = Cluster::created();
    if docker(&["image", "inspect", OLD_SEARCH]).code != 0 {
        docker(&["tag", SEARCH, OLD_SEARCH]).ok();
    }
    let set = ["config", "set", "SEARCH_IMAGE", OLD_SEARCH];
    cluster.call(set).ok();
    cluster.call(["boot"]).ok();
    let mut sites = Vec::new();
    for (name, version) in [("main", "v2.1.0"), ("other", "v3.0.5")] {
        let port = free_port().to_string();
        let words = ["new", name, "--version", version, "--port", &port];
        cluster.call(words).ok();
        cluster.instance(name, ["start"]).ok();
        let site = Site::of(&cluster, name, port.parse().unwrap());
        site.make("Ankhesenamun");
        sites.push(site);
    }
    let found = |what: &str| {
        for site in &sites {
            until(what, 60, || site.found("Ankhesenamun") == 1);
        }
    };
    found("it is found before");
    let running = || {
        let shown = cluster.call(["services", "--json"]).ok().json();
        shown["services"][1]["running"].as_str().unwrap().to_owned()
    };
    cluster
        .instance("main", ["upgrade", "v5.0.1"])
        .expect(6)
        .says(&["--search elasticsearch:5.6.16"]);
    let before = seen_from_outside(&cluster);
    let words = ["upgrade", "v5.0.1", "--search", SEARCH, "--rehearse"];
    cluster.instance("main", words).ok();
    assert_same(&seen_from_outside(&cluster), &before);
    assert_nothing_left(&cluster);
    assert_eq!(running(), OLD_SEARCH);
    found("it is found by the old version");
    let words = ["upgrade", "v5.0.1", "--search", SEARCH, "--no-snapshot"];
    cluster.instance("main", words).ok();
    assert_eq!(running(), SEARCH);
    assert_eq!(cluster.status_of("main")["version"], "5.0.1");
    assert_eq!(cluster.condition("other"), "up");
    found("it is found on the new server");
    assert!(!cluster.root.join("elastic/data.before").exists());

    cluster
        .instance("main", ["upgrade", "--undo", "--discard-new"])
        .ok();
    assert_eq!(running(), OLD_SEARCH);
    assert_eq!(cluster.status_of("main")["version"], "2.1.0");
    found("it is found on the old server");
    assert!(!cluster.root.join("elastic/data.before").exists());
}
