//! Two commands at once, and what is to be said of what they came to.

use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use super::reference::References;
use super::sequence::{self, Operation};
use super::verbs::Verb;
use crate::chance::Chance;
use crate::place::{Ended, ended};
use crate::snapshot::State;

/// How a round went that went well.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Went {
    /// Both did their work.
    Both { at_once: bool },
    /// One of them was told that the other one is at work.
    One,
}

/// What one of both came to.
struct Called<'a> {
    verb: &'a Verb,
    process: u32,
    ended: Ended,
}

/// Calls both at moments that are drawn, in an order that is drawn.
///
/// # Errors
/// What is wrong with what they came to.
pub fn round(
    references: &mut References,
    pair: (&Verb, &Verb),
    wait: bool,
    chance: &mut Chance,
) -> Result<Went, String> {
    let (first, second) = match chance.below(2) {
        0 => pair,
        _ => (pair.1, pair.0),
    };
    // The moment in which both want the lock is short: often enough nobody is late.
    let delay = match chance.below(4) {
        0 => Duration::ZERO,
        _ => chance.part_of(references.took(first)),
    };
    let log = tempfile::NamedTempFile::new().unwrap();
    let bench = &references.bench;
    bench.restore();
    let history = entries(references).len();
    let begin = |verb: &Verb| begun(verb.command(&bench.place, wait), log.path());
    let one = begin(first);
    std::thread::sleep(delay);
    let other = begin(second);
    let called = [over(first, one), over(second, other)];
    let recovered = bench.recover();
    let state = State::of(&bench.place);

    let operations = sequence::read(log.path());
    let said = || {
        let codes = called.each_ref().map(|c| (c.verb.name(), &c.ended));
        format!("after {delay:?}, wait {wait}: {codes:#?}\n{operations:#?}")
    };
    let checked = (|| {
        if recovered.code != Some(0) || recovered.json()["changed"] != false {
            return Err(format!("recover found something: {recovered:?}"));
        }
        journal_is_orderly(references, &called, &operations, history)?;
        let at_once = match operations.as_slice() {
            [one, other] => sequence::overlap(one, other),
            _ => false,
        };
        came_to(references, &called, &state, wait, at_once)
    })();
    checked.map_err(|why| format!("{why}\n{}", said()))
}

fn begun(mut command: Command, log: &Path) -> Child {
    command
        .env("KOR_CLUSTER_SEQUENCE", log)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap()
}

fn over(verb: &Verb, child: Child) -> Called<'_> {
    Called {
        verb,
        process: child.id(),
        ended: ended(child.wait_with_output().unwrap()),
    }
}

/// Operations that exclude each other were not under way at once, each is over, and each stands in
/// the history once, as it ended.
fn journal_is_orderly(
    references: &References,
    called: &[Called<'_>; 2],
    operations: &[Operation],
    history: usize,
) -> Result<(), String> {
    let of = |operation: &Operation| {
        let of_it = called.iter().find(|c| c.process == operation.process);
        of_it.unwrap().verb
    };
    for (number, one) in operations.iter().enumerate() {
        for other in &operations[number + 1..] {
            if one.process != other.process
                && sequence::interleave((one, of(one)), (other, of(other)))
            {
                return Err("the journal is interleaved".to_owned());
            }
        }
    }
    let journal = references.bench.place.join("c/.kor-cluster/journal");
    if std::fs::read_dir(journal).is_ok_and(|mut files| files.next().is_some()) {
        return Err("a journal was left".to_owned());
    }
    let mut begun: Vec<(String, String)> = operations
        .iter()
        .map(|o| (o.id.clone(), o.outcome.clone().unwrap_or_default()))
        .collect();
    let mut noted = entries(references).split_off(history);
    begun.sort();
    noted.sort();
    match begun == noted {
        true => Ok(()),
        false => Err(format!("the history has {noted:?}")),
    }
}

/// The operations in the history, with how they ended.
fn entries(references: &References) -> Vec<(String, String)> {
    let path = references.bench.place.join("c/.kor-cluster/history.jsonl");
    let text = std::fs::read_to_string(path).unwrap_or_default();
    text.lines()
        .map(|line| {
            let entry: serde_json::Value = serde_json::from_str(line).unwrap();
            let word = |key: &str| entry[key].as_str().unwrap().to_owned();
            (word("id"), word("outcome"))
        })
        .collect()
}

const BUSY: Option<i32> = Some(3);

/// One of both alone, or both as one after the other.
fn came_to(
    references: &mut References,
    [first, second]: &[Called<'_>; 2],
    state: &State,
    wait: bool,
    at_once: bool,
) -> Result<Went, String> {
    let (busy, other) = match (first.ended.code == BUSY, second.ended.code == BUSY) {
        (true, true) => return Err("nobody won".to_owned()),
        (true, false) => (first, second),
        (false, true) => (second, first),
        (false, false) => return one_after_the_other(references, first, second, state, at_once),
    };
    if wait {
        return Err("it did not wait".to_owned());
    }
    if !first.verb.excludes(second.verb) {
        return Err("they had nothing to do with each other".to_owned());
    }
    if !busy
        .ended
        .err
        .contains(&format!("(process {})", other.process))
    {
        return Err("the holder is not in the message".to_owned());
    }
    let alone = references.of(&[other.verb]);
    if alone.codes[0] != other.ended.code {
        return Err(format!("alone it ends with {:?}", alone.codes));
    }
    match alone.state == *state {
        true => Ok(Went::One),
        false => Err(unlike("that of one alone", &alone.state, state)),
    }
}

fn one_after_the_other(
    references: &mut References,
    first: &Called<'_>,
    second: &Called<'_>,
    state: &State,
    at_once: bool,
) -> Result<Went, String> {
    let mut wrong = String::new();
    for (one, other) in [(first, second), (second, first)] {
        let came = references.of(&[one.verb, other.verb]);
        let ended = [one.ended.code, other.ended.code];
        if came.codes != ended {
            wrong.push_str(&format!("{} first: {:?}\n", one.verb.name(), came.codes));
        } else if came.state == *state {
            return Ok(Went::Both { at_once });
        } else {
            wrong.push_str(&unlike(&one.verb.name(), &came.state, state));
        }
    }
    Err(wrong)
}

fn unlike(what: &str, expected: &State, state: &State) -> String {
    let differences = state.differences(expected).join("\n");
    format!("unlike {what} in\n{differences}\n")
}
