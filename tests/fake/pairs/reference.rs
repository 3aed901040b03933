//! What verbs come to one after the other, which is what they may come to at once.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use super::ground::Ground;
use super::verbs::Verb;
use crate::bench::Bench;
use crate::place::{Place, ended};
use crate::snapshot::State;

/// An exit code for each that was called, and the state then.
#[derive(Debug, Clone)]
pub struct Came {
    pub codes: Vec<Option<i32>>,
    pub state: State,
}

/// A ground with what was found out on it; each thing is found out once, and only when asked for.
pub struct References {
    pub bench: Bench,
    came: HashMap<Vec<String>, Came>,
    took: HashMap<String, Duration>,
}

impl References {
    pub fn on(ground: Ground) -> Self {
        let place = Place::in_memory();
        ground.prepare(&place);
        References {
            bench: Bench::of(place),
            came: HashMap::new(),
            took: HashMap::new(),
        }
    }

    /// What these come to, one after the other.
    pub fn of(&mut self, verbs: &[&Verb]) -> &Came {
        let key: Vec<String> = verbs.iter().map(|verb| verb.name()).collect();
        if !self.came.contains_key(&key) {
            let came = self.call(verbs);
            self.came.insert(key.clone(), came);
        }
        &self.came[&key]
    }

    /// How long one takes.
    pub fn took(&mut self, verb: &Verb) -> Duration {
        self.of(&[verb]);
        self.took[&verb.name()]
    }

    fn call(&mut self, verbs: &[&Verb]) -> Came {
        self.bench.restore();
        let mut codes = Vec::new();
        for verb in verbs {
            let begun = Instant::now();
            let mut command = verb.command(&self.bench.place, false);
            codes.push(ended(command.output().unwrap()).code);
            if let [verb] = verbs {
                self.took.insert(verb.name(), begun.elapsed());
            }
        }
        let state = State::of(&self.bench.place);
        Came { codes, state }
    }
}
