use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::time::{Duration, Instant, SystemTime};

use super::*;

fn text(path: PathBuf) -> String {
    fs::read_to_string(path).unwrap()
}

#[test]
fn an_update_takes_over_what_is_new_changed_and_gone() {
    let place = tempfile::tempdir().unwrap();
    let (from, to) = (place.path().join("data"), place.path().join("clone"));
    fs::create_dir_all(from.join("media/a")).unwrap();
    fs::write(from.join("media/a/1"), "one").unwrap();
    fs::write(from.join("media/a/2"), "two").unwrap();
    fs::write(from.join("settings.json"), "old").unwrap();
    let patient = Interrupt::default();
    fs::write(from.join("left"), "out").unwrap();
    let rules = Rules {
        write_once: vec!["media".into()],
        left_out: vec!["left".into()],
        ..Rules::default()
    };
    let mut clone = Clone::begin(&from, &to, &rules).unwrap();
    clone.update(&patient).unwrap();
    assert_eq!(text(to.join("media/a/1")), "one");
    assert!(!to.join("left").exists());

    fs::remove_file(from.join("media/a/1")).unwrap();
    fs::remove_file(from.join("media/a/2")).unwrap();
    fs::write(from.join("media/a/2"), "new inode").unwrap();
    fs::create_dir(from.join("media/b")).unwrap();
    fs::write(from.join("media/b/3"), "three").unwrap();
    fs::write(from.join("settings.json"), "new!").unwrap();
    clone.update(&patient).unwrap();
    assert!(!to.join("media/a/1").exists());
    assert_eq!(text(to.join("media/a/2")), "new inode");
    assert_eq!(text(to.join("media/b/3")), "three");
    assert_eq!(text(to.join("settings.json")), "new!");

    // What is rewritten in place afterwards does not reach the clone.
    fs::write(from.join("settings.json"), "later").unwrap();
    assert_eq!(text(to.join("settings.json")), "new!");
}

/// As of a step that goes on with the clone of another step: nothing is known of it.
#[test]
fn a_clone_of_earlier_is_brought_up_to_date_by_one_who_knows_nothing_of_it() {
    let place = tempfile::tempdir().unwrap();
    let (from, to) = (place.path().join("from"), place.path().join("clone"));
    fs::create_dir_all(from.join("data/media/gone")).unwrap();
    for name in ["stays", "goes", "changes", "gone/goes"] {
        fs::write(from.join("data/media").join(name), "old").unwrap();
    }
    fs::write(from.join("data/settings.json"), "old").unwrap();
    let rules = rules();
    let update = || {
        let mut clone = Clone::begin(&from, &to, &rules).unwrap();
        clone.update(&Interrupt::default()).unwrap();
    };
    update();
    fs::remove_file(from.join("data/media/goes")).unwrap();
    fs::remove_dir_all(from.join("data/media/gone")).unwrap();
    fs::remove_file(from.join("data/media/changes")).unwrap();
    fs::write(from.join("data/media/changes"), "new").unwrap();
    fs::create_dir(from.join("data/media/comes")).unwrap();
    fs::write(from.join("data/media/comes/file"), "new").unwrap();
    fs::write(from.join("data/settings.json"), "new").unwrap();
    fs::write(to.join("data/superfluous"), "of nobody").unwrap();
    update();
    let media = |name: &str| text(to.join("data/media").join(name));
    assert_eq!(media("stays"), "old");
    assert_eq!(
        (media("changes"), media("comes/file")),
        ("new".into(), "new".into())
    );
    assert_eq!(text(to.join("data/settings.json")), "new");
    for name in ["media/goes", "media/gone", "superfluous"] {
        assert!(!to.join("data").join(name).exists(), "{name}");
    }
}

fn rules() -> Rules {
    Rules {
        write_once: vec!["data/media".into()],
        followed: "data".into(),
        ..Rules::default()
    }
}

