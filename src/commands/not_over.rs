//! Operations that are not over, as those who look are told of them: who is at work on one, what
//! it keeps from being done, and what to type where nobody is.

use serde_json::{Value, json};

use crate::commands::adopted::typed_for;
use crate::commands::context::typed;
use crate::commands::session::{Extent, Touch};
use crate::error::Result;
use crate::host::{clock, files};
use crate::journal::at_work::Worker;
use crate::journal::{self, Header, Open};
use crate::model::layout::ClusterLayout;
use crate::model::name::Name;
use crate::services::rights::Rights;
use crate::steps::Step;

/// An operation that is not over.
#[derive(Debug, Clone)]
pub struct NotOver {
    /// What it is.
    pub header: Header,
    worker: Worker,
    /// Whose right to write it took and did not give back.
    read_only: Vec<Rights>,
}

/// What operations that are not over mean for one instance.
#[derive(Debug, Clone, Default)]
pub struct Held {
    /// Their ids.
    pub ids: Vec<String>,
    /// A line for each, and one more where writers are refused.
    pub lines: Vec<String>,
    /// Whether writers are refused.
    pub writers_refused: bool,
    /// What a change of its content waits for, if it would be refused.
    pub content: Option<String>,
    /// The same of a start.
    pub start: Option<String>,
    /// The same of a stop.
    pub stop: Option<String>,
}

/// The operations of a cluster that are not over, the oldest first.
///
/// # Errors
/// Exit 1 where a journal cannot be read.
pub fn all(layout: &ClusterLayout) -> Result<Vec<NotOver>> {
    let mut found = Vec::new();
    for open in journal::open_operations::<Step>(&layout.journal())? {
        let one = one(layout, &open);
        // Whoever is done puts its journal away before it lets its locks go.
        if files::exists(&open.path) {
            found.push(one?);
        }
    }
    Ok(found)
}

fn one(layout: &ClusterLayout, open: &Open) -> Result<NotOver> {
    let read_only = read_only(&journal::reached::<Step>(open)?);
    Ok(NotOver {
        header: open.header.clone(),
        worker: Worker::on(&layout.locks(), &open.header),
        read_only,
    })
}

fn read_only(steps: &[journal::Reached<Step>]) -> Vec<Rights> {
    let given_back = |taken: &Rights| {
        let of_it = |step: &Step| match step {
            Step::GiveBack { rights, .. } => **rights == *taken,
            _ => false,
        };
        steps.iter().any(|one| one.did && of_it(&one.step))
    };
    let taken = steps.iter().filter(|one| one.begun && !one.undid);
    taken
        .filter_map(|one| match &one.step {
            Step::ReadOnly { rights, .. } => Some((**rights).clone()),
            _ => None,
        })
        .filter(|taken| !given_back(taken))
        .collect()
}

/// The ids of those that concern an instance.
pub fn ids_of(operations: &[NotOver], name: &Name) -> Vec<String> {
    let of_it = |one: &&NotOver| one.header.instances.contains(name);
    let ids = operations.iter().filter(of_it);
    ids.map(|one| one.header.id.clone()).collect()
}

impl NotOver {
    /// Whether it is one of the cluster, or of instances that are gone or not there yet.
    pub fn is_beside(&self, shown: &[&Name]) -> bool {
        !self
            .header
            .instances
            .iter()
            .any(|name| shown.contains(&name))
    }

    /// What it is and who is at work on it, where the instances stand above.
    pub fn line(&self, layout: &ClusterLayout, now: i64) -> String {
        self.line_with("", layout, now)
    }

    /// The same where they do not.
    pub fn line_with_instances(&self, layout: &ClusterLayout, now: i64) -> String {
        let names: Vec<&str> = self.header.instances.iter().map(Name::as_str).collect();
        let names = match names.is_empty() {
            true => String::new(),
            false => format!(" ({})", names.join(", ")),
        };
        self.line_with(&names, layout, now)
    }

