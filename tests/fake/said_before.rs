//! What is said before anything is done: that `--yes` is going to be needed, that an image is
//! missing, that a word is too many.

use crate::field;
use crate::place::{Ended, Place};
use crate::prepared::started;
use crate::snapshot::State;

const CLUSTER: &str = "c/cluster.sh";
const INSTANCE: &str = "c/instances/a/instance.sh";
const IMAGE: &str = "coneda/kor:v5.1.0";

fn wants_yes(ended: &Ended) -> bool {
    ended.err.contains("say --yes")
}

#[test]
fn a_dry_run_says_that_a_script_will_need_yes() {
    let place = Place::in_memory();
    started(&place);
    for words in [
        &["upgrade", "v5.1.0"][..],
        &["upgrade", "v5.1.0", "--rehearse"],
        &["remove", "a"],
    ] {
        let called = match words[0] {
            "remove" => CLUSTER,
            _ => INSTANCE,
        };
        place.link(called, words).with(6);
        let dry = [words, &["--dry-run"]].concat();
        let ended = place.link(called, &dry).done();
        assert!(wants_yes(&ended), "{words:?}: {}", ended.err);
        let ended = place.link(called, &[&dry[..], &["--yes"]].concat()).done();
        assert!(!wants_yes(&ended), "{words:?}: {}", ended.err);
    }
    let ended = place.link(INSTANCE, &["stop", "--dry-run"]).done();
    assert!(
        !wants_yes(&ended),
        "nobody asks before a stop: {}",
        ended.err
    );
}

#[test]
fn so_does_the_first_boot_of_a_cluster_that_was_taken_over() {
    let place = Place::in_memory();
    field::adopted(&place);
    let before = State::of(&place);
    let ended = place.link(CLUSTER, &["boot", "--dry-run"]).done();
    assert!(wants_yes(&ended), "{}", ended.err);
    assert_eq!(State::of(&place), before);
    let ended = place.link(CLUSTER, &["boot", "--dry-run", "--yes"]).done();
    assert!(!wants_yes(&ended), "{}", ended.err);
}

#[test]
fn an_image_that_is_missing_is_no_good_end_of_a_dry_run() {
    let place = Place::in_memory();
    started(&place);
    place.change_world(|world| world.missing_images.push(IMAGE.to_owned()));
    let pull = format!("{} image pull {IMAGE}", place.join(CLUSTER).display());
    for more in [&[][..], &["--rehearse"]] {
        let real = [&["upgrade", "v5.1.0", "--yes"], more].concat();
        let dry = [&real[..], &["--dry-run"]].concat();
        let planned = place.link(INSTANCE, &dry).with(1).out;
        assert!(planned.contains("migrate the copy to v5.1.0"), "{planned}");
        assert!(
            planned.contains(&format!("{IMAGE} is not here")),
            "{planned}"
        );
        assert!(planned.contains(&pull), "{planned}");
        let object = place.link(INSTANCE, &[&dry[..], &["--json"]].concat());
        assert_eq!(object.with(1).json()["missing_images"][0], IMAGE);
        place.link(INSTANCE, &real).with(1);
    }
    place.change_world(|world| world.registry.push(IMAGE.to_owned()));
    place.link(CLUSTER, &["image", "pull", IMAGE]).done();
    let dry = ["upgrade", "v5.1.0", "--yes", "--dry-run", "--json"];
    let object = place.link(INSTANCE, &dry).done().json();
    assert_eq!(object["missing_images"], serde_json::json!([]));
}

#[test]
fn an_instance_s_name_beside_the_version_gets_the_words_to_type() {
    let place = Place::in_memory();
    started(&place);
    let before = State::of(&place);
    let link = place.join(CLUSTER);
    for (words, then) in [
        (&["upgrade", "a", "v5.1.0"][..], "-i a upgrade v5.1.0"),
        (&["upgrade", "v5.1.0", "a"], "-i a upgrade v5.1.0"),
        (&["upgrade", "a", "b", "5.1.0"], "-i a -i b upgrade 5.1.0"),
        (&["upgrade", "a", "master"], "-i a upgrade master"),
    ] {
        let ended = place.link(CLUSTER, words).with(2);
        let next = format!("next: {} {then}\n", link.display());
        assert!(ended.err.contains(&next), "{words:?}: {}", ended.err);
    }
    assert_eq!(State::of(&place), before);
    let ended = place.link(
        CLUSTER,
        &["-i", "a", "upgrade", "v5.1.0", "--dry-run", "--yes"],
    );
    ended.done();
}
