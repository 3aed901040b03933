//! How the index of content that arrives is made: of documents where they do, else by the
//! application.

use std::fs;

use crate::place::{Ended, Place};
use crate::prepared::{SNAPSHOT, with_snapshot};
use crate::repacked::repacked;

const NEXT: &str = "a.20260102_000000.v5.0.1.tar.zst";

/// The documents of these rows, as a snapshot has them.
pub fn lines(numbers: &[u64]) -> String {
    let line = |number: &u64| {
        format!(
            r#"{{"id":"00000000-0000-4000-8000-{number:012}","type":"entities","source":{{"updated_at":{number}}}}}"#
        ) + "\n"
    };
    numbers.iter().map(line).collect()
}

/// An import of a snapshot with these documents; how it ended, and how many the index has.
fn imported(documents: &str, change: impl FnOnce(&Place)) -> (Ended, u64) {
    let place = Place::new();
    with_snapshot(&place);
    let snapshots = place.join("c/snapshots");
    let count = documents.lines().count() as u64;
    repacked(
        &snapshots.join(SNAPSHOT),
        &snapshots.join(NEXT),
        Some(count),
        |unpacked| {
            fs::write(&unpacked.documents, documents).unwrap();
        },
    );
    change(&place);
    let ended = place.link("c/instances/a/instance.sh", &["import", NEXT]);
    let world = place.world();
    let mut indices = world.searches["c_elastic"].clone();
    indices.remove("kor_a");
    assert_eq!(indices.len(), 1, "{indices:?}");
    let left = fs::read_dir(place.join("c/.kor-cluster/next")).unwrap();
    assert_eq!(left.count(), 0);
    (ended, indices.pop_first().unwrap().1)
}

#[test]
fn documents_of_the_snapshot_are_taken_and_the_application_is_not_asked() {
    // One of a row that is not there, and one of a row that was changed, are left where they are.
    let documents = lines(&[0, 1, 2, 7]) + &lines(&[1]).replace(":1}", ":9}");
    let (ended, count) = imported(&documents, |place| {
        place.change_world(|world| world.fails.push("index-all".to_owned()));
    });
    assert_eq!(ended.code, Some(0), "{ended:?}");
    assert_eq!(count, 3);
    assert!(
        ended.err.contains("3 documents are those of the snapshot"),
        "{ended:?}"
    );
}

#[test]
fn documents_that_do_not_do_are_passed_over() {
    for (documents, why) in [
        (lines(&[0]), "2 of 3"),
        ("{}\n".to_owned(), "no document"),
        (lines(&[0, 1, 2]).replace("entities", "others"), "3 of 3"),
    ] {
        let (ended, count) = imported(&documents, |_| {});
        assert_eq!(ended.code, Some(0), "{ended:?}");
        assert_eq!(count, 3);
        assert!(ended.err.contains(why), "{ended:?}");
        // Those of the index that the content had before are as good.
        assert!(ended.err.contains("those of the index kor_a"), "{ended:?}");
    }
}

#[test]
fn where_nothing_does_the_application_makes_the_index() {
    for change in [
        |place: &Place| place.change_world(|world| world.fails.push("create_index".to_owned())),
        |place: &Place| {
            place.change_world(|world| {
                let indices = world.searches.get_mut("c_elastic").unwrap();
                indices.insert("kor_a".to_owned(), 1);
            });
        },
    ] {
        let (ended, count) = imported(&lines(&[1]), change);
        assert_eq!(ended.code, Some(0), "{ended:?}");
        assert_eq!(count, 3);
        assert!(!ended.err.contains("those of"), "{ended:?}");
    }
}
