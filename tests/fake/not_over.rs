//! What those who look are told of an operation that is not over: whether somebody is at work on
//! it, what it keeps from being done, and what to type.

use std::process::Child;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::place::{Place, ended};
use crate::prepared::{made, started, upgraded};

const CLUSTER: &str = "c/cluster.sh";
const INSTANCE: &str = "c/instances/a/instance.sh";
const UPGRADE: &[&str] = &["upgrade", "v5.1.0", "--yes", "--no-snapshot"];

fn status(place: &Place) -> Value {
    place.link(CLUSTER, &["status", "--json"]).done().json()
}

/// What `status` and `list` say, for people.
fn said(place: &Place) -> [String; 2] {
    [&["status"], &["list"]].map(|words| place.link(CLUSTER, words).done().out)
}

/// Kills a command at the first place where `status` says this of the instance.
fn killed_where(place: &Place, words: &[&str], is_it: impl Fn(&Value) -> bool) -> Value {
    for at in 3..400 {
        let mut command = place.tool(place.join(INSTANCE));
        command.args(words);
        command.env("KOR_CLUSTER_CRASH_AT", at.to_string());
        let ended = ended(command.output().unwrap());
        assert_eq!(ended.code, None, "there is no such place: {ended:?}");
        let status = status(place);
        if is_it(&status["instances"][0]) {
            return status;
        }
        place.link(CLUSTER, &["recover"]).done();
    }
    panic!("there is no such place");
}

/// A command that goes on no further than to the place of this number.
struct Staying(Child);

impl Staying {
    fn at(number: usize, place: &Place, words: &[&str]) -> Self {
        let passed = place.join("passed");
        let _ = std::fs::remove_file(&passed);
        let mut command = place.tool(place.join(INSTANCE));
        command.args(words);
        command.env("KOR_CLUSTER_STAY_AT", number.to_string());
        command.env("KOR_CLUSTER_CRASH_LOG", &passed);
        let child = Staying(command.spawn().unwrap());
        let end = Instant::now() + Duration::from_secs(60);
        let count = || std::fs::read_to_string(&passed).map_or(0, |text| text.lines().count());
        while count() < number {
            assert!(Instant::now() < end, "it did not come so far");
            std::thread::sleep(Duration::from_millis(10));
        }
        child
    }

    fn process(&self) -> u32 {
        self.0.id()
    }
}

impl Drop for Staying {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[test]
fn a_killed_upgrade_is_half_done_and_says_what_to_type() {
    let place = Place::in_memory();
    started(&place);
    let status = killed_where(&place, UPGRADE, |a| a["writers_refused"] == true);
    let interrupted = &status["interrupted"][0];
    assert_eq!(interrupted["state"], "interrupted");
    assert_eq!(interrupted["worker"], Value::Null);
    assert_eq!(
        status["instances"][0]["not_over"],
        json!([interrupted["id"]])
    );
    let recover = format!("was interrupted: {} recover", place.join(CLUSTER).display());
    for text in said(&place) {
        assert!(
            text.contains("half done: `upgrade v5.1.0 --no-snapshot`"),
            "{text}"
        );
        assert!(text.contains(&recover), "{text}");
    }
    let [text, _] = said(&place);
    assert!(text.contains("of tester, begun "), "{text}");
    assert!(
        text.contains("\n  writers are refused until `recover`\n"),
        "{text}"
    );
    let list = place.link(CLUSTER, &["list", "--json"]).done().json();
    let cluster = &list["clusters"][0];
    assert_eq!(cluster["interrupted"], status["interrupted"]);
    assert_eq!(
        cluster["instances"][0]["not_over"],
        json!([interrupted["id"]])
    );

    place.link(CLUSTER, &["recover"]).done();
    let status = self::status(&place);
    assert_eq!(status["instances"][0]["writers_refused"], false);
    assert_eq!(status["instances"][0]["not_over"], json!([]));
    for text in said(&place) {
        assert!(
            !text.contains("half done") && !text.contains("refused"),
            "{text}"
        );
    }
}

#[test]
fn no_start_is_advised_that_would_be_refused() {
    let place = Place::in_memory();
    started(&place);
    killed_where(&place, UPGRADE, |a| a["condition"] == "down");
    let [text, _] = said(&place);
    assert!(text.contains("it should run: `recover` first"), "{text}");
    assert!(!text.contains("`start` it"), "{text}");
    place.link(INSTANCE, &["start"]).with(7);
    place.link(CLUSTER, &["recover"]).done();
    place.change_world(|world| {
        world.containers.remove("c_instance_a");
    });
    let [text, _] = said(&place);
    assert!(text.contains("it should run: `start` it"), "{text}");
}

#[test]
fn writers_that_have_a_new_user_are_not_refused() {
    let place = Place::in_memory();
    started(&place);
    let is_new = |a: &Value| a["asked_version"] == "v5.1.0" && a["not_over"] != json!([]);
    let status = killed_where(&place, UPGRADE, is_new);
    assert_eq!(status["instances"][0]["writers_refused"], false);
    assert_eq!(status["instances"][0]["undo"], Value::Null);
    let [text, _] = said(&place);
    assert!(!text.contains("--undo"), "{text}");
}

#[test]
fn a_killed_undo_is_no_upgrade_that_can_be_undone() {
    let place = Place::in_memory();
    upgraded(&place);
    let [text, _] = said(&place);
    assert!(text.contains("`upgrade --undo` until"), "{text}");
    let is_half_done = |a: &Value| a["not_over"] != json!([]);
    let status = killed_where(&place, &["upgrade", "--undo"], is_half_done);
    assert_eq!(status["instances"][0]["undo"], Value::Null);
    let [text, _] = said(&place);
    assert!(!text.contains("`upgrade --undo` until"), "{text}");
    place.link(CLUSTER, &["recover"]).done();
    let [text, _] = said(&place);
    assert!(text.contains("`upgrade --undo` until"), "{text}");
}

#[test]
fn who_is_at_work_is_said_and_kept_from_nothing() {
    let place = Place::in_memory();
    made(&place);
    // The first step is done: it is written down that it should run.
    let staying = Staying::at(4, &place, &["start"]);
    let process = staying.process();
    let status = self::status(&place);
    assert_eq!(status["interrupted"][0]["state"], "at_work");
    assert_eq!(status["interrupted"][0]["worker"], process);
    for text in said(&place) {
        assert!(text.contains("at work: `start`"), "{text}");
        assert!(
            text.contains(&format!("process {process}, begun ")),
            "{text}"
        );
        assert!(
            !text.contains("recover") && !text.contains("half done"),
            "{text}"
        );
    }
    let [text, _] = said(&place);
    assert!(text.contains("it should run: wait for `start`"), "{text}");
    let history = place.link(CLUSTER, &["history"]).done().out;
    assert!(
        history.contains(&format!("process {process} is at work")),
        "{history}"
    );
    place.link(INSTANCE, &["stop"]).with(3);

    drop(staying);
    for text in said(&place) {
        assert!(text.contains("half done: `start`"), "{text}");
    }
    let staying = Staying::at(2, &place, &["recover"]);
    let status = self::status(&place);
    assert_eq!(status["interrupted"][0]["state"], "being_recovered");
    assert_eq!(status["interrupted"][0]["worker"], staying.process());
}
