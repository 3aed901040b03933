//! What an operator did between a crash and `recover`, or beside the tool, is kept.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use crate::place::Place;

/// The place in a killed verb where its files are placed and nothing else is done yet.
fn killed_after_placing(place: &Place, link: &str, words: &[&str]) {
    for at in 3..40 {
        let mut command = place.tool(place.join(link));
        command
            .args(words)
            .env("KOR_CLUSTER_CRASH_AT", at.to_string());
        assert_eq!(
            command.output().unwrap().status.code(),
            None,
            "it was not killed"
        );
        let config = fs::read_to_string(place.join("c/instances/a/config.sh")).unwrap();
        if config.contains("SHOULD_RUN=true") {
            return;
        }
        place.link("c/cluster.sh", &["recover"]).done();
    }
    panic!("nothing was placed");
}

#[test]
fn an_edit_after_a_crash_outlives_recover() {
    let place = Place::with_cluster();
    place
        .link("c/cluster.sh", &["new", "a", "--port", "18041"])
        .done();
    killed_after_placing(&place, "c/instances/a/instance.sh", &["start"]);
    let file = place.join("c/instances/a/config.sh");
    let text = fs::read_to_string(&file).unwrap() + "MY_KEY=precious\n";
    fs::write(&file, &text).unwrap();
    let ended = place.link("c/cluster.sh", &["recover"]).done();
    assert!(
        ended.err.contains("changed by somebody else"),
        "{}",
        ended.err
    );
    assert_eq!(fs::read_to_string(&file).unwrap(), text);
}

#[test]
fn what_was_put_into_a_half_made_cluster_stays() {
    let place = Place::new();
    let mut at = 4;
    loop {
        let mut command = place.tool(crate::place::binary());
        command
            .args(["create", "c"])
            .env("KOR_CLUSTER_CRASH_AT", at.to_string());
        assert_eq!(command.output().unwrap().status.code(), None);
        if place.join("c/mysql").exists() {
            break;
        }
        at += 1;
    }
    fs::write(place.join("c/mysql/ibdata1"), "rows").unwrap();
    let ended = place.call(&["create", "c"]).with(6);
    assert!(ended.err.contains("something else"), "{}", ended.err);
    assert_eq!(
        fs::read_to_string(place.join("c/mysql/ibdata1")).unwrap(),
        "rows"
    );
}

#[test]
fn a_cluster_whose_configuration_is_away_loses_nothing() {
    let place = Place::with_cluster();
    fs::rename(place.join("c/config.sh"), place.join("c/config.away")).unwrap();
    place.link("c/cluster.sh", &["recover"]);
    place.call(&["create", "c"]).with(6);
    assert!(place.join("c/.kor-cluster/database_root_password").exists());
    fs::rename(place.join("c/config.away"), place.join("c/config.sh")).unwrap();
    place.link("c/cluster.sh", &["shutdown"]).done();
    place.link("c/cluster.sh", &["boot"]).done();
}

#[test]
fn a_copy_of_an_instance_is_none() {
    let place = Place::with_cluster();
    place
        .link("c/cluster.sh", &["new", "a", "--port", "18042"])
        .done();
    place.link("c/cluster.sh", &["start", "a"]).done();
    let status = std::process::Command::new("cp")
        .arg("-a")
        .arg(place.join("c/instances/a"))
        .arg(place.join("c/instances/a.bak"))
        .status();
    assert!(status.unwrap().success());
    let ended = place.link("c/cluster.sh", &["start", "a.bak"]).with(1);
    assert!(
        ended.err.contains("is the directory a copy?"),
        "{}",
        ended.err
    );
    place.link("c/cluster.sh", &["status"]).done();
    place.link("c/cluster.sh", &["shutdown"]).done();
    let ended = place.link("c/cluster.sh", &["boot"]).with(1);
    assert!(ended.err.contains("a.bak"), "{}", ended.err);
    let list = place
        .link("c/cluster.sh", &["list", "--json"])
        .done()
        .json();
    assert_eq!(list["clusters"][0]["instances"][0]["web"], "running");
}

#[test]
fn an_index_is_one_and_no_pattern() {
    let place = Place::with_cluster();
    place
        .link("c/cluster.sh", &["new", "a", "--port", "18043"])
        .done();
    let file = place.join("c/instances/a/.env");
    let text = fs::read_to_string(&file).unwrap();
    fs::write(
        &file,
        text.replace("ELASTIC_INDEX='kor_a'", "ELASTIC_INDEX='kor_*'"),
    )
    .unwrap();
    let ended = place.link("c/instances/a/instance.sh", &["start"]).with(1);
    assert!(ended.err.contains("no name of one index"), "{}", ended.err);
}

#[test]
fn what_was_started_since_an_import_should_run_after_its_undo() {
    let place = Place::new();
    crate::prepared::imported_and_started(&place);
    let link = "c/instances/a/instance.sh";
    place.link(link, &["import", "--undo"]).done();
    for words in [&["shutdown"][..], &["boot"]] {
        place.link("c/cluster.sh", words).done();
    }
    assert!(place.world().runs("c_instance_a"));
}

