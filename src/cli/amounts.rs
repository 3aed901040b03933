//! How many bytes of what are done, of several things at once, and how long the rest takes.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use crate::model::memory::human;

/// Things that are measured in bytes.
#[derive(Debug, Default)]
pub struct Amounts {
    things: BTreeMap<String, (u64, u64)>,
    since: Option<Instant>,
    told: Option<Instant>,
}

/// All of them together.
#[derive(Debug, PartialEq, Eq)]
pub struct Amount {
    /// What they are.
    pub what: String,
    /// Bytes that are done.
    pub done: u64,
    /// Bytes in the end, roughly; 0: nobody knows.
    pub expected: u64,
    /// How long that took.
    pub took: Duration,
}

impl Amounts {
    /// How far one of them is; what is to be told, unless something was within the pause.
    pub fn set(&mut self, what: &str, done: u64, expected: u64, pause: Duration) -> Option<Amount> {
        let now = Instant::now();
        let since = *self.since.get_or_insert(now);
        match self.things.get_mut(what) {
            Some(thing) => *thing = (done, expected),
            None => drop(self.things.insert(what.to_owned(), (done, expected))),
        }
        // What is over within the first pause is not told at all.
        if now.duration_since(*self.told.get_or_insert(now)) < pause {
            return None;
        }
        self.told = Some(now);
        Some(self.together(now.duration_since(since)))
    }

    /// One of them is over.
    pub fn remove(&mut self, what: &str) {
        self.things.remove(what);
        if self.things.is_empty() {
            *self = Amounts::default();
        }
    }

    fn together(&self, took: Duration) -> Amount {
        let names: Vec<&str> = self.things.keys().map(String::as_str).collect();
        let unknown = self.things.values().any(|(_, expected)| *expected == 0);
        let expected = self.things.values().map(|(done, of)| of.max(done)).sum();
        Amount {
            what: names.join(", "),
            done: self.things.values().map(|(done, _)| done).sum(),
            expected: if unknown { 0 } else { expected },
            took,
        }
    }
}

impl Amount {
    /// For people: `packing a: 120 MiB of 1.9 GiB, 60 MiB/s, 30 s left`.
    pub fn text(&self) -> String {
        let (what, done) = (&self.what, human(self.done));
        let millis = u64::try_from(self.took.as_millis())
            .unwrap_or(u64::MAX)
            .max(1);
        let rate = (self.done.saturating_mul(1000) / millis).max(1);
        let speed = format!("{}/s", human(rate));
        match self.expected {
            0 => format!("{what}: {done}, {speed}"),
            expected => {
                let left = (expected - self.done) / rate;
                format!(
                    "{what}: {done} of {}, {speed}, {left} s left",
                    human(expected)
                )
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn several_things_are_added_up_and_the_rest_is_estimated() {
        let mut amounts = Amounts::default();
        let never = Duration::from_secs(3600);
        assert_eq!(amounts.set("packing a", 10 << 20, 100 << 20, never), None);
        let mut both = amounts
            .set("packing b", 30 << 20, 20 << 20, Duration::ZERO)
            .unwrap();
        assert_eq!(both.what, "packing a, packing b");
        assert_eq!((both.done, both.expected), (40 << 20, 130 << 20));
        both.took = Duration::from_secs(4);
        assert_eq!(
            both.text(),
            "packing a, packing b: 40.0 MiB of 130.0 MiB, 10.0 MiB/s, 9 s left"
        );
        amounts.remove("packing a");
        let one = amounts.set("packing b", 1, 0, Duration::ZERO).unwrap();
        assert_eq!((one.what.as_str(), one.expected), ("packing b", 0));
    }
}
