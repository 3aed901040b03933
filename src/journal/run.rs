//! Going forward through the steps, and back.

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::error::{Error, Kind, Result};
use crate::host::crash;
use crate::host::interrupt::Interrupt;
use crate::journal::reached::Progress;
use crate::journal::{Journal, OnFailure, Outcome, Record};

/// What a step is and does.
pub trait Deeds<S> {
    /// What it does, for an operator. No secrets.
    fn describe(&self, step: &S) -> String;
    /// Whether the world is already as the step would make it.
    ///
    /// # Errors
    /// Where the world cannot be asked.
    fn already_done(&self, step: &S) -> Result<bool>;
    /// Whether something came of a step that was begun which must not be taken back as long as going on
    /// works.
    ///
    /// # Errors
    /// Where the world cannot be asked.
    fn must_stand(&self, step: &S) -> Result<bool>;
    /// Whether it is over soon, so that whoever wants the end can be asked to wait for it.
    fn is_short(&self, step: &S) -> bool;
    /// Does it. Doing it again after it was begun must come out the same.
    ///
    /// # Errors
    /// Where it fails.
    fn act(&self, step: &S) -> Result<()>;
    /// Takes it back, be it done, half done or not begun.
    ///
    /// # Errors
    /// Where that fails; the operation stays open then.
    fn undo(&self, step: &S) -> Result<()>;
}

/// Who is told what happens.
pub trait Observer: Send + Sync {
    /// A step begins: its number from 1, of how many, and what it does.
    fn step(&self, number: usize, of: usize, what: &str);
    /// How far one thing is that takes long. It comes often and need not be shown each time.
    fn progress(&self, _text: &str) {}
    /// How many bytes of one thing are done, and how many that will be, roughly; 0: nobody knows.
    /// It comes very often, also of several things at once.
    fn bytes(&self, _what: &str, _done: u64, _expected: u64) {}
    /// That thing is over.
    fn bytes_are_over(&self, _what: &str) {}
    /// Something worth knowing.
    fn note(&self, text: &str);
    /// Something the operator should act on.
    fn warn(&self, text: &str);
}

/// Said with the first signal, for the second one ends the process before it can say anything.
const A_SECOND_SIGNAL: &str = "a second signal ends it half-way; it stays open then (`recover`)";

/// The same where none came yet.
const TWO_SIGNALS: &str =
    "one signal does not cut that off, a second one does; it stays open then (`recover`)";

/// How a run came to its end.
#[derive(Debug)]
pub struct Ended {
    /// What goes into the history; none while the operation stays open.
    pub outcome: Option<Outcome>,
    /// What failed, if something did.
    pub error: Option<Error>,
}

/// Does the steps in their order; after a failure before the point of no return goes back.
pub fn run<S: Serialize + DeserializeOwned + Clone>(
    journal: &mut Journal<S>,
    deeds: &dyn Deeds<S>,
    observer: &dyn Observer,
    interrupt: &Interrupt,
) -> Ended {
    go_on(journal, deeds, observer, interrupt, usize::MAX)
}

