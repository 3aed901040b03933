//! What two processes wrote into their journals, in the order in which they did.

use std::path::Path;

use super::verbs::{Holds, Verb};

/// The step behind which `clone` lets the instance go that it copies: its snapshot is taken then.
const CLONE_LETS_GO: &str = "did 3";

/// An operation: its lines in the log, by their numbers.
#[derive(Debug)]
pub struct Operation {
    pub id: String,
    pub process: u32,
    /// From the first record to the last.
    begin: usize,
    end: usize,
    /// Where a `clone` lets go of what it copies.
    lets_go: Option<usize>,
    pub outcome: Option<String>,
}

/// The operations in a log, in the order of their beginnings.
pub fn read(log: &Path) -> Vec<Operation> {
    let text = std::fs::read_to_string(log).unwrap_or_default();
    let mut operations: Vec<Operation> = Vec::new();
    for (number, line) in text.lines().enumerate() {
        let mut parts = line.splitn(3, ' ');
        let process = parts.next().unwrap().parse().unwrap();
        let id = parts.next().unwrap();
        let what = parts.next().unwrap();
        if what.starts_with("begin ") {
            operations.push(Operation {
                id: id.to_owned(),
                process,
                begin: number,
                end: number,
                lets_go: None,
                outcome: None,
            });
        }
        let of_it = operations.iter_mut().find(|o| o.id == id);
        let operation = of_it.unwrap_or_else(|| panic!("{line} without a beginning in\n{text}"));
        operation.end = number;
        if what == CLONE_LETS_GO {
            operation.lets_go = Some(number);
        }
        if let Some(outcome) = what.strip_prefix("end ") {
            operation.outcome = Some(outcome.to_owned());
        }
    }
    operations
}

/// Whether two operations were under way at once although they exclude each other.
pub fn interleave(one: (&Operation, &Verb), other: (&Operation, &Verb)) -> bool {
    let (first, second) = match one.0.begin < other.0.begin {
        true => (one, other),
        false => (other, one),
    };
    first.1.excludes(second.1) && second.0.begin < free_for(first, second.1)
}

/// Whether one began before the other ended.
pub fn overlap(one: &Operation, other: &Operation) -> bool {
    one.begin < other.end && other.begin < one.end
}

/// The line behind which another one may begin.
fn free_for((first, verb): (&Operation, &Verb), other: &Verb) -> usize {
    let only_the_original = match (verb.holds, other.holds) {
        (Holds::Instances([_, new]), Holds::Instances(names)) => !names.contains(new),
        _ => false,
    };
    match first.lets_go {
        Some(line) if verb.verb() == "clone" && only_the_original => line,
        _ => first.end,
    }
}
