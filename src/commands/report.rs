//! What a verb has to say at its end, for people and for scripts.

use serde::Serialize;
use serde_json::{Value, json};

use crate::steps::Plan;

/// The result of a verb. The lines go to standard output; with `--json` the object does.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Report {
    /// For people, a line each.
    pub lines: Vec<String>,
    /// For scripts: one object with stable keys, or nothing where the verb's output is its own
    /// (a log, a command's output).
    pub json: Option<Value>,
    /// The exit code, where it is a command's own.
    pub code: u8,
}

impl Report {
    /// Lines for people and an object for scripts.
    pub fn new(lines: Vec<String>, json: impl Serialize) -> Self {
        Report {
            lines,
            json: serde_json::to_value(json).ok(),
            code: 0,
        }
    }

    /// The end of a command whose output was its own.
    pub fn of_command(code: i64) -> Self {
        Report {
            // What no exit code of a process can be is a failure all the same.
            code: u8::try_from(code).unwrap_or(1),
            ..Self::default()
        }
    }

    /// What a plan would do.
    pub fn of_plan(plan: &Plan) -> Self {
        let steps: Vec<String> = plan.steps.iter().map(|s| s.describe()).collect();
        let mut lines: Vec<String> = Vec::new();
        if steps.is_empty() {
            lines.push(format!("{}: nothing to do", plan.verb));
        } else {
            lines.push(format!("{} would", plan.verb));
        }
        for (index, step) in steps.iter().enumerate() {
            lines.push(format!("{:3}. {step}", index + 1));
            if plan.point_of_no_return == Some(index) && index + 1 < steps.len() {
                lines.push("     (from here on nothing is undone)".to_owned());
            }
        }
        Report::new(
            lines,
            json!({
                "command": plan.verb,
                "dry_run": true,
                "instances": plan.instances,
                "steps": steps,
                "point_of_no_return": plan.point_of_no_return,
            }),
        )
    }
}