/// What was done is done again from the step `again` on: it may not be so any more.
fn go_on<S: Serialize + DeserializeOwned + Clone>(
    journal: &mut Journal<S>,
    deeds: &dyn Deeds<S>,
    observer: &dyn Observer,
    interrupt: &Interrupt,
    again: usize,
) -> Ended {
    let (steps, header) = match journal.header() {
        Ok(header) => (journal.steps(), header.clone()),
        Err(error) => return open_with(error),
    };
    let progress = Progress::of(&journal.records);
    for (index, step) in steps.iter().enumerate() {
        if index < again && progress.did.contains(&index) {
            continue;
        }
        let turned_back = header.point_of_no_return.is_none_or(|last| index <= last);
        observer.step(index + 1, steps.len(), &deeds.describe(step));
        let done = if turned_back {
            interrupt.check(&format!("{} was stopped", header.verb))
        } else {
            if interrupt.is_pending() {
                go_to_the_end(observer, interrupt);
            }
            Ok(())
        };
        let done = done.and_then(|()| do_one(journal, deeds, index, step));
        let done = match done {
            // What is short is done again: only a command that takes long ends at the first signal.
            Err(error) if error.interrupted && !turned_back && deeds.is_short(step) => {
                go_to_the_end(observer, interrupt);
                do_one(journal, deeds, index, step)
            }
            done => done,
        };
        let Err(error) = done else { continue };
        let leave = header.on_failure == OnFailure::Leave && !error.interrupted;
        return match (leave, turned_back) {
            (true, _) => end(journal, Outcome::Left, Some(error)),
            (false, true) => {
                let signalled = error.interrupted || interrupt.is_pending();
                interrupt.acknowledge();
                observer.note(&format!(
                    "undoing what was done; {}",
                    match signalled {
                        true => A_SECOND_SIGNAL,
                        false => TWO_SIGNALS,
                    }
                ));
                // Also where a step failed of itself just then.
                let error = Error {
                    interrupted: signalled,
                    ..error
                };
                match interrupt.tidy(|| undo_all(journal, deeds, &steps)) {
                    Ok(()) => end(journal, Outcome::Undone, Some(error)),
                    Err(undoing) => open_with(half_done(&header.verb, &undoing, Some(&error))),
                }
            }
            (false, false) => open_with(half_done(&header.verb, &error, None)),
        };
    }
    end(journal, Outcome::Done, None)
}

/// What comes is not cut off by the first signal any more.
fn go_to_the_end(observer: &dyn Observer, interrupt: &Interrupt) {
    interrupt.acknowledge();
    observer.note(&format!(
        "it goes on to its end, for from here on nothing is undone; {A_SECOND_SIGNAL}"
    ));
}

/// Finishes an interrupted operation that passed its point of no return, and undoes any other; but one
/// that something came of which must not be taken back is gone on with, and undone where that fails.
pub fn recover<S: Serialize + DeserializeOwned + Clone>(
    journal: &mut Journal<S>,
    deeds: &dyn Deeds<S>,
    observer: &dyn Observer,
    interrupt: &Interrupt,
) -> Ended {
    let (steps, header) = match journal.header() {
        Ok(header) => (journal.steps(), header.clone()),
        Err(error) => return open_with(error),
    };
    let progress = Progress::of(&journal.records);
    if let Some(outcome) = progress.outcome {
        return Ended {
            outcome: Some(outcome),
            error: None,
        };
    }
    match forward(&progress, &steps, header.point_of_no_return, deeds) {
        Ok(Some(again)) => return go_on(journal, deeds, observer, interrupt, again),
        Ok(None) => {}
        Err(error) => return open_with(half_done(&header.verb, &error, None)),
    }
    match interrupt.tidy(|| undo_all(journal, deeds, &steps)) {
        Ok(()) => end(journal, Outcome::Undone, None),
        Err(error) => open_with(half_done(&header.verb, &error, None)),
    }
}

/// From which step on what was done is done again, where an interrupted operation is to be gone on with;
/// nothing where it is to be undone.
fn forward<S>(
    progress: &Progress,
    steps: &[S],
    point_of_no_return: Option<usize>,
    deeds: &dyn Deeds<S>,
) -> Result<Option<usize>> {
    if !progress.undoing.is_empty() {
        return Ok(None);
    }
    let passed = match point_of_no_return {
        None => progress.did.len() == steps.len(),
        Some(last) if progress.did.contains(&last) => true,
        Some(last) if progress.begun.contains(&last) => deeds.already_done(&steps[last])?,
        Some(_) => false,
    };
    if passed {
        return Ok(Some(usize::MAX));
    }
    for index in &progress.begun {
        if deeds.must_stand(&steps[*index])? {
            return Ok(Some(*index));
        }
    }
    Ok(None)
}

