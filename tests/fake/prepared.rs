//! Places as a verb may find them.

use crate::place::Place;

pub fn nothing(_: &Place) {}

pub fn down(place: &Place) {
    place.call(&["create", "c"]).done();
}

pub fn up(place: &Place) {
    down(place);
    place.link("c/cluster.sh", &["boot"]).done();
}

pub fn made(place: &Place) {
    up(place);
    place
        .link("c/cluster.sh", &["new", "a", "--port", "{a}"])
        .done();
}

pub fn started(place: &Place) {
    made(place);
    place.link("c/instances/a/instance.sh", &["start"]).done();
}

pub fn should_run(place: &Place) {
    started(place);
    place.link("c/cluster.sh", &["shutdown"]).done();
}

/// The name of the one snapshot that there is.
pub const SNAPSHOT: &str = "a.20260101_000000.v5.0.1.tar.zst";

pub fn with_snapshot(place: &Place) {
    started(place);
    place
        .link("c/instances/a/instance.sh", &["snapshot"])
        .done();
    let directory = place.path().join("c/snapshots");
    let taken = std::fs::read_dir(&directory).unwrap().next().unwrap();
    std::fs::rename(taken.unwrap().path(), directory.join(SNAPSHOT)).unwrap();
}

/// The name of one that says nowhere of which version it is.
pub const NAMELESS: &str = "nameless.tar.gz";

pub fn with_nameless(place: &Place) {
    started(place);
    let words = ["snapshot", "--format", "tar.gz"];
    place.link("c/instances/a/instance.sh", &words).done();
    let directory = place.path().join("c/snapshots");
    let taken = std::fs::read_dir(&directory).unwrap().next().unwrap();
    std::fs::rename(taken.unwrap().path(), directory.join(NAMELESS)).unwrap();
}

pub fn with_snapshots(place: &Place) {
    with_snapshot(place);
    let directory = place.path().join("c/snapshots");
    for day in ["02", "03", "04"] {
        let name = SNAPSHOT.replace("20260101", &format!("202601{day}"));
        std::fs::copy(directory.join(SNAPSHOT), directory.join(name)).unwrap();
    }
}

pub fn with_documents(place: &Place) {
    with_snapshot(place);
    let taken = place.join("c/snapshots").join(SNAPSHOT);
    let kept = place.join("c/snapshots/taken");
    std::fs::rename(&taken, &kept).unwrap();
    let documents = crate::index::lines(&[0, 1]);
    crate::repacked::repacked(&kept, &taken, Some(2), |unpacked| {
        std::fs::write(&unpacked.documents, documents).unwrap();
    });
    std::fs::remove_file(kept).unwrap();
}

pub fn with_snapshot_and_down(place: &Place) {
    with_snapshot(place);
    place.link("c/instances/a/instance.sh", &["stop"]).done();
}

pub fn imported(place: &Place) {
    with_snapshot(place);
    place
        .link("c/instances/a/instance.sh", &["import", SNAPSHOT])
        .done();
}

/// What it keeps is of a time when it was down.
pub fn imported_and_started(place: &Place) {
    with_snapshot_and_down(place);
    let link = "c/instances/a/instance.sh";
    place.link(link, &["import", SNAPSHOT]).done();
    place.link(link, &["start"]).done();
}

pub fn upgraded(place: &Place) {
    started(place);
    place
        .link(
            "c/instances/a/instance.sh",
            &["upgrade", "v5.1.0", "--yes", "--no-snapshot"],
        )
        .done();
}

pub fn without_tables(place: &Place) {
    made(place);
    place.change_world(|world| {
        let database = world.databases.get_mut("c_mysql").unwrap();
        database.schemas.get_mut("kor_a").unwrap().clear();
        world.searches.get_mut("c_elastic").unwrap().clear();
    });
}

pub fn unfinished(place: &Place) {
    made(place);
    place.change_world(|world| {
        let database = world.databases.get_mut("c_mysql").unwrap();
        database.unfinished.insert("kor_a".to_owned(), 6);
    });
}
