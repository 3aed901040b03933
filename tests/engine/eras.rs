//! Every era of ConedaKOR that a contract covers, side by side.

use std::fs;
use std::sync::{LazyLock, Mutex, MutexGuard, PoisonError};

use serde_json::json;

use crate::cluster::Cluster;
use crate::docker::{containers, docker};
use crate::harness::{PLACE, free_port, until};
use crate::secrets::{assert_free, open_files, secrets};
use crate::web::Site;

/// The tag under which the test's search server stands in for the one that the old eras want.
const OLD_SEARCH: &str = "elasticsearch:2.2.1";
const SEARCH: &str = "elasticsearch:5.6.16";

/// Name, version, what runs, the directory that commands run in, and whether it is configured by
/// files and has a background process.
pub struct Era {
    pub name: &'static str,
    version: &'static str,
    runs: &'static str,
    work_dir: &'static str,
    by_files: bool,
}

const fn era(name: &'static str, version: &'static str, runs: &'static str) -> Era {
    Era {
        name,
        version,
        runs,
        work_dir: "/opt/kor/current",
        by_files: true,
    }
}

const OLD: [Era; 2] = [era("one", "v1.9", "1.9.1"), era("two", "v2.0.1", "2.0.1")];
const NEW: [Era; 3] = [
    era("three", "v3.0.5", "3.0.5"),
    Era {
        by_files: false,
        ..era("four", "v4.1.0", "4.1.0")
    },
    Era {
        by_files: false,
        work_dir: "/opt/kor",
        ..era("five", "v5.0.1", "5.0.1")
    },
];

/// Two clusters: one with a search server for the old eras, one for the others.
pub struct Eras {
    pub old: Cluster,
    pub new: Cluster,
    ports: Vec<(&'static str, u16)>,
}

impl Eras {
    fn all(&self) -> impl Iterator<Item = (&Cluster, &'static Era)> {
        let old = OLD.iter().map(|era| (&self.old, era));
        old.chain(NEW.iter().map(|era| (&self.new, era)))
    }