fn do_one<S: Serialize + DeserializeOwned + Clone>(
    journal: &mut Journal<S>,
    deeds: &dyn Deeds<S>,
    index: usize,
    step: &S,
) -> Result<()> {
    crash::point("before the record");
    journal.write(Record::Doing { step: index })?;
    crash::point("after the record, before the deed");
    deeds.act(step)?;
    crash::point("after the deed, before its record");
    journal.write(Record::Did { step: index })
}

fn undo_all<S: Serialize + DeserializeOwned + Clone>(
    journal: &mut Journal<S>,
    deeds: &dyn Deeds<S>,
    steps: &[S],
) -> Result<()> {
    let progress = Progress::of(&journal.records);
    for index in progress.begun.iter().rev() {
        if progress.undone.contains(index) {
            continue;
        }
        crash::point("before the record of an undo");
        journal.write(Record::Undoing { step: *index })?;
        crash::point("after the record of an undo, before it");
        deeds.undo(&steps[*index])?;
        crash::point("after an undo, before its record");
        journal.write(Record::Undid { step: *index })?;
    }
    Ok(())
}

fn end<S: Serialize + DeserializeOwned + Clone>(
    journal: &mut Journal<S>,
    outcome: Outcome,
    error: Option<Error>,
) -> Ended {
    let verb = journal
        .header()
        .map_or_else(|_| String::new(), |h| h.verb.clone());
    crash::point("before the end");
    match journal.write(Record::End { outcome }) {
        Ok(()) => Ended {
            outcome: Some(outcome),
            error,
        },
        Err(writing) => open_with(half_done(&verb, &writing, error.as_ref())),
    }
}

fn open_with(error: Error) -> Ended {
    Ended {
        outcome: None,
        error: Some(error),
    }
}

fn half_done(verb: &str, error: &Error, first: Option<&Error>) -> Error {
    let why = match first {
        Some(first) => format!("{first}; and undoing it failed: {error}"),
        None => error.to_string(),
    };
    Error::new(Kind::HalfDone, format!("`{verb}` is half done"))
        .why(why)
        .next("`recover`, when the cause is mended")
        .tail(error.tail.clone())
}

#[cfg(test)]
mod tests {
    use std::cell::RefCell;
    use std::collections::BTreeSet;

    use super::*;
    use crate::journal::Header;

    /// A world that is a set of words; a step adds one. The word `bad` cannot be added.
    #[derive(Default)]
    struct Words(RefCell<BTreeSet<String>>);

    impl Deeds<String> for Words {
        fn describe(&self, step: &String) -> String {
            step.clone()
        }
        fn already_done(&self, step: &String) -> Result<bool> {
            Ok(self.0.borrow().contains(step))
        }
        fn must_stand(&self, step: &String) -> Result<bool> {
            Ok(step == "stands")
        }
        fn is_short(&self, step: &String) -> bool {
            step.starts_with("short")
        }
        fn act(&self, step: &String) -> Result<()> {
            if step == "bad" {
                return Err(Error::failed("bad"));
            }
            // A signal comes once.
            if step.ends_with("cut off") && self.0.borrow_mut().insert("begun".to_owned()) {
                return Err(Error::interrupted("it was cut off"));
            }
            self.0.borrow_mut().insert(step.clone());
            Ok(())
        }
        fn undo(&self, step: &String) -> Result<()> {
            self.0.borrow_mut().remove(step);
            Ok(())
        }
    }

    struct Silent;
    impl Observer for Silent {
        fn step(&self, _: usize, _: usize, _: &str) {}
        fn note(&self, _: &str) {}
        fn warn(&self, _: &str) {}
    }

    fn operation(
        steps: &[&str],
        point_of_no_return: Option<usize>,
        on_failure: OnFailure,
    ) -> (tempfile::TempDir, Journal<String>) {
        let place = tempfile::tempdir().unwrap();
        let header = Header {
            point_of_no_return,
            on_failure,
            ..Header::for_tests()
        };
        let steps = steps.iter().map(|s| (*s).to_owned()).collect();
        let journal = Journal::begin(place.path(), header, steps).unwrap();
        (place, journal)
    }