#[test]
fn what_is_rewritten_twice_within_a_tick_of_the_clock_is_seen() {
    let place = tempfile::tempdir().unwrap();
    let (from, to) = (place.path().join("from"), place.path().join("clone"));
    fs::create_dir_all(from.join("data")).unwrap();
    let settings = from.join("data/settings.json");
    let patient = Interrupt::default();
    let rules = rules();
    let mut clone = Clone::begin(&from, &to, &rules).unwrap();
    for number in 0..300 {
        // Of one length, and as fast as it goes.
        fs::write(&settings, format!("{number:05}")).unwrap();
        clone.update(&patient).unwrap();
        fs::write(&settings, format!("{:05}", number + 1)).unwrap();
        clone.update(&patient).unwrap();
        let copied = text(to.join("data/settings.json"));
        assert_eq!(copied, format!("{:05}", number + 1));
    }
}

/// A link changes what it is made to, and is no reason to copy it: of an upgrade's two clones the
/// second would be a copy of everything.
#[test]
fn a_second_clone_right_after_the_first_takes_no_more_room_than_that() {
    let place = tempfile::tempdir().unwrap();
    let from = place.path().join("from");
    fs::create_dir_all(from.join("data/media")).unwrap();
    let file = from.join("data/media/file");
    fs::write(&file, "content").unwrap();
    let long_ago = std::time::SystemTime::now() - std::time::Duration::from_secs(60);
    let there = File::options().write(true).open(&file).unwrap();
    there.set_modified(long_ago).unwrap();
    let rules = rules();
    let names = ["one", "two"].map(|name| place.path().join(name));
    for to in &names {
        let mut clone = Clone::begin(&from, to, &rules).unwrap();
        clone.update(&Interrupt::default()).unwrap();
    }
    let links = fs::metadata(&file).unwrap().nlink();
    let method = Clone::begin(&from, &names[0], &rules).unwrap().method();
    match method {
        CloneKind::HardLinks => assert_eq!(links, 3),
        _ => assert_eq!(links, 1),
    }
}

#[test]
fn new_inodes_are_seen_also_where_the_directory_has_the_same_time() {
    let place = tempfile::tempdir().unwrap();
    let (from, to) = (place.path().join("from"), place.path().join("clone"));
    let media = from.join("data/media/original/000");
    fs::create_dir_all(&media).unwrap();
    let patient = Interrupt::default();
    let rules = rules();
    let mut clone = Clone::begin(&from, &to, &rules).unwrap();
    for number in 0..200 {
        let (file, beside) = (media.join("image"), media.join("new"));
        fs::write(&beside, format!("{number:05}")).unwrap();
        fs::rename(&beside, &file).unwrap();
        clone.update(&patient).unwrap();
        let copied = to.join("data/media/original/000/image");
        assert_eq!(text(copied), format!("{number:05}"));
    }
}

#[test]
fn an_unchanged_directory_is_skipped_and_a_changed_one_below_it_is_not() {
    let place = tempfile::tempdir().unwrap();
    let (from, to) = (place.path().join("from"), place.path().join("clone"));
    let leaf = from.join("data/media/a/b");
    fs::create_dir_all(&leaf).unwrap();
    fs::write(leaf.join("1"), "one").unwrap();
    std::thread::sleep(Duration::from_millis(1300));
    let patient = Interrupt::default();
    let rules = rules();
    let mut clone = Clone::begin(&from, &to, &rules).unwrap();
    clone.update(&patient).unwrap();
    fs::write(leaf.join("2"), "two").unwrap();
    fs::create_dir(leaf.join("c")).unwrap();
    fs::write(leaf.join("c/3"), "three").unwrap();
    clone.update(&patient).unwrap();
    assert_eq!(text(to.join("data/media/a/b/2")), "two");
    assert_eq!(text(to.join("data/media/a/b/c/3")), "three");
    fs::remove_dir_all(leaf.join("c")).unwrap();
    clone.update(&patient).unwrap();
    assert!(!to.join("data/media/a/b/c").exists());
    assert!(to.join("data/media/a/b/1").exists());
}

