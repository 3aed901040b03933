//! Two commands at once, and what is to be said of what they came to.

use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use super::reference::References;
use super::verbs::Verb;
use crate::at_once::{self, Came, journal_is_orderly};
use crate::chance::Chance;
use crate::place::ended;
use crate::sequence;
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
    called: at_once::Called,
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
    let root = bench.place.join("c");
    let history = sequence::history(&root).len();
    let begin = |verb: &Verb| begun(verb.command(&bench.place, wait), log.path());
    let one = begin(first);
    std::thread::sleep(delay);
    let other = begin(second);
    let called = [over(first, one), over(second, other)];
    let recovered = bench.recover();
    let state = State::of(&bench.place);

    let operations = sequence::read(log.path());
    let said = || {
        let codes = called.each_ref().map(|c| (c.verb.name(), &c.called));
        format!("after {delay:?}, wait {wait}: {codes:#?}\n{operations:#?}")
    };
    let checked = (|| {
        if recovered.code != Some(0) || recovered.json()["changed"] != false {
            return Err(format!("recover found something: {recovered:?}"));
        }
        let both = called.each_ref().map(|c| &c.called);
        journal_is_orderly(&root, both, &operations, history)?;
        let at_once = match operations.as_slice() {
            [one, other] => one.overlaps(other),
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
    let process = child.id();
    let ended = ended(child.wait_with_output().unwrap());
    let called = at_once::Called {
        holds: verb.holds,
        process,
        code: ended.code,
        err: ended.err,
    };
    Called { verb, called }
}

/// One of both alone, or both as one after the other.
fn came_to(
    references: &mut References,
    called: &[Called<'_>; 2],
    state: &State,
    wait: bool,
    at_once: bool,
) -> Result<Went, String> {
    let [first, second] = called;
    let winner = match at_once::came([&first.called, &second.called], wait)? {
        Came::Both => return one_after_the_other(references, first, second, state, at_once),
        Came::One(winner) => &called[winner],
    };
    let alone = references.of(&[winner.verb]);
    if alone.codes[0] != winner.called.code {
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
        let ended = [one.called.code, other.called.code];
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
