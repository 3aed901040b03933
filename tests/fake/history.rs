//! What `history` says of what was typed, and whoever names an interrupted operation.

use crate::place::{Place, ended};
use crate::prepared::{NAMELESS, SNAPSHOT, with_nameless, with_snapshot};

const CLUSTER: &str = "c/cluster.sh";
const INSTANCE: &str = "c/instances/a/instance.sh";

/// The words of the last operations, in their order.
fn words(place: &Place, count: &str) -> Vec<String> {
    let words = ["history", "--json", "-n", count];
    let history = place.link(CLUSTER, &words).done().json();
    let operations = history["operations"].as_array().unwrap();
    let words = operations.iter().map(|one| one["words"].as_str().unwrap());
    words.map(str::to_owned).collect()
}

#[test]
fn what_an_upgrade_went_to_and_which_kind_it_was() {
    let place = Place::in_memory();
    with_snapshot(&place);
    for words in [
        &["upgrade", "v5.1.0", "--yes", "--rehearse"][..],
        &["upgrade", "5.1.0", "--yes", "--no-snapshot"],
        &["upgrade", "--undo"],
        &["import", SNAPSHOT],
        &["import", "--forget"],
        &["restart"],
    ] {
        place.link(INSTANCE, words).done();
    }
    let typed = [
        "upgrade v5.1.0 --rehearse",
        "upgrade v5.1.0 --no-snapshot",
        "upgrade --undo",
        &format!("import {SNAPSHOT}"),
        "import --forget",
        "restart",
    ];
    assert_eq!(words(&place, "6"), typed);
    let text = place.link(CLUSTER, &["history"]).done().out;
    for line in [
        "  upgrade v5.1.0 --rehearse (a)  done",
        "  upgrade --undo (a)  done",
        "  restart a  done",
    ] {
        assert!(text.contains(line), "{line} is not in\n{text}");
    }
}

#[test]
fn where_content_came_from() {
    let place = Place::in_memory();
    with_nameless(&place);
    let file = place.join("c/snapshots/it's one.v5.0.1.tar.gz");
    std::fs::rename(place.join("c/snapshots").join(NAMELESS), &file).unwrap();
    let file = file.to_str().unwrap();
    for words in [
        &["clone", "a", "b", "--port", "{b}"][..],
        &[
            "new",
            "d",
            "--port",
            "{d}",
            "--version",
            "v5.0.1",
            "--from",
            file,
        ],
        &["services", "set", "--search", "elasticsearch:5.6.9"],
    ] {
        place.link(CLUSTER, words).done();
    }
    let quoted = format!("'{}'", file.replace('\'', r"'\''"));
    let typed = [
        "clone a b",
        &format!("new --version v5.0.1 --from {quoted}"),
        "services set --search elasticsearch:5.6.9",
    ];
    assert_eq!(words(&place, "3"), typed);
    let text = place.link(CLUSTER, &["history"]).done().out;
    assert!(text.contains("  clone a b  done"), "{text}");
}

#[test]
fn no_value_of_a_setting_is_written_down() {
    let place = Place::in_memory();
    with_snapshot(&place);
    let set = ["config", "set", "MAIL_SMTP_PASSWORD", "open sesame"];
    place.link(INSTANCE, &set).done();
    let mut command = place.tool(place.join(INSTANCE));
    command.args(["config", "set", "MAIL_SMTP_PASSWORD", "open barley"]);
    let killed = ended(command.env("KOR_CLUSTER_CRASH_AT", "3").output().unwrap());
    assert_eq!(killed.code, None);
    assert_eq!(words(&place, "1"), ["config set MAIL_SMTP_PASSWORD"]);
    for words in [
        &["history", "--json"],
        &["status", "--json"],
        &["list", "--json"],
    ] {
        let said = place.link(CLUSTER, words).done().out;
        assert!(said.contains("MAIL_SMTP_PASSWORD"), "{said}");
        assert!(!said.contains("open "), "{said}");
    }
}

#[test]
fn an_interrupted_one_is_called_by_the_same_words() {
    let place = Place::in_memory();
    crate::prepared::upgraded(&place);
    let mut command = place.tool(place.join(INSTANCE));
    command.args(["upgrade", "--undo"]);
    let killed = ended(command.env("KOR_CLUSTER_CRASH_AT", "8").output().unwrap());
    assert_eq!(killed.code, None);
    let typed = "`upgrade --undo`";
    let of_cluster = |words: &[&str]| place.link(CLUSTER, words);
    for said in [
        of_cluster(&["status"]).done().out,
        of_cluster(&["list"]).done().out,
        of_cluster(&["recover", "--dry-run"]).done().out,
        place.link(INSTANCE, &["upgrade", "v5.1.1"]).with(7).err,
        of_cluster(&["recover"]).done().out,
    ] {
        assert!(said.contains(typed), "{said}");
    }
    assert_eq!(words(&place, "1"), ["upgrade --undo"]);
}
