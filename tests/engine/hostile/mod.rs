//! What somebody may hand over as a snapshot: each is refused, and the instance, its neighbour, and
//! all that the tool keeps are what they were.

mod damaged;
mod dumps;
mod ground;

use std::fs;
use std::os::unix::fs::MetadataExt;

use tar::EntryType;

use crate::archives::{
    entries, entry, file, gunzip, gzip, hard_link, link, tar, with_header, zstd,
};
use crate::cluster::{Cluster, assert_same};
use crate::docker::docker;

use ground::Ground;

#[test]
fn what_is_hostile_or_damaged_is_refused_and_changes_nothing() {
    let ground = Ground::made();
    let picture = picture(&ground.cluster);
    damaged::cut_off(&ground);
    damaged::flipped(&ground);
    damaged::no_snapshots(&ground);
    entries_that_leave(&ground);
    entries_that_are_no_content(&ground);
    bombs(&ground);
    dumps::reach_for_more(&ground);
    dumps::command_the_client(&ground);
    assert_same(&picture_of_now(&ground), &picture);
    let (slowest, what) = ground.slowest.borrow().clone();
    eprintln!("the slowest refusal: {slowest:?}, {what}");

    // What the others are made from is taken, so it was not for its form that they were refused.
    let harmless = [
        file("./data/ harm\nless", b"x"),
        link("./data/link", " harm\nless"),
        hard_link("./data/second", "./data/ harm\nless"),
    ];
    let path = ground.put("tar.gz", &ground.with_entries(&harmless));
    let (cluster, text) = (&ground.cluster, path.to_str().unwrap());
    cluster.instance("main", ["import", text]).ok();
    let data = cluster.instance_root("main").join("data");
    assert_eq!(fs::read(data.join("link")).unwrap(), b"x");
    assert_eq!(fs::metadata(data.join("second")).unwrap().nlink(), 2);
}

/// All that there is but for the tool's own records.
fn picture(cluster: &Cluster) -> Vec<String> {
    let mut lines = cluster.picture();
    lines.retain(|line| !line.contains("history.jsonl") && line != ".kor-cluster/next");
    lines
}

fn picture_of_now(ground: &Ground) -> Vec<String> {
    assert!(!ground.cluster.root.join("mysql/kct").exists());
    let inside = [
        "sh",
        "-c",
        "ls /kct /tmp/kct* /var/lib/mysql/kct* /kct 2>/dev/null; true",
    ];
    let database = ground.cluster.database();
    let words = [&["exec", database.as_str()][..], &inside].concat();
    assert_eq!(docker(&words).ok().text(), "", "something was written");
    picture(&ground.cluster)
}

fn entries_that_leave(ground: &Ground) {
    let way_out = "leads out of the snapshot";
    for name in ["../kct", "./data/../../kct", "./data/.."] {
        ground.refuses_entries(name, &[file(name, b"x")], way_out);
    }
    let directory = entry("./data/../../kct/", EntryType::Directory, "", b"");
    ground.refuses_entries("a directory outside", &[directory], way_out);
    ground.refuses_entries("absolute", &[file("/tmp/kct", b"x")], "absolute");
    let records = entry("./x", EntryType::XHeader, "", b"20 path=/../tmp/kct\n");
    ground.refuses_entries("a record", &[records, file("./data/x", b"x")], "absolute");
    let long = entry(
        "././@LongLink",
        EntryType::GNULongName,
        "",
        b"./data/../../kct\0",
    );
    ground.refuses_entries("a long name", &[long, file("./data/x", b"x")], way_out);
    for to in ["/etc/passwd", "..", "../config.sh", "a/../../.."] {
        ground.refuses_entries(&format!("a link to {to}"), &[link("./data/l", to)], "link");
    }
    for name in ["./data", "./.env"] {
        ground.refuses_entries(
            &format!("{name} as a link"),
            &[link(name, "data/x")],
            "link",
        );
    }
    for to in [
        "/etc/passwd",
        "data/../../config.sh",
        "./data/none",
        "./config.sh",
    ] {
        let hard = hard_link("./data/h", to);
        ground.refuses_entries(&format!("a hard link to {to}"), &[hard], "");
    }
    let linked = link("./data/l", "d");
    let through = "below something that is no directory";
    ground.refuses_entries(
        "below a link",
        &[linked.clone(), file("./data/l/x", b"x")],
        through,
    );
    let linked_twice = [linked.clone(), hard_link("./data/h", "./data/l")];
    ground.refuses_entries("a hard link to a link", &linked_twice, "not there");
    let below_a_file = [file("./data/f", b""), file("./data/f/x", b"")];
    ground.refuses_entries("below a file", &below_a_file, through);
}

