//! Two commands that were called at once, on whatever engine: what each keeps the other from, and
//! what is to be said of how they ended and of their journals.

use std::path::Path;

use crate::sequence::{Operation, history};

/// What a command changes alone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Holds {
    Cluster,
    Instances(&'static [&'static str]),
    /// The first until its snapshot is taken, the second to the end.
    Copy([&'static str; 2]),
}

impl Holds {
    /// Whether only one of both can be at work.
    pub fn excludes(self, other: Holds) -> bool {
        match self {
            Holds::Cluster => true,
            Holds::Instances(names) => names.iter().any(|name| other.has(name)),
            Holds::Copy(names) => names.iter().any(|name| other.has(name)),
        }
    }

    fn has(self, instance: &str) -> bool {
        match self {
            Holds::Cluster => true,
            Holds::Instances(names) => names.contains(&instance),
            Holds::Copy(names) => names.contains(&instance),
        }
    }

    /// The line behind which such a one may begin while an operation of another one is under way.
    fn may_begin_behind(self, (operation, of): (&Operation, Holds)) -> usize {
        match (of, operation.lets_go) {
            (Holds::Copy([_, new]), Some(line)) if !self.has(new) => line,
            _ => operation.end,
        }
    }
}

/// What one of two commands came to.
#[derive(Debug)]
pub struct Called {
    pub holds: Holds,
    pub process: u32,
    /// None where a signal ended it.
    pub code: Option<i32>,
    /// Its standard error.
    pub err: String,
}

/// How it went, where it went well.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Came {
    /// The one of this number did its work, and the other one was told who that is.
    One(usize),
    /// Nobody was told so: both ended as one after the other, or have nothing to do with each other.
    Both,
}

const BUSY: Option<i32> = Some(3);

/// Who won, by what both ended with; `wait` says whether both were to wait.
///
/// # Errors
/// What is wrong with that.
pub fn came(called: [&Called; 2], wait: bool) -> Result<Came, String> {
    let is_busy = called.map(|one| one.code == BUSY);
    let (winner, busy) = match is_busy {
        [true, true] => return Err("nobody won".to_owned()),
        [false, false] => return Ok(Came::Both),
        [true, false] => (1, called[0]),
        [false, true] => (0, called[1]),
    };
    if wait {
        return Err("it did not wait".to_owned());
    }
    if !busy.holds.excludes(called[winner].holds) {
        return Err("they had nothing to do with each other".to_owned());
    }
    let holder = format!("(process {})", called[winner].process);
    match busy.err.contains(&holder) {
        true => Ok(Came::One(winner)),
        false => Err("the holder is not in the message".to_owned()),
    }
}

/// Operations that exclude each other were not under way at once, each is over, and each stands once
/// in the history of the cluster there, behind so many entries, as it ended.
///
/// # Errors
/// What is wrong.
pub fn journal_is_orderly(
    root: &Path,
    called: [&Called; 2],
    operations: &[Operation],
    entries: usize,
) -> Result<(), String> {
    let holds = |operation: &Operation| {
        let of_it = called.iter().find(|c| c.process == operation.process);
        of_it.unwrap().holds
    };
    for (number, one) in operations.iter().enumerate() {
        for other in &operations[number + 1..] {
            if one.process != other.process && interleave((one, holds(one)), (other, holds(other)))
            {
                return Err("the journal is interleaved".to_owned());
            }
        }
    }
    let journal = root.join(".kor-cluster/journal");
    if std::fs::read_dir(journal).is_ok_and(|mut files| files.next().is_some()) {
        return Err("a journal was left".to_owned());
    }
    let mut begun: Vec<(String, String)> = operations
        .iter()
        .map(|o| (o.id.clone(), o.outcome.clone().unwrap_or_default()))
        .collect();
    let mut noted = history(root).split_off(entries);
    begun.sort();
    noted.sort();
    match begun == noted {
        true => Ok(()),
        false => Err(format!("the history has {noted:?}")),
    }
}

/// Whether two operations were under way at once although they exclude each other.
fn interleave(one: (&Operation, Holds), other: (&Operation, Holds)) -> bool {
    let (first, second) = match one.0.begin < other.0.begin {
        true => (one, other),
        false => (other, one),
    };
    first.1.excludes(second.1) && second.0.begin < second.1.may_begin_behind(first)
}