    #[test]
    fn a_failure_before_the_point_of_no_return_undoes_all() {
        let (_place, mut journal) = operation(&["a", "b", "bad"], None, OnFailure::Undo);
        let words = Words::default();
        let ended = run(&mut journal, &words, &Silent, &Interrupt::default());
        assert_eq!(ended.outcome, Some(Outcome::Undone));
        assert_eq!(ended.error.unwrap().exit_code(), 1);
        assert!(words.0.borrow().is_empty());
    }

    #[test]
    fn a_failure_after_it_stays_open_and_recover_finishes() {
        let (_place, mut journal) = operation(&["a", "bad", "c"], Some(0), OnFailure::Undo);
        let words = Words::default();
        let ended = run(&mut journal, &words, &Silent, &Interrupt::default());
        assert_eq!(ended.outcome, None);
        assert_eq!(ended.error.unwrap().exit_code(), 7);
        assert_eq!(words.0.borrow().len(), 1);
    }

    #[test]
    fn what_is_short_and_cut_off_behind_it_is_done_all_the_same() {
        let at = |steps: &[&str], point| {
            let (_place, mut journal) = operation(steps, Some(point), OnFailure::Undo);
            let ended = run(
                &mut journal,
                &Words::default(),
                &Silent,
                &Interrupt::default(),
            );
            (
                ended.outcome,
                ended.error.map_or(0, |error| error.exit_code()),
            )
        };
        let done = (Some(Outcome::Done), 0);
        assert_eq!(at(&["a", "short, cut off", "c"], 0), done);
        assert_eq!(at(&["a", "long, cut off", "c"], 0), (None, 7));
        let undone = (Some(Outcome::Undone), 1);
        assert_eq!(at(&["a", "short, cut off", "c"], 1), undone);
    }

    #[test]
    fn a_failure_can_be_left_for_the_operator() {
        let (_place, mut journal) = operation(&["a", "bad"], None, OnFailure::Leave);
        let words = Words::default();
        let ended = run(&mut journal, &words, &Silent, &Interrupt::default());
        assert_eq!(ended.outcome, Some(Outcome::Left));
        assert!(words.0.borrow().contains("a"));
    }

    #[test]
    fn recover_undoes_what_was_begun_and_finishes_what_passed() {
        let (_place, mut journal) = operation(&["a", "b"], Some(0), OnFailure::Undo);
        let words = Words::default();
        journal.write(Record::Doing { step: 0 }).unwrap();
        let ended = recover(&mut journal, &words, &Silent, &Interrupt::default());
        assert_eq!(
            ended.outcome,
            Some(Outcome::Undone),
            "the deed was not done"
        );

        let (_place, mut journal) = operation(&["a", "b"], Some(0), OnFailure::Undo);
        journal.write(Record::Doing { step: 0 }).unwrap();
        words.act(&"a".to_owned()).unwrap();
        let ended = recover(&mut journal, &words, &Silent, &Interrupt::default());
        assert_eq!(ended.outcome, Some(Outcome::Done), "the deed was done");
        assert_eq!(words.0.borrow().len(), 2);
    }

    #[test]
    fn what_must_stand_is_gone_on_with_and_undone_only_where_that_fails() {
        for (last, outcome, left) in [("c", Outcome::Done, 4), ("bad", Outcome::Undone, 0)] {
            let steps = ["a", "stands", "b", last];
            let (_place, mut journal) = operation(&steps, Some(3), OnFailure::Undo);
            let words = Words::default();
            for step in 0..3 {
                journal.write(Record::Doing { step }).unwrap();
                journal.write(Record::Did { step }).unwrap();
            }
            // What was done behind it is not so any more.
            words.act(&"a".to_owned()).unwrap();
            let ended = recover(&mut journal, &words, &Silent, &Interrupt::default());
            assert_eq!(ended.outcome, Some(outcome), "{last}");
            assert_eq!(words.0.borrow().len(), left, "{last}");
        }
    }
}