    pub fn site(&self, cluster: &Cluster, name: &str) -> Site {
        let (_, port) = self.ports.iter().find(|(n, _)| *n == name).unwrap();
        match name {
            "one" => Site::logged_in(cluster, name, *port),
            _ => Site::of(cluster, name, *port),
        }
    }
}

fn add(cluster: &Cluster, era: &Era) -> u16 {
    let port = free_port();
    let number = port.to_string();
    let words = ["new", era.name, "--version", era.version, "--port", &number];
    cluster.call(words).ok();
    port
}

static ERAS: LazyLock<Eras> = LazyLock::new(|| {
    LazyLock::force(&PLACE);
    // A stand-in: the real 2.2.1 cannot be had everywhere, and the sample application's questions
    // are understood by both.
    if docker(&["image", "inspect", OLD_SEARCH]).code != 0 {
        docker(&["tag", SEARCH, OLD_SEARCH]).ok();
    }
    let old = Cluster::booted();
    refused_before_and_made_after(&old);
    let new = Cluster::booted();
    let mut ports = Vec::new();
    for era in &OLD {
        ports.push((era.name, add(&old, era)));
    }
    for era in &NEW {
        ports.push((era.name, add(&new, era)));
    }
    old.call(["start", "--all"]).ok();
    new.call(["start", "--all"]).ok();
    Eras { old, new, ports }
});

/// An old era is refused beside the newer search server, with the command that helps.
fn refused_before_and_made_after(cluster: &Cluster) {
    let before = cluster.picture();
    cluster
        .call(["new", "one", "--version", "v1.9"])
        .expect(6)
        .says(&["services set --search elasticsearch:2.2.1"]);
    crate::cluster::assert_same(&cluster.picture(), &before);
    let set = ["services", "set", "--search", OLD_SEARCH];
    cluster.call([&set[..], &["--dry-run"]].concat()).ok();
    crate::cluster::assert_same(&cluster.picture(), &before);
    cluster.call(set).ok();
    let said = cluster.call(["services", "set", "--search", OLD_SEARCH, "--json"]);
    assert_eq!(said.ok().json()["changed"], false);
    let shown = cluster.call(["services", "--json"]).ok().json();
    assert_eq!(shown["services"][1]["running"], OLD_SEARCH);
    assert!(!cluster.root.join("elastic/data.before").exists());
}

static ALONE: Mutex<()> = Mutex::new(());

/// The eras, for one test at a time, all of them up.
pub fn eras() -> (MutexGuard<'static, ()>, &'static Eras) {
    let guard = ALONE.lock().unwrap_or_else(PoisonError::into_inner);
    let eras = &*ERAS;
    for cluster in [&eras.old, &eras.new] {
        cluster.call(["recover", "--wait", "60"]).run();
        cluster.call(["boot", "--wait", "60"]).ok();
    }
    (guard, eras)
}

#[test]
fn two_clusters_of_several_eras_answer_at_once() {
    let (_guard, eras) = eras();
    for (cluster, era) in eras.all() {
        let status = cluster.status_of(era.name);
        assert_eq!(status["condition"], "up", "{status}");
        assert_eq!(status["version"], era.runs, "{status}");
        assert_eq!(status["asked_version"], era.version);
        let site = eras.site(cluster, era.name);
        site.make("Nofretete");
        until("the search finds it", 20, || site.found("Nofretete") >= 1);
        let running = containers(cluster.path());
        let worker = format!("{}_bg_{}", cluster.name, era.name);
        assert_eq!(running.contains(&worker), era.by_files, "{running:?}");
    }
}

#[test]
fn a_search_server_that_an_instance_excludes_is_refused_with_its_name() {
    let (_guard, eras) = eras();
    let before = eras.old.picture();
    eras.old
        .call(["services", "set", "--search", SEARCH])
        .expect(6)
        .says(&["one (v1.9)", "two (v2.0.1)"]);
    crate::cluster::assert_same(&eras.old.picture(), &before);
    // In range for all that are there: every index is made anew.
    let other = "elasticsearch:5.6.15";
    docker(&["tag", SEARCH, other]).ok();
    eras.new.call(["services", "set", "--search", other]).ok();
    for era in &NEW {
        let site = eras.site(&eras.new, era.name);
        site.make("Teje");
        until("the search finds it", 20, || site.found("Teje") >= 1);
    }
    eras.new.call(["services", "set", "--search", SEARCH]).ok();
    docker(&["rmi", other]);
    for era in &NEW {
        let site = eras.site(&eras.new, era.name);
        assert!(site.found("Teje") >= 1, "{}", era.name);
    }
}

/// Each verb of the main job, on one instance.
fn walk(cluster: &Cluster, era: &Era) {
    let name = era.name;
    let call = |words: &[&'static str]| cluster.instance(name, words.iter().copied());
    call(&["init"]).expect(6).says(&["has content"]);
    assert_eq!(call(&["run", "pwd"]).ok().text(), era.work_dir);
    call(&["run_headless", "exit 9"]).expect(9);
    let shell = call(&["shell"]).input("echo in-$RAILS_ENV\n").ok();
    assert_eq!(shell.text(), "in-production");
    call(&["db", "select database()"]).ok().says(&["kor_"]);
    let count = call(&["run", "bundle exec rails r 'puts User.count'"]).ok();
    assert!(count.text().ends_with(['1', '2']), "{}", count.out);
    let log = call(&["--json", "job", "echo at-work"]).ok().json()["log"]
        .as_str()
        .unwrap()
        .to_owned();
    until("the job is over", 30, || {
        fs::read_to_string(&log).is_ok_and(|text| text.contains("job ends with 0"))
    });
    call(&["logs", "-n", "5"]).ok();
    call(&["logs", "--container"]).ok();
    call(&["logs", "--jobs"]).ok().says(&["at-work"]);
    call(&["config", "set", "SERVER_NAME", "kor.example.org"]).ok();
    call(&["config", "get", "SERVER_NAME"])
        .ok()
        .says(&["kor.example.org"]);
    call(&["config", "unset", "SERVER_NAME"]).ok();
    let code = if era.by_files { 6 } else { 0 };
    call(&["config", "set", "NOTIFY_SENDER", "kor@example.org"]).expect(code);
    let port = call(&["config", "get", "PORT"]).ok().text().to_owned();
    let other = free_port().to_string();
    for number in [&other, &port] {
        cluster
            .instance(name, ["config", "set", "PORT", number.as_str()])
            .ok();
    }
    call(&["restart"]).ok();
    call(&["stop"]).ok();
    assert_eq!(cluster.condition(name), "down");
    call(&["migrate"]).ok();
    cluster.sql(&format!(
        "drop database kor_{name}; create database kor_{name}"
    ));
    call(&["init", "--keep-default-admin"]).ok();
    call(&["start", "--json"]).ok();
    assert_eq!(cluster.condition(name), "up");
    let shown = call(&["contract", "show", era.version, "--json"])
        .ok()
        .json();
    assert_eq!(shown["contract"]["image"]["work_dir"], era.work_dir);
    call(&["recover"]).ok().says(&["nothing was interrupted"]);
    call(&["history"])
        .ok()
        .says(&["init", "restart", "migrate"]);
}

#[test]
fn every_verb_works_on_the_contracts_of_the_old_eras() {
    let (_guard, eras) = eras();
    OLD.iter().for_each(|era| walk(&eras.old, era));
    down_and_up(&eras.old, &OLD);
}

#[test]
fn every_verb_works_on_the_contracts_of_the_newer_eras() {
    let (_guard, eras) = eras();
    NEW.iter().for_each(|era| walk(&eras.new, era));
    down_and_up(&eras.new, &NEW);
}

fn down_and_up(cluster: &Cluster, eras: &[Era]) {
    let count = || -> usize {
        let list = docker(&["volume", "ls", "-q"]).ok();
        list.text().lines().count()
    };
    cluster.call(["shutdown"]).ok();
    assert_eq!(containers(cluster.path()), [""; 0]);
    let volumes = count();
    cluster.call(["boot"]).ok();
    for era in eras {
        assert_eq!(cluster.condition(era.name), "up");
        cluster.instance(era.name, ["restart"]).ok();
    }
    cluster.call(["shutdown"]).ok();
    // Other tests make and remove some at the same time, but none of ours may pile up.
    until("no volume is left", 60, || count() <= volumes + 2);
    cluster.call(["boot"]).ok();
}

#[test]
fn no_secret_is_shown_in_any_era() {
    let (_guard, eras) = eras();
    for (cluster, era) in eras.all() {
        // `init --keep-default-admin` of another test leaves the file of the first password.
        let secrets = secrets(cluster, &[era.name]);
        for container in containers(cluster.path()) {
            let inspected = docker(&["inspect", &container]).ok();
            assert_free(&container, inspected.out.as_bytes(), &secrets);
            let logs = docker(&["logs", &container]).ok();
            assert_free(&container, (logs.out + &logs.err).as_bytes(), &secrets);
            let processes = docker(&["top", &container, "-o", "pid,args"]).ok();
            assert_free(&container, processes.out.as_bytes(), &secrets);
        }
        let mut files = Vec::new();
        open_files(&cluster.instance_root(era.name), &mut files);
        open_files(&cluster.root.join(".kor-cluster"), &mut files);
        open_files(&cluster.root.join("ssmtp"), &mut files);
        assert!(!files.is_empty(), "the log at least is open");
        for file in files {
            let Ok(bytes) = fs::read(&file) else { continue };
            assert_free(&file.display().to_string(), &bytes, &secrets);
        }
        for words in [&["status", "--json"][..], &["config", "get", "--json"]] {
            let ran = cluster.instance(era.name, words.iter().copied()).ok();
            assert_free(&words.join(" "), (ran.out + &ran.err).as_bytes(), &secrets);
        }
    }
}

#[test]
fn what_the_background_processes_of_an_era_are_at_is_in_status() {
    let (_guard, eras) = eras();
    let status = eras.new.status_of("three");
    assert_eq!(status["unfinished"], json!(0), "{status}");
}
