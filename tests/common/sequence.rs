//! What processes wrote into their journals, in the order in which they did, and what a cluster's
//! history has of it.

use std::path::Path;

/// The step behind which `clone` lets the instance go that it copies: its snapshot is taken then.
const CLONE_LETS_GO: &str = "did 3";

/// An operation: its lines in the log, by their numbers.
#[derive(Debug)]
pub struct Operation {
    pub id: String,
    pub process: u32,
    /// From the first record to the last.
    pub begin: usize,
    pub end: usize,
    /// Where it lets go of what it copies, if it is a `clone`.
    pub lets_go: Option<usize>,
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

impl Operation {
    /// Whether one of both began before the other one ended.
    pub fn overlaps(&self, other: &Operation) -> bool {
        self.begin < other.end && other.begin < self.end
    }
}

/// The operations in the history of the cluster there, with how they ended.
pub fn history(root: &Path) -> Vec<(String, String)> {
    let path = root.join(".kor-cluster/history.jsonl");
    let text = std::fs::read_to_string(path).unwrap_or_default();
    text.lines()
        .map(|line| {
            let entry: serde_json::Value = serde_json::from_str(line).unwrap();
            let word = |key: &str| entry[key].as_str().unwrap().to_owned();
            (word("id"), word("outcome"))
        })
        .collect()
}
