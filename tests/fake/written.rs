//! What is written to new content, be it in the seconds after its start or in the days after it, is never
//! given up without a word: a crash in between changes nothing of that.

use std::fs;

use kor_cluster::model::container::State;

use crate::bench::Bench;
use crate::place::{Ended, Place, ended};
use crate::prepared::{SNAPSHOT, started, upgraded, with_snapshot};

const INSTANCE: &str = "c/instances/a/instance.sh";
const UPGRADE: &[&str] = &["upgrade", "v5.1.0", "--yes", "--no-snapshot"];
const IMPORT: &[&str] = &["import", SNAPSHOT];

/// A place, and a verb that has other content served there.
type Verb = (fn(&Place), &'static [&'static str]);

/// The schema that the instance is configured with.
fn schema(place: &Place) -> String {
    let text = fs::read_to_string(place.join("c/instances/a/.env")).unwrap();
    let url = text.lines().find(|line| line.starts_with("DATABASE_URL"));
    let name = url.unwrap().rsplit('/').next().unwrap();
    name.trim_matches('\'')
        .split('?')
        .next()
        .unwrap()
        .to_owned()
}

/// One writes a row and a file, and takes away and changes one.
fn write(place: &Place) {
    let schema = schema(place);
    place.change_world(|world| {
        let database = world.databases.get_mut("c_mysql").unwrap();
        let tables = database.schemas.get_mut(&schema).unwrap();
        tables.insert("written".to_owned());
    });
    fs::write(place.join("c/instances/a/data/written"), "written").unwrap();
    // What was there before an import or an undo has none.
    let _ = fs::remove_file(place.join("c/instances/a/data/goes"));
}

fn has_what_was_written(place: &Place) -> bool {
    let world = place.world();
    let tables = &world.databases["c_mysql"].schemas[&schema(place)];
    let data = |name: &str| place.join("c/instances/a/data").join(name).exists();
    assert_eq!(tables.contains("written"), data("written"), "half of it");
    assert_eq!(tables.contains("written"), !data("goes"), "half of it");
    data("written")
}

fn snapshots(place: &Place) -> usize {
    let there = fs::read_dir(place.join("c/snapshots")).unwrap();
    there.count()
}

fn with_file(place: &Place) {
    started(place);
    fs::write(place.join("c/instances/a/data/goes"), "goes").unwrap();
}

fn upgraded_with_file(place: &Place) {
    with_file(place);
    place.link(INSTANCE, UPGRADE).done();
}

/// A verb killed at each place where its new content serves; what is written to it there, and then
/// `then`. How often that was.
fn killed_and_written(verb: Verb, then: impl Fn(&Bench)) -> u32 {
    let place = Place::in_memory();
    verb.0(&place);
    let bench = Bench::of(place);
    let before = schema(&bench.place);
    let mut times = 0;
    for at in 1.. {
        bench.restore();
        let mut command = bench.place.tool(bench.place.join(INSTANCE));
        command
            .args(verb.1)
            .env("KOR_CLUSTER_CRASH_AT", at.to_string());
        if ended(command.output().unwrap()).code.is_some() {
            break;
        }
        let journals = fs::read_dir(bench.place.join("c/.kor-cluster/journal")).unwrap();
        let serves = bench.place.world().runs("c_instance_a") && schema(&bench.place) != before;
        if serves && journals.count() > 0 {
            write(&bench.place);
            then(&bench);
            times += 1;
        }
    }
    times
}

#[test]
fn what_was_written_before_a_crash_stays() {
    for verb in [(with_file as fn(&Place), UPGRADE), (with_snapshot, IMPORT)] {
        let times = killed_and_written(verb, |bench| {
            let there = snapshots(&bench.place);
            let recovered = bench.recover().done();
            assert!(has_what_was_written(&bench.place), "{recovered:?}");
            assert!(recovered.out.contains("--undo"), "{recovered:?}");
            assert_eq!(snapshots(&bench.place), there);
            assert_eq!(bench.recover().json()["changed"], false);
        });
        assert!(times > 4, "{times}");
    }
}

#[test]
fn an_undo_is_finished_once_the_former_content_served() {
    let times = killed_and_written((upgraded, &["upgrade", "--undo"]), |bench| {
        bench.recover().done();
        assert!(has_what_was_written(&bench.place));
    });
    assert!(times > 4, "{times}");
}

/// The new version ran, was written to, and cannot be started any more.
#[test]
fn what_was_written_to_what_cannot_go_on_is_in_a_snapshot() {
    let fails = |bench: &Bench| {
        bench.place.change_world(|world| {
            world
                .fails
                .push("create c_instance_a from coneda/kor:v5.1.0".to_owned());
            world.containers.remove("c_instance_a");
        });
    };
    let run = |discard: &[&str], kept: usize| {
        let undone = std::cell::Cell::new(0);
        killed_and_written((with_file, UPGRADE), |bench| {
            let there = snapshots(&bench.place);
            fails(bench);
            let recovered = recover(bench, discard);
            if has_what_was_written(&bench.place) {
                // It was healthy before the crash: nothing leads back any more.
                return;
            }
            undone.set(undone.get() + 1);
            assert_eq!(recovered.code, Some(i32::from(kept > 0)), "{recovered:?}");
            assert_eq!(snapshots(&bench.place), there + kept, "{recovered:?}");
            assert!(recovered.err.contains("that is in"), "{recovered:?}");
            assert!(recovered.err.contains("written: new"), "{recovered:?}");
            assert!(bench.place.world().runs("c_instance_a"));
            assert_eq!(bench.recover().json()["changed"], false);
        });
        assert!(undone.get() > 2, "{}", undone.get());
    };
    run(&[], 1);
    // It is not given up as long as it can be kept.
    run(&["--discard-new"], 1);
}

