//! How many bytes of what are done, of several things at once, and how long the rest takes.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use crate::model::memory::human;

/// Things that are measured in bytes.
#[derive(Debug, Default)]
pub struct Amounts {
    things: BTreeMap<String, (u64, u64)>,
    told: Option<Instant>,
    /// When how much was done, twice: a rate is that of the last while, for small things are slow.
    marks: Option<[(Instant, u64); 2]>,
}

/// How far two marks are apart.
const WHILE: Duration = Duration::from_secs(10);

/// All of them together.
#[derive(Debug, PartialEq, Eq)]
pub struct Amount {
    /// What they are.
    pub what: String,
    /// Bytes that are done.
    pub done: u64,
    /// Bytes in the end, roughly; 0: nobody knows.
    pub expected: u64,
    /// Bytes in a second, of late.
    pub rate: u64,
}

impl Amounts {
    /// How far one of them is; what is to be told, unless something was within the pause.
    pub fn set(&mut self, what: &str, done: u64, expected: u64, pause: Duration) -> Option<Amount> {
        let now = Instant::now();
        match self.things.get_mut(what) {
            Some(thing) => *thing = (done, expected),
            None => drop(self.things.insert(what.to_owned(), (done, expected))),
        }
        if self.marks.is_none() {
            self.marks = Some([(now, self.done()); 2]);
        }
        // What is over within the first pause is not told at all.
        if now.duration_since(*self.told.get_or_insert(now)) < pause {
            return None;
        }
        self.told = Some(now);
        Some(self.together(now))
    }

    /// One of them is over.
    pub fn remove(&mut self, what: &str) {
        self.things.remove(what);
        self.marks = None;
        if self.things.is_empty() {
            *self = Amounts::default();
        }
    }

    fn done(&self) -> u64 {
        self.things.values().map(|(done, _)| done).sum()
    }

    fn together(&mut self, now: Instant) -> Amount {
        let done = self.done();
        let [early, late] = self.marks.get_or_insert([(now, done); 2]);
        let rate = rate(done.saturating_sub(early.1), now.duration_since(early.0));
        if now.duration_since(late.0) >= WHILE {
            (*early, *late) = (*late, (now, done));
        }
        let names: Vec<&str> = self.things.keys().map(String::as_str).collect();
        let unknown = self.things.values().any(|(_, expected)| *expected == 0);
        let expected = self.things.values().map(|(done, of)| of.max(done)).sum();
        Amount {
            what: names.join(", "),
            done,
            expected: if unknown { 0 } else { expected },
            rate,
        }
    }
}

/// Never nothing, for the rest is divided by it.
fn rate(bytes: u64, took: Duration) -> u64 {
    let millis = u64::try_from(took.as_millis()).unwrap_or(u64::MAX).max(1);
    (bytes.saturating_mul(1000) / millis).max(1)
}

impl Amount {
    /// For people: `packing a: 120 MiB of 1.9 GiB, 60 MiB/s, 30 s left`.
    pub fn text(&self) -> String {
        let (what, done) = (&self.what, human(self.done));
        let speed = format!("{}/s", human(self.rate));
        match self.expected {
            0 => format!("{what}: {done}, {speed}"),
            expected => {
                let left = (expected - self.done) / self.rate.max(1);
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
        both.rate = 10 << 20;
        assert_eq!(
            both.text(),
            "packing a, packing b: 40.0 MiB of 130.0 MiB, 10.0 MiB/s, 9 s left"
        );
        amounts.remove("packing a");
        let one = amounts.set("packing b", 1, 0, Duration::ZERO).unwrap();
        assert_eq!((one.what.as_str(), one.expected), ("packing b", 0));
    }
    #[test]
    fn a_rate_is_that_of_the_last_while() {
        assert_eq!(rate(40 << 20, Duration::from_secs(4)), 10 << 20);
        assert_eq!(rate(0, Duration::ZERO), 1);
        let mut amounts = Amounts::default();
        amounts.set("packing a", 0, 0, Duration::ZERO);
        let begun = Instant::now();
        let at = |seconds| begun + Duration::from_secs(seconds);
        for (seconds, done, right) in [(10, 10, 1), (20, 20, 1), (30, 1020, 50), (40, 2020, 100)] {
            amounts
                .things
                .insert("packing a".to_owned(), (done << 20, 0));
            let mib = (amounts.together(at(seconds)).rate + (1 << 18)) >> 20;
            assert_eq!(mib, right, "{seconds}");
        }
    }
}