    fn line_with(&self, names: &str, layout: &ClusterLayout, now: i64) -> String {
        let header = &self.header;
        let begun = clock::age(now - header.started);
        let what = format!("`{}`{names} of {}", header.words, header.who);
        let recover = recover(layout, header);
        match self.worker {
            Worker::Itself(process) => {
                format!("at work: {what}, process {process}, begun {begun}")
            }
            Worker::Recover(process) => format!(
                "half done: {what}, begun {begun}, was interrupted; `recover` is at work on it, process {process}"
            ),
            Worker::Nobody => {
                format!("half done: {what}, begun {begun}, was interrupted: {recover}")
            }
            Worker::Unknown => {
                format!("not over: {what}, begun {begun} ({recover}, if it does not run any more)")
            }
        }
    }

    /// The same in short.
    pub fn state(&self) -> String {
        match self.worker {
            Worker::Itself(process) => format!("not over: process {process} is at work"),
            Worker::Recover(process) => {
                format!("not over: `recover`, process {process}, is at work")
            }
            Worker::Nobody => "not over: interrupted".to_owned(),
            Worker::Unknown => "not over".to_owned(),
        }
    }

    /// For scripts: the header, and who is at work.
    pub fn object(&self) -> Value {
        let mut object = json!(self.header);
        if let Some(object) = object.as_object_mut() {
            object.insert("state".to_owned(), json!(self.worker.as_str()));
            object.insert("worker".to_owned(), json!(self.worker.process()));
        }
        object
    }

    /// Whether a verb on an instance would be refused until it is over, or until somebody is done
    /// with it.
    fn refuses(&self, name: &Name, touch: Touch) -> bool {
        let header = &self.header;
        let meets = Extent::Instances.meets(header, std::slice::from_ref(name));
        let held = header.holds_cluster || header.sets_aside;
        let busy = touch != Touch::Content && self.worker.process().is_some();
        meets && (held || busy || touch.is_refused_by(header))
    }

    /// What has to be done, or to happen, before such a verb works again.
    fn first(&self) -> String {
        match self.worker {
            Worker::Itself(_) => format!("wait for `{}`", self.header.words),
            Worker::Recover(_) => "wait for `recover`".to_owned(),
            Worker::Nobody | Worker::Unknown => "`recover` first".to_owned(),
        }
    }
}

impl Held {
    /// What they mean for an instance; `login` is its database user and schema, where its files can be
    /// read.
    pub fn of(
        operations: &[NotOver],
        (name, login): (&Name, Option<(&str, &str)>),
        (layout, now): (&ClusterLayout, i64),
    ) -> Self {
        let mut held = Held {
            ids: ids_of(operations, name),
            ..Held::default()
        };
        for one in operations {
            let refused = |touch| one.refuses(name, touch).then(|| one.first());
            held.content = held.content.take().or(refused(Touch::Content));
            held.start = held.start.take().or(refused(Touch::Start));
            held.stop = held.stop.take().or(refused(Touch::Service));
            if !one.header.instances.contains(name) {
                continue;
            }
            held.lines.push(one.line(layout, now));
            // One on new content already has another user.
            let is_its = |taken: &Rights| Some((&*taken.user, &*taken.schema)) == login;
            if one.read_only.iter().any(is_its) {
                held.writers_refused = true;
                held.lines.push(match one.worker {
                    Worker::Nobody | Worker::Unknown => {
                        "writers are refused until `recover`".to_owned()
                    }
                    Worker::Itself(_) | Worker::Recover(_) => {
                        "writers are refused meanwhile".to_owned()
                    }
                });
            }
        }
        held
    }
}

/// As it is typed; after an `adopt` the link may still be the original's.
fn recover(layout: &ClusterLayout, header: &Header) -> String {
    match header.verb == "adopt" {
        true => typed_for(layout, "recover"),
        false => typed(&layout.link(), "recover"),
    }
}