#[test]
fn an_update_that_was_stopped_is_gone_on_with() {
    let place = tempfile::tempdir().unwrap();
    let (from, to) = (place.path().join("from"), place.path().join("clone"));
    for number in 0..20 {
        let directory = from.join(format!("data/media/{number}"));
        fs::create_dir_all(&directory).unwrap();
        fs::write(directory.join("image"), number.to_string()).unwrap();
        fs::write(from.join(format!("data/{number}")), number.to_string()).unwrap();
    }
    let rules = rules();
    let mut clone = Clone::begin(&from, &to, &rules).unwrap();
    let stopped = Interrupt::default();
    std::thread::scope(|scope| {
        scope.spawn(|| {
            std::thread::sleep(Duration::from_micros(300));
            stopped.ask();
        });
        let _ = clone.update(&stopped);
    });
    assert!(clone.update(&stopped).is_err());
    clone.update(&Interrupt::default()).unwrap();
    for number in 0..20 {
        let copied = to.join(format!("data/media/{number}/image"));
        assert_eq!(text(copied), number.to_string());
        assert_eq!(text(to.join(format!("data/{number}"))), number.to_string());
    }
}

#[test]
fn mode_time_links_and_extended_attributes_are_kept() {
    use rustix::fs::{XattrFlags, getxattr, setxattr};
    let place = tempfile::tempdir().unwrap();
    let (from, to) = (place.path().join("from"), place.path().join("clone"));
    fs::create_dir_all(from.join("data/empty")).unwrap();
    let file = from.join("data/file");
    fs::write(&file, "content").unwrap();
    let has_attributes = setxattr(&file, "user.kct", b"kept", XattrFlags::empty()).is_ok();
    fs::set_permissions(&file, fs::Permissions::from_mode(0o640)).unwrap();
    fs::set_permissions(from.join("data/empty"), fs::Permissions::from_mode(0o2750)).unwrap();
    std::os::unix::fs::symlink("file", from.join("data/link")).unwrap();
    let past = SystemTime::UNIX_EPOCH + Duration::new(1_000_000_000, 123_456_789);
    File::open(&file).unwrap().set_modified(past).unwrap();
    let rules = rules();
    let mut clone = Clone::begin(&from, &to, &rules).unwrap();
    clone.update(&Interrupt::default()).unwrap();
    let copied = to.join("data/file");
    let meta = fs::metadata(&copied).unwrap();
    assert_eq!(meta.mode() & 0o7777, 0o640);
    assert_eq!(meta.modified().unwrap(), past);
    let directory = fs::metadata(to.join("data/empty")).unwrap();
    assert_eq!(directory.mode() & 0o7777, 0o2750);
    assert_eq!(
        fs::read_link(to.join("data/link")).unwrap(),
        Path::new("file")
    );
    if has_attributes {
        let mut value = [0; 16];
        let length = getxattr(&copied, "user.kct", &mut value[..]).unwrap();
        assert_eq!(&value[..length], b"kept");
    }
}

#[test]
#[ignore = "200,000 files: for the figures in docs/benchmarks.md"]
fn two_hundred_thousand_files() {
    for (files, directories) in [(200_000, 1), (1000, 200), (1, 200_000)] {
        let place = tempfile::tempdir().unwrap();
        let (from, to) = (place.path().join("from"), place.path().join("clone"));
        for number in 0..directories {
            let directory = from.join(format!("data/media/{:03}/{number}", number / 1000));
            fs::create_dir_all(&directory).unwrap();
            for file in 0..files {
                fs::write(directory.join(format!("image{file}.jpg")), b"x").unwrap();
            }
        }
        std::thread::sleep(Duration::from_millis(1300));
        let rules = rules();
        let mut clone = Clone::begin(&from, &to, &rules).unwrap();
        let mut times = Vec::new();
        for round in 0..3 {
            if round == 2 {
                fs::write(from.join("data/media/000/0/another"), b"x").unwrap();
            }
            let begun = Instant::now();
            clone.update(&Interrupt::default()).unwrap();
            times.push(begun.elapsed());
        }
        println!(
            "{directories} directories of {files}: {:?} {times:?}",
            clone.method()
        );
    }
}
