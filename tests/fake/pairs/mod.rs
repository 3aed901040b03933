//! Two commands at once: every changing verb with every one, itself too, started in the same place
//! at moments that are drawn. One wins, the other one says who is at work or waits; or both have
//! nothing to do with each other, and work at once. What is there afterwards is what they come to
//! one after the other, and their journals are not interleaved.

mod ground;
mod reference;
mod round;
mod verbs;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Mutex;

use crate::chance::Chance;
use ground::Ground;
use reference::References;
use round::{Went, round};
use verbs::{ALL, SIDE_BY_SIDE, Verb};

/// So many pairs share what is found out on their ground.
const TOGETHER: usize = 12;

/// Two verbs, and their number among all pairs.
struct Pair {
    number: usize,
    one: &'static Verb,
    other: &'static Verb,
}

#[derive(Default, Debug)]
struct Count {
    pairs: usize,
    rounds: usize,
    /// Both did their work, one after the other or at once.
    both: usize,
    /// One did its work, and the other one ended with exit 3.
    one: usize,
    /// Both did their work, the other one when the first had ended.
    waited: usize,
    other: usize,
    /// Rounds in which both were at work at once.
    at_once: usize,
    wrong: Vec<String>,
}

#[test]
fn two_changing_verbs_at_once() {
    of_all(2);
}

#[test]
#[ignore = "takes an hour: script/test --long"]
fn two_changing_verbs_at_once_fifty_times() {
    of_all(50);
}

#[test]
fn verbs_on_different_instances_work_at_once() {
    let pairs = SIDE_BY_SIDE.iter().map(|(one, other)| (one, other));
    let count = rounds_of(numbered(pairs), 3, &|round| round == 2);
    assert_eq!(count.one, 0, "nobody is in the way of the other");
    assert!(count.at_once > 0, "{count:?}");
}

fn of_all(rounds: usize) {
    let covered: BTreeSet<&str> = ALL.iter().map(Verb::verb).collect();
    let changing = kor_cluster::cli::CHANGING.iter().copied().collect();
    assert_eq!(covered, changing);
    // For whoever works on one verb: PAIRS=upgrade PAIRS_ROUNDS=10 cargo test …
    let only = std::env::var("PAIRS").ok();
    let said = std::env::var("PAIRS_ROUNDS").ok();
    let rounds = said.and_then(|text| text.parse().ok()).unwrap_or(rounds);
    let wanted = |verb: &Verb| only.as_ref().is_none_or(|word| verb.name().contains(word));
    let pairs = ALL.iter().enumerate().flat_map(|(number, one)| {
        let others = ALL[number..].iter();
        others.map(move |other| (one, other))
    });
    let pairs = numbered(pairs.filter(|(one, other)| wanted(one) || wanted(other)));
    let count = rounds_of(pairs, rounds, &|round| round % 2 == 1);
    assert!(
        only.is_some() || count.one > 0 && count.both > 0 && count.waited > 0,
        "{count:?}"
    );
}

fn numbered<'a>(pairs: impl Iterator<Item = (&'static Verb, &'static Verb)> + 'a) -> Vec<Pair> {
    let pair = |(number, (one, other))| Pair { number, one, other };
    pairs.enumerate().map(pair).collect()
}

/// So many rounds of each; those that `waits` says with `--wait`.
fn rounds_of(pairs: Vec<Pair>, rounds: usize, waits: &(dyn Fn(usize) -> bool + Sync)) -> Count {
    let seed = Chance::seed("PAIRS_SEED");
    let mut by_ground: BTreeMap<Ground, Vec<Pair>> = BTreeMap::new();
    let mut count = Count {
        pairs: pairs.len(),
        ..Count::default()
    };
    for pair in pairs {
        let ground = pair.one.ground.and(pair.other.ground);
        by_ground.entry(ground).or_default().push(pair);
    }
    let mut parts = Vec::new();
    for (ground, mut pairs) in by_ground {
        while !pairs.is_empty() {
            let rest = pairs.split_off(pairs.len().min(TOGETHER));
            parts.push((ground, std::mem::replace(&mut pairs, rest)));
        }
    }
    let parts = Mutex::new(parts);
    let all = Mutex::new(&mut count);
    let work = || {
        while let Some((ground, pairs)) = { parts.lock().unwrap().pop() } {
            let mut references = References::on(ground);
            for pair in pairs {
                for number in 0..rounds {
                    let mut chance = Chance::of(seed, pair.number * 1000 + number);
                    let wait = waits(number);
                    let went = round(&mut references, (pair.one, pair.other), wait, &mut chance);
                    all.lock().unwrap().add(&pair, wait, went);
                }
            }
        }
    };
    std::thread::scope(|scope| {
        for _ in 0..std::thread::available_parallelism().map_or(1, usize::from) {
            scope.spawn(work);
        }
    });
    println!("{}", count.json());
    assert!(count.wrong.is_empty(), "{}", count.wrong.join("\n\n"));
    count
}

impl Count {
    fn add(&mut self, pair: &Pair, wait: bool, went: Result<Went, String>) {
        self.rounds += 1;
        match went {
            Ok(Went::One) => self.one += 1,
            Ok(Went::Both { at_once }) => {
                self.at_once += usize::from(at_once);
                match wait && pair.one.holds.excludes(pair.other.holds) {
                    true => self.waited += 1,
                    false => self.both += 1,
                }
            }
            Err(why) => {
                self.other += 1;
                let (one, other) = (pair.one.name(), pair.other.name());
                self.wrong.push(format!("{one} and {other}: {why}"));
            }
        }
    }

    fn json(&self) -> serde_json::Value {
        serde_json::json!({
            "engine": "fake",
            "pairs": self.pairs,
            "rounds": self.rounds,
            "both": self.both,
            "one": self.one,
            "waited": self.waited,
            "other": self.other,
            "at_once": self.at_once,
        })
    }
}
