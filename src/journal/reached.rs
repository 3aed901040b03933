//! How far an operation came, step by step.

use std::collections::BTreeSet;

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::error::Result;
use crate::journal::record::read;
use crate::journal::{Journal, Open, Outcome, Record};

/// What the records tell.
#[derive(Debug, Default)]
pub struct Progress {
    /// Steps that were begun, by their number.
    pub begun: BTreeSet<usize>,
    /// Those that were done to their end.
    pub did: BTreeSet<usize>,
    /// Those whose undo was begun.
    pub undoing: BTreeSet<usize>,
    /// Those that were undone to their end.
    pub undone: BTreeSet<usize>,
    /// How it ended, if it did.
    pub outcome: Option<Outcome>,
}

impl Progress {
    /// What these tell.
    pub fn of<S>(records: &[Record<S>]) -> Self {
        let mut progress = Progress::default();
        for record in records {
            match record {
                Record::Begin { .. } => {}
                Record::Doing { step } => drop(progress.begun.insert(*step)),
                Record::Did { step } => drop(progress.did.insert(*step)),
                Record::Undoing { step } => drop(progress.undoing.insert(*step)),
                Record::Undid { step } => drop(progress.undone.insert(*step)),
                Record::End { outcome } => progress.outcome = Some(*outcome),
            }
        }
        progress
    }
}

/// A step, and what was done of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reached<S> {
    /// The step.
    pub step: S,
    /// Whether it was begun.
    pub begun: bool,
    /// Whether it was done to its end.
    pub did: bool,
    /// Whether its undo was begun.
    pub undoing: bool,
    /// Whether it was undone to its end.
    pub undid: bool,
}

/// The steps of an operation that is not over; none where it has no beginning yet.
///
/// # Errors
/// Exit 1 where its journal cannot be read.
pub fn reached<S: Serialize + DeserializeOwned + Clone>(open: &Open) -> Result<Vec<Reached<S>>> {
    let records = read::<S>(&open.path)?;
    let Some(Record::Begin { steps, .. }) = records.first() else {
        return Ok(Vec::new());
    };
    let progress = Progress::of(&records);
    let reached = |(at, step): (usize, &S)| Reached {
        step: step.clone(),
        begun: progress.begun.contains(&at),
        did: progress.did.contains(&at),
        undoing: progress.undoing.contains(&at),
        undid: progress.undone.contains(&at),
    };
    Ok(steps.iter().enumerate().map(reached).collect())
}

/// The steps of an operation that were undone.
pub fn undone<S: Serialize + DeserializeOwned + Clone>(journal: &Journal<S>) -> Vec<S> {
    let undone = Progress::of(&journal.records).undone;
    let steps = journal.steps().into_iter().enumerate();
    steps
        .filter_map(|(at, step)| undone.contains(&at).then_some(step))
        .collect()
}