fn entries_that_are_no_content(ground: &Ground) {
    for (kind, word) in [
        (EntryType::Char, "device"),
        (EntryType::Block, "device"),
        (EntryType::Fifo, "pipe"),
        (EntryType::GNUSparse, "unknown"),
        (EntryType::Continuous, "unknown"),
        (EntryType::XGlobalHeader, "unknown"),
    ] {
        let one = entry("./data/x", kind, "", b"");
        ground.refuses_entries(&format!("{kind:?}"), &[one], word);
    }
    let twice = [file("./data/x", b"1"), file("data//./x", b"2")];
    ground.refuses_entries("one name twice", &twice, "already");
    let dump = file("./db.sql.gz", &gzip(b"SELECT 1;\n-- Dump completed\n"));
    ground.refuses_entries("two dumps", std::slice::from_ref(&dump), "already");
    ground.refuses_entries(
        "a second kind of dump",
        &[file("./db.sql.00000", b"x")],
        "two dumps",
    );
    // What the instance has to have, as something else.
    for (what, one) in [
        ("data as a file", file("./data", b"x")),
        (
            ".env as a directory",
            entry("./.env/", EntryType::Directory, "", b""),
        ),
        (".env that is no text", file("./.env", b"A=\xff\xfe\n")),
    ] {
        let of_script = entries(&gunzip(&ground.script));
        let clash = |name: &str| match what.starts_with("data") {
            true => name.trim_start_matches("./").starts_with("data"),
            false => name.trim_start_matches("./").starts_with(".env"),
        };
        let mut all = vec![one];
        all.extend(
            of_script
                .into_iter()
                .filter(|(name, _)| !clash(name))
                .map(|(_, blocks)| blocks),
        );
        ground.refuses(what, "tar.gz", &gzip(&tar(&all)), &[]);
    }
}

fn bombs(ground: &Ground) {
    let zeros = vec![0; 1 << 20];
    let completed = b"\n-- Dump completed on 2026-01-01 00:00:00\n";
    // 4 GiB in 40 KiB: zeros and spaces in a dump, zeros in the tree of ConedaKOR's container.
    for (what, letter) in [("zeros", 0), ("spaces", b' ')] {
        let member = gzip(&vec![letter; 1 << 20]);
        let dump = [member.repeat(4096), gzip(completed)].concat();
        let bytes = gzip(&tar(&[file("./db.sql.gz", &dump)]));
        assert!(bytes.len() < 50_000, "{}", bytes.len());
        // Or the client is killed before that: all of it is one statement, and the database of the
        // tests has little memory.
        ground.refuses(&format!("a dump of {what}"), "tar.gz", &bytes, &[]);
    }
    let head = with_header("./x", b"", |header| header.set_size(4 << 30));
    let tree = [gzip(&head), gzip(&zeros).repeat(4096), gzip(&tar(&[]))].concat();
    let both = [
        file("data.tar.gz", &tree),
        file("data.sql.gz", &gzip(completed)),
    ];
    ground.refuses(
        "a tree of zeros",
        "tar.gz",
        &gzip(&tar(&both)),
        &["times its size"],
    );
    // The same packed once, by zstd and gzip.
    let letters = vec![b'x'; 1 << 20];
    let head = with_header("./data/x", b"", |header| header.set_size(4 << 30));
    let end = tar(&[file("./db.sql.00000", completed)]);
    let packed = [
        zstd(&head, true),
        zstd(&letters, true).repeat(4096),
        zstd(&end, true),
    ]
    .concat();
    ground.refuses("a file, by zstd", "tar.zst", &packed, &["times its size"]);
    let packed = [gzip(&head), gzip(&letters).repeat(4096), gzip(&end)].concat();
    ground.refuses("a file, by gzip", "tar.gz", &packed, &["times its size"]);
    // Sizes that only stand there.
    let endless = with_header("./data/x", b"x", |header| header.set_size(1 << 62));
    ground.refuses_entries("an endless file", &[endless], "");
    let records = entry(
        "./x",
        EntryType::XHeader,
        "",
        b"27 size=9223372036854775807\n",
    );
    ground.refuses_entries("an endless record", &[records, file("./data/x", b"x")], "");
    let records = entry("./x", EntryType::XHeader, "", b"22 GNU.sparse.major=1\n");
    ground.refuses_entries(
        "a sparse file",
        &[records, file("./data/x", b"x")],
        "sparse",
    );
    let name = entry(
        "././@LongLink",
        EntryType::GNULongName,
        "",
        &vec![b'n'; 1 << 20],
    );
    ground.refuses_entries("an endless name", &[name], "too long");
    // A window of 2 GiB, which whoever unpacks it would have to hold in memory.
    let window = [0x28, 0xB5, 0x2F, 0xFD, 0x00, 0xA8, 0x01, 0x00, 0x00];
    ground.refuses("a window of 2 GiB", "tar.zst", &window, &[]);
}
