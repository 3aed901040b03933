//! What became of kills: each has to end in the old state or the new one.

use std::fmt;

/// How many there were, and how each ended.
#[derive(Debug)]
pub struct Tally {
    engine: &'static str,
    pub places: usize,
    pub old: usize,
    pub new: usize,
    pub other: usize,
    /// What was of a third kind.
    pub third: Vec<String>,
}

impl Tally {
    /// Of kills on the real engine or the fake one.
    pub fn on(engine: &'static str) -> Self {
        Tally {
            engine,
            places: 0,
            old: 0,
            new: 0,
            other: 0,
            third: Vec::new(),
        }
    }

    /// One that ended in neither state.
    pub fn other(&mut self, what: String) {
        eprintln!("OTHER {what}");
        self.other += 1;
        self.third.push(what);
    }
}

impl fmt::Display for Tally {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            r#"{{"engine":"{}","places":{},"old":{},"new":{},"other":{}}}"#,
            self.engine, self.places, self.old, self.new, self.other
        )
    }
}