#[test]
fn snapshots_of_the_same_second_do_not_meet() {
    let place = Place::with_cluster();
    place
        .link("c/cluster.sh", &["new", "a", "--port", "{a}"])
        .done();
    let taken: BTreeSet<String> = (0..3)
        .map(|_| place.link("c/cluster.sh", &["snapshot", "a"]).done().out)
        .collect();
    assert_eq!(taken.len(), 3, "each has a name of its own: {taken:?}");
    assert!(taken.iter().all(|path| Path::new(path.trim_end()).exists()));
}

/// An upgrade that was killed; then its instance was stopped.
#[test]
fn what_was_stopped_since_a_crash_stays_down() {
    let place = Place::in_memory();
    crate::prepared::started(&place);
    let bench = crate::bench::Bench::of(place);
    let place = &bench.place;
    let link = "c/instances/a/instance.sh";
    // From the middle of its work on.
    for at in (60..).step_by(17) {
        bench.restore();
        let mut command = place.tool(place.join(link));
        command
            .args(["upgrade", "v5.1.0", "--yes", "--no-snapshot"])
            .env("KOR_CLUSTER_CRASH_AT", at.to_string());
        if command.output().unwrap().status.code().is_some() {
            assert!(at > 100, "{at}");
            return;
        }
        // Times are of whole seconds.
        std::thread::sleep(std::time::Duration::from_millis(1100));
        place.link(link, &["stop"]).done();
        let recovered = bench.recover().done();
        assert!(
            !recovered.err.contains("somebody else"),
            "{}",
            recovered.err
        );
        let status = place.link(link, &["status", "--json"]).done().json();
        let instance = &status["instances"][0];
        assert_eq!(instance["condition"], "down", "{at}: {status}");
        assert_eq!(instance["should_run"], false, "{at}: {status}");
        assert!(!place.world().runs("c_instance_a"));
        assert_eq!(bench.recover().json()["changed"], false);
    }
}

fn killed(place: &Place, at: &str, words: &[&str]) {
    let mut command = place.tool(place.join("c/instances/a/instance.sh"));
    command.args(words).env("KOR_CLUSTER_CRASH_AT", at);
    assert_eq!(command.output().unwrap().status.code(), None, "{words:?}");
    // Times are of whole seconds.
    std::thread::sleep(std::time::Duration::from_millis(1100));
}

#[test]
fn what_was_stopped_and_started_again_since_a_crash_runs() {
    let place = Place::new();
    crate::prepared::started(&place);
    let link = "c/instances/a/instance.sh";
    killed(&place, "60", &["upgrade", "v5.1.0", "--yes", "--rehearse"]);
    for verb in ["stop", "start", "recover"] {
        place.link(link, &[verb]).done();
    }
    assert!(place.world().runs("c_instance_a"));
}

/// Going on was tried, for something was written to the new version.
#[test]
fn what_was_stopped_stays_down_also_where_going_on_fails() {
    let place = Place::new();
    crate::prepared::started(&place);
    let link = "c/instances/a/instance.sh";
    killed(
        &place,
        "before others write to new content+5",
        &["upgrade", "v5.1.0", "--yes", "--no-snapshot"],
    );
    fs::write(place.join("c/instances/a/data/written"), "written").unwrap();
    place.link(link, &["stop"]).done();
    place.change_world(|world| {
        let fails = "create c_instance_a from coneda/kor:v5.1.0";
        world.fails.push(fails.to_owned());
    });
    let recovered = place.link(link, &["recover"]).with(1);
    assert!(recovered.err.contains("that is in"), "{recovered:?}");
    assert!(!place.world().runs("c_instance_a"));
    let config = fs::read_to_string(place.join("c/instances/a/config.sh")).unwrap();
    assert!(config.contains("SHOULD_RUN=false") && config.contains("VERSION=v5.0.1"));
}

#[test]
fn a_journal_of_another_version_is_not_called_damaged() {
    let place = Place::new();
    crate::prepared::started(&place);
    killed(
        &place,
        "60",
        &["upgrade", "v5.1.0", "--yes", "--no-snapshot"],
    );
    let directory = place.join("c/.kor-cluster/journal");
    let file = fs::read_dir(directory).unwrap().next().unwrap().unwrap();
    let text = fs::read_to_string(file.path()).unwrap();
    let (first, rest) = text.split_once('\n').unwrap();
    let (_, body) = first.split_once(',').unwrap();
    let body = format!("{{{}", body.replace("note_content", "of_tomorrow"));
    let crc = crc32fast::hash(body.as_bytes());
    let first = format!("{{\"crc\":{crc},{}", &body[1..]);
    fs::write(file.path(), format!("{first}\n{rest}")).unwrap();
    let ended = place.link("c/cluster.sh", &["recover"]).with(1);
    assert!(ended.err.contains("of another version"), "{ended:?}");
}
