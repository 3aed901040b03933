//! Two commands at once on the real engine, and what is to be said of what they came to.

use std::path::Path;
use std::sync::Barrier;

use super::cases::{Pair, Verb};
use crate::at_once::{Called, Came, came, journal_is_orderly};
use crate::ground::Ground;
use crate::harness::{setting, until};
use crate::sequence::{self, Operation};
use crate::web::Site;
use crate::whole;

/// How a round went that went well.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Went {
    /// One did its work, and the other one was told who is at work.
    One,
    /// Both did their work, one after the other.
    Both,
    /// The same, for the other one waited.
    Waited,
    /// Both were at work at once, for they have nothing to do with each other.
    AtOnce,
}

/// Calls both in the same moment, judges what that came to, and takes it back.
///
/// # Errors
/// What is wrong.
pub fn round(ground: &Ground, pair: &Pair) -> Result<Went, String> {
    (pair.prepare)(ground);
    let before = ground.picture();
    let log = ground.beside.join("sequence");
    let _ = std::fs::remove_file(&log);
    let entries = sequence::history(&ground.cluster.root).len();
    let called = both_called(ground, pair, &log);
    let operations = sequence::read(&log);
    let went = judged(ground, pair, &called, &operations, entries)
        .map_err(|why| format!("{why}\n{called:#?}\n{operations:#?}"))?;
    if !pair.stays {
        take_back(ground, pair, &called, &operations);
        let now = ground.picture();
        if now != before {
            let differences = now.differences(&before);
            return Err(format!("taken back, there is\n{differences}\n{called:#?}"));
        }
    }
    (pair.tidy)(ground);
    Ok(went)
}

fn both_called(ground: &Ground, pair: &Pair, log: &Path) -> [Called; 2] {
    let both_are_ready = Barrier::new(2);
    let called = |verb: &Verb| {
        // Long enough for a machine that has other things to do.
        let wait = if pair.waits { "300" } else { "0" };
        let call = ground.typed(verb.words).args(["--wait", wait]);
        let call = call.env("KOR_CLUSTER_SEQUENCE", log);
        both_are_ready.wait();
        let running = call.spawn();
        let process = running.pid();
        let ran = running.end();
        Called {
            holds: verb.holds,
            process,
            code: Some(ran.code),
            err: ran.err,
        }
    };
    let [one, other] = &pair.verbs;
    std::thread::scope(|scope| {
        let one = scope.spawn(|| called(one));
        let other = called(other);
        [one.join().unwrap(), other]
    })
}

fn judged(
    ground: &Ground,
    pair: &Pair,
    called: &[Called; 2],
    operations: &[Operation],
    entries: usize,
) -> Result<Went, String> {
    let recovered = ground.recovery().run();
    if recovered.code != 0 || recovered.json()["changed"] != false {
        return Err(format!("recover found something: {recovered:?}"));
    }
    let both = called.each_ref();
    journal_is_orderly(&ground.cluster.root, both, operations, entries)?;
    let came = came(both, pair.waits)?;
    let excludes = called[0].holds.excludes(called[1].holds);
    let codes = called.each_ref().map(|one| one.code.unwrap());
    let expected = match came {
        Came::One(0) => vec![[0, 3]],
        Came::One(_) => vec![[3, 0]],
        Came::Both if excludes => vec![[0, pair.late[1]], [pair.late[0], 0]],
        Came::Both => vec![[0, 0]],
    };
    if !expected.contains(&codes) {
        return Err(format!("they ended with {codes:?}, and not {expected:?}"));
    }
    let done = done(pair, called, operations);
    // What the first of two is for may have been taken back by the second.
    let count = if excludes { 1 } else { 2 };
    if let Some(verb) = done
        .iter()
        .rev()
        .take(count)
        .find(|verb| !(verb.is_done)(ground))
    {
        return Err(format!("what {} is for has not come about", verb.words));
    }
    is_whole(ground)?;
    let overlap = matches!(operations, [one, other] if one.overlaps(other));
    match came {
        Came::One(_) => Ok(Went::One),
        Came::Both if !excludes && !overlap => Err("one waited for the other".to_owned()),
        Came::Both if !excludes => Ok(Went::AtOnce),
        Came::Both if pair.waits => Ok(Went::Waited),
        Came::Both => Ok(Went::Both),
    }
}

/// The verbs that did their work, in the order in which they began; what had nothing to do wrote no
/// journal, and stands in front.
fn done<'a>(pair: &'a Pair, called: &[Called; 2], operations: &[Operation]) -> Vec<&'a Verb> {
    let mut done: Vec<(Option<usize>, &Verb)> = called
        .iter()
        .zip(&pair.verbs)
        .filter(|(called, _)| called.code == Some(0))
        .map(|(called, verb)| {
            let of_it = operations.iter().find(|o| o.process == called.process);
            (of_it.map(|operation| operation.begin), verb)
        })
        .collect();
    done.sort_by_key(|(begin, _)| *begin);
    done.into_iter().map(|(_, verb)| verb).collect()
}

fn take_back(ground: &Ground, pair: &Pair, called: &[Called; 2], operations: &[Operation]) {
    for verb in done(pair, called, operations).into_iter().rev() {
        if (verb.is_done)(ground) {
            (verb.back)(ground);
        }
    }
}

/// Everything belongs to somebody, and where `main` runs, it has its content and can be written to.
fn is_whole(ground: &Ground) -> Result<(), String> {
    let cluster = &ground.cluster;
    let complaints = whole::complaints(cluster);
    if !complaints.is_empty() {
        return Err(complaints.join("\n"));
    }
    if !cluster.runs("main") {
        return Ok(());
    }
    let root = cluster.instance_root("main");
    let port = setting(&root.join("config.sh"), "PORT").parse().unwrap();
    let site = Site::of(cluster, "main", port);
    until("the content is found", 30, || {
        site.found("Ankhesenamun") == 1
    });
    ground.is_writable()
}
