//! How far an operation that is not over came, step by step.

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::error::Result;
use crate::journal::record::read;
use crate::journal::{Open, Record};

/// A step, and what was done of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reached<S> {
    /// The step.
    pub step: S,
    /// Whether it was begun.
    pub begun: bool,
    /// Whether it was done to its end.
    pub did: bool,
    /// Whether it was undone to its end.
    pub undid: bool,
}

/// The steps of an operation that is not over.
///
/// # Errors
/// Exit 1 where its journal cannot be read.
pub fn reached<S: Serialize + DeserializeOwned + Clone>(open: &Open) -> Result<Vec<Reached<S>>> {
    let mut steps: Vec<Reached<S>> = Vec::new();
    for record in read::<S>(&open.path)? {
        let (at, note): (usize, fn(&mut Reached<S>)) = match record {
            Record::Begin { steps: all, .. } => {
                steps = all.into_iter().map(Reached::of).collect();
                continue;
            }
            Record::Doing { step } => (step, |reached| reached.begun = true),
            Record::Did { step } => (step, |reached| reached.did = true),
            Record::Undid { step } => (step, |reached| reached.undid = true),
            Record::Undoing { .. } | Record::End { .. } => continue,
        };
        steps.get_mut(at).into_iter().for_each(note);
    }
    Ok(steps)
}

impl<S> Reached<S> {
    fn of(step: S) -> Self {
        Reached {
            step,
            begun: false,
            did: false,
            undid: false,
        }
    }
}
