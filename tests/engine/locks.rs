//! Two operations on one thing exclude each other; on two things they do not.

use std::fs;

use crate::cluster::{assert_same, shared};
use crate::harness::until;

#[test]
fn a_second_operation_is_told_who_is_at_work_and_can_wait() {
    let turn = shared();
    let cluster = &turn.cluster;
    let lock = cluster.root.join(".kor-cluster/locks/instance-a_b");
    let holder = cluster.call(["restart", "a_b"]).spawn();
    let pid = holder.pid().to_string();
    let journal = cluster.root.join(".kor-cluster/journal");
    until("the restart is at work", 20, || {
        fs::read_to_string(&lock).is_ok_and(|text| text.contains(&format!(":{pid},")))
            && fs::read_dir(&journal).unwrap().count() > 0
    });
    holder.signal("STOP");

    let picture = cluster.picture();
    for words in [
        &["start", "a_b"][..],
        &["stop", "a_b"],
        &["boot"],
        &["shutdown"],
        &["-i", "a_b", "migrate"],
    ] {
        cluster
            .call(words.iter().copied())
            .expect(3)
            .says(&["`restart`", &pid]);
    }
    let said = cluster.call(["start", "a_b", "--json"]).expect(3).json();
    assert_eq!(said["error"]["exit_code"], 3);
    assert_same(&cluster.picture(), &picture);
    // Others go on, and who only looks is not kept waiting.
    cluster.call(["start", "axb"]).ok();
    cluster.call(["list"]).ok();
    cluster.call(["status"]).ok().says(&["restart"]);
    cluster.call(["stop", "a_b", "--wait", "1"]).expect(3);

    let mut waiting = cluster.call(["start", "a_b", "--wait", "60"]).spawn();
    assert!(!waiting.is_over());
    holder.signal("CONT");
    holder.end().ok();
    waiting.end().ok();
    assert_eq!(cluster.condition("a_b"), "up");
}