/// The former content served again, was written to, and cannot be started any more.
#[test]
fn an_undo_that_goes_back_keeps_what_was_written_in_a_snapshot() {
    let undone = std::cell::Cell::new(0);
    killed_and_written((upgraded_with_file, &["upgrade", "--undo"]), |bench| {
        bench.place.change_world(|world| {
            let fails = "create c_instance_a from coneda/kor:v5.0.1";
            world.fails.push(fails.to_owned());
            world.containers.remove("c_instance_a");
        });
        let there = snapshots(&bench.place);
        let recovered = recover(bench, &[]);
        if has_what_was_written(&bench.place) {
            return;
        }
        undone.set(undone.get() + 1);
        assert_eq!(recovered.code, Some(1), "{recovered:?}");
        assert_eq!(snapshots(&bench.place), there + 1, "{recovered:?}");
        assert!(recovered.err.contains("that is in"), "{recovered:?}");
        // And the next one undoes it, for nothing was written to what serves.
        bench.place.change_world(|world| world.fails.clear());
        bench.place.link(INSTANCE, &["upgrade", "--undo"]).done();
    });
    assert!(undone.get() > 2, "{}", undone.get());
}

/// What is set is written too; only whether it should run is carried over.
#[test]
fn a_setting_that_was_made_since_counts() {
    let place = Place::new();
    upgraded(&place);
    for verb in ["stop", "start"] {
        place.link(INSTANCE, &[verb]).done();
    }
    let set = ["config", "set", "MAIL_FROM", "museum@example.org"];
    place.link(INSTANCE, &set).done();
    let refused = place.link(INSTANCE, &["upgrade", "--undo"]).with(6);
    assert!(refused.err.contains(".env was changed"), "{refused:?}");
    assert!(!refused.err.contains("config.sh was"), "{refused:?}");
}

fn recover(bench: &Bench, more: &[&str]) -> Ended {
    ended(bench.recover_command().args(more).output().unwrap())
}

#[test]
fn files_count_as_rows_do() {
    let place = Place::new();
    started(&place);
    let data = place.join("c/instances/a/data");
    for name in ["goes", "changes"] {
        fs::write(data.join(name), name).unwrap();
    }
    place.link(INSTANCE, UPGRADE).done();
    fs::write(data.join("comes"), "comes").unwrap();
    fs::write(data.join("changes"), "is longer by now").unwrap();
    fs::remove_file(data.join("goes")).unwrap();
    for words in [
        &["upgrade", "--undo"][..],
        &["upgrade", "--undo", "--dry-run"],
    ] {
        let refused = place.link(INSTANCE, words).with(6);
        for said in [
            "1 file new: comes",
            "1 file changed: changes",
            "1 file gone: goes",
        ] {
            assert!(refused.err.contains(said), "{refused:?}");
        }
        assert!(refused.err.contains("--discard-new"), "{refused:?}");
    }
    let there = snapshots(&place);
    let words = ["upgrade", "--undo", "--discard-new"];
    place.link(INSTANCE, &words).done();
    assert_eq!(snapshots(&place), there + 1);
    assert!(data.join("goes").exists());
    assert!(!data.join("comes").exists());
    assert_eq!(fs::read_to_string(data.join("changes")).unwrap(), "changes");
}

/// One that ends and is started again by the engine, again and again, is what an undo is for.
#[test]
fn the_former_version_is_started_in_the_place_of_one_that_ends_again_and_again() {
    let place = Place::new();
    upgraded(&place);
    place.change_world(|world| {
        let web = world.containers.get_mut("c_instance_a").unwrap();
        web.state = State::Restarting;
    });
    place.link(INSTANCE, &["upgrade", "--undo"]).done();
    assert!(place.world().runs("c_instance_a"));
}

#[test]
fn what_was_kept_without_a_list_of_files_counts_as_written_to() {
    let place = Place::new();
    upgraded(&place);
    let kept = place.join("c/.kor-cluster/undo/a");
    let kept = fs::read_dir(kept).unwrap().next().unwrap().unwrap();
    fs::remove_file(kept.path().join("files.noted")).unwrap();
    let refused = place.link(INSTANCE, &["upgrade", "--undo"]).with(6);
    assert!(refused.err.contains("cannot be compared"), "{refused:?}");
    let words = ["upgrade", "--undo", "--discard-new"];
    place.link(INSTANCE, &words).done();
}

/// A row or a file alone is enough.
#[test]
fn either_of_both_is_seen() {
    let place = Place::in_memory();
    upgraded(&place);
    let bench = Bench::of(place);
    let refused = |said: &str| {
        let refused = bench.place.link(INSTANCE, &["upgrade", "--undo"]).with(6);
        assert!(refused.err.contains(said), "{refused:?}");
    };
    fs::write(bench.place.join("c/instances/a/data/written"), "w").unwrap();
    refused("1 file new: written");
    bench.restore();
    let schema = schema(&bench.place);
    bench.place.change_world(|world| {
        let database = world.databases.get_mut("c_mysql").unwrap();
        database
            .schemas
            .get_mut(&schema)
            .unwrap()
            .insert("row".to_owned());
    });
    refused("row: new");
    bench.restore();
    bench.place.link(INSTANCE, &["upgrade", "--undo"]).done();
}

#[test]
fn an_undo_that_fails_with_nothing_written_takes_no_snapshot() {
    let place = Place::new();
    crate::crossing::crossed(&place);
    place.change_world(|world| world.fails.push("start c_bg_a".to_owned()));
    let there = snapshots(&place);
    let failed = place.link(INSTANCE, &["upgrade", "--undo"]).with(1);
    assert_eq!(snapshots(&place), there, "{failed:?}");
}
