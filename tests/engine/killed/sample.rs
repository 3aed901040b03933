//! The places that a verb passes, and some of them.

use std::collections::BTreeSet;
use std::ops::Range;

use serde_json::Value;

use super::cases::Case;
use crate::chance::Chance;

/// What a verb passed when nobody killed it, with its plan.
#[derive(Debug, Default)]
pub struct Passed {
    /// The names of the places, in their order.
    places: Vec<String>,
    /// The kinds of its steps.
    kinds: Vec<String>,
    /// The step behind which nothing is undone.
    point_of_no_return: Option<usize>,
}

impl Passed {
    /// Out of the log of places, a line each, and the journal's first record.
    pub fn of(log: &str, begin: Option<&Value>) -> Self {
        let places = log.lines().map(|line| {
            let (_, place) = line.split_once(' ').unwrap();
            place.to_owned()
        });
        let steps = begin.and_then(|record| record["steps"].as_array());
        let kind = |step: &Value| step["step"].as_str().unwrap_or_default().to_owned();
        Passed {
            places: places.collect(),
            kinds: steps.into_iter().flatten().map(kind).collect(),
            point_of_no_return: begin
                .and_then(|record| record["header"]["point_of_no_return"].as_u64())
                .map(|step| usize::try_from(step).unwrap()),
        }
    }

    pub fn len(&self) -> usize {
        self.places.len()
    }

    /// A place, counted from 1, with the kind of its step.
    pub fn name(&self, at: usize) -> String {
        let step = (0..self.kinds.len()).find(|step| self.of_step(*step).contains(&at));
        let kind = step.map_or("the end", |step| self.kinds[step].as_str());
        let place = self.places.get(at - 1).map_or("beyond", String::as_str);
        format!("{at} of {} in {kind}: {place}", self.len())
    }

    /// The places of a step, from the one before its record on.
    fn of_step(&self, step: usize) -> Range<usize> {
        let mut begins = (1..=self.len())
            .filter(|at| {
                matches!(
                    self.places[at - 1].as_str(),
                    "before the record" | "before the end"
                )
            })
            .skip(step);
        let begin = begins.next().unwrap_or(self.len() + 1);
        begin..begins.next().unwrap_or(self.len() + 1)
    }

    /// The places where an instance is read-only: with its rights taken, and not all given back.
    fn read_only(&self) -> Vec<usize> {
        let Some(taken) = self.kinds.iter().position(|kind| kind == "read_only") else {
            return Vec::new();
        };
        let given = self.kinds.iter().rposition(|kind| kind == "give_back");
        let given = given.unwrap_or(self.kinds.len());
        let begin = self.of_step(taken).start + 2;
        (begin..self.of_step(given).end).collect()
    }
}

/// The cases that have no turns, and one of each kind of those that have.
pub fn in_turns<'a>(cases: &'a [Case], chance: &mut Chance) -> Vec<&'a Case> {
    let kinds: BTreeSet<&str> = cases.iter().filter_map(|case| case.turns).collect();
    let mut out: Vec<&str> = Vec::new();
    for kind in kinds {
        let of_it = cases.iter().filter(|case| case.turns == Some(kind));
        let names: Vec<&str> = of_it.map(|case| case.name).collect();
        let chosen = *chance.pick(&names);
        out.extend(names.into_iter().filter(|name| *name != chosen));
    }
    let is_in = |case: &&Case| !out.contains(&case.name);
    cases.iter().filter(is_in).collect()
}

/// The last place before the point of no return is written down, the first behind it, and another
/// one: where an instance is read-only, if it is.
pub fn few(passed: &Passed, chance: &mut Chance) -> Vec<usize> {
    let mut chosen = BTreeSet::new();
    match passed.point_of_no_return {
        Some(point) => {
            let of_it = passed.of_step(point);
            chosen.extend([of_it.end - 1, of_it.end]);
        }
        None => drop(chosen.insert(passed.len())),
    }
    let read_only = passed.read_only();
    chosen.insert(match read_only.is_empty() {
        true => 1 + chance.below(passed.len()),
        false => *chance.pick(&read_only),
    });
    chosen
        .into_iter()
        .filter(|at| *at <= passed.len())
        .collect()
}
