//! What became of the kills.

use std::fmt;

/// How many there were, and how each ended.
#[derive(Debug, Default)]
pub struct Tally {
    pub places: usize,
    pub old: usize,
    pub new: usize,
    pub other: usize,
    /// What was of a third kind.
    pub third: Vec<String>,
}

impl Tally {
    pub fn add(&mut self, more: Tally) {
        self.places += more.places;
        self.old += more.old;
        self.new += more.new;
        self.other += more.other;
        self.third.extend(more.third);
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
            r#"{{"engine":"real","places":{},"old":{},"new":{},"other":{}}}"#,
            self.places, self.old, self.new, self.other
        )
    }
}
