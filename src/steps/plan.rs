//! A plan: what a verb is going to do. Making one changes nothing; carrying it out is journalled.

use crate::error::{Error, Result};
use crate::host::interrupt::Interrupt;
use crate::host::{clock, crash, identity};
use crate::journal::history::{self, Entry};
use crate::journal::lock::{Permit, Request};
use crate::journal::{self, Ended, Header, Journal, OnFailure, Open, Outcome, Record};
use crate::model::container::{ContainerSpec, Role};
use crate::model::label::{self, Selector};
use crate::model::name::Name;
use crate::steps::{Step, World, containers, up_again};

/// What a verb is going to do.
#[derive(Debug, Clone)]
pub struct Plan {
    /// The operation's id.
    pub id: String,
    /// The verb as it was typed.
    pub verb: String,
    /// See [`Header::words`].
    pub words: String,
    /// The instances that it changes.
    pub instances: Vec<Name>,
    /// Whether it changes their content.
    pub content: bool,
    /// Whether what it leaves half done must not be started.
    pub holds_start: bool,
    /// The step after which nothing is undone any more.
    pub point_of_no_return: Option<usize>,
    /// What happens when a step fails before that.
    pub on_failure: OnFailure,
    /// Whether it sets things aside that only its own undo puts back.
    pub sets_aside: bool,
    /// See [`Header::holds_cluster`].
    pub holds_cluster: bool,
    /// What it does, in order.
    pub steps: Vec<Step>,
}

impl Plan {
    /// A plan without steps that undoes everything when one fails.
    pub fn new(verb: &str, id: &str) -> Self {
        Plan {
            id: id.to_owned(),
            verb: verb.to_owned(),
            words: verb.to_owned(),
            instances: Vec::new(),
            content: false,
            holds_start: false,
            point_of_no_return: None,
            on_failure: OnFailure::Undo,
            sets_aside: false,
            holds_cluster: false,
            steps: Vec::new(),
        }
    }

    /// Adds a step.
    pub fn push(&mut self, step: Step) {
        self.steps.push(step);
    }

    /// From the end of the last step that was added, nothing is undone any more.
    pub fn no_return_from_here(&mut self) {
        self.point_of_no_return = self.steps.len().checked_sub(1);
    }

    fn header(&self) -> Header {
        Header {
            id: self.id.clone(),
            verb: self.verb.clone(),
            words: self.words.clone(),
            instances: self.instances.clone(),
            content: self.content,
            holds_start: self.holds_start,
            point_of_no_return: self.point_of_no_return,
            on_failure: self.on_failure,
            sets_aside: self.sets_aside,
            holds_cluster: self.holds_cluster,
            who: identity::who(),
            started: clock::now(),
            tool: env!("CARGO_PKG_VERSION").to_owned(),
            process: Some(std::process::id()),
        }
    }
}

/// Does what a plan says, recorded step by step. The permit is the proof that nobody else does.
///
/// # Errors
/// What failed. Before the point of no return everything is undone then (exit 1), or left for
/// the operator if the plan says so; after it the operation stays open (exit 7).
pub fn carry_out(world: &World<'_>, _permit: &Permit, plan: &Plan) -> Result<()> {
    if plan.steps.is_empty() {
        return Ok(());
    }
    let mut journal = Journal::begin(&world.layout.journal(), plan.header(), plan.steps.clone())?;
    let ended = journal::run(&mut journal, world, world.observer, world.interrupt);
    let started = up_again::started(&journal, &ended);
    let ended = finish(world, journal, ended);
    up_again::await_them(world, &started);
    ended
}

/// Finishes or undoes an interrupted operation; which of both.
///
/// # Errors
/// Exit 7 where that fails; the operation stays open.
pub fn recover_one(world: &World<'_>, _permit: &Permit, open: &Open) -> Result<Outcome> {
    let mut journal = Journal::resume(&open.path)?;
    end_commands(world, open)?;
    let ended = journal::recover(&mut journal, world, world.observer, world.interrupt);
    // Without an end there is an error.
    let outcome = ended.outcome.unwrap_or(Outcome::Left);
    finish(world, journal, ended).map(|()| outcome)
}

/// Has the database server run that an interrupted operation left in its place: the one that it put
/// up itself, else that of `before`. While it has none in its place there is none to run.
///
/// # Errors
/// Exit 1 where the journal cannot be read or the container not be made.
pub fn put_up_database(
    world: &World<'_>,
    _permit: &Permit,
    open: &Open,
    before: &ContainerSpec,
) -> Result<()> {
    let is_one = |spec: &ContainerSpec| spec.role() == Some(Role::Database);
    let mut standing = Some(before.clone());
    let reached = journal::reached(open)?;
    for one in reached.into_iter().filter(|one| one.begun && !one.undoing) {
        match one.step {
            Step::RemoveContainer { spec } if is_one(&spec) => standing = None,
            Step::RunContainer { spec } if is_one(&spec) => standing = Some(*spec),
            _ => {}
        }
    }
    match standing {
        Some(spec) => containers::run(world, &spec),
        None => Ok(()),
    }
}

/// Removes the containers of an interrupted operation's commands: one may still be at work. An
/// engine that cannot be reached runs none; a step that needs it says so by itself.
fn end_commands(world: &World<'_>, open: &Open) -> Result<()> {
    let selector = Selector::cluster(world.layout.root()).with(label::OPERATION, &open.header.id);
    if world.engine.check().is_ok() {
        for container in world.engine.containers(&selector)? {
            world.engine.remove(&container.name)?;
        }
    }
    Ok(())
}

/// Ends an interrupted operation whose place a later one takes: one that reaches its own state
/// from whatever it finds.
///
/// # Errors
/// Exit 1 where the journal cannot be written.
pub fn supersede(world: &World<'_>, _permit: &Permit, open: &Open) -> Result<()> {
    let mut journal = Journal::<Step>::resume(&open.path)?;
    end_commands(world, open)?;
    journal.write(Record::End {
        outcome: Outcome::Superseded,
    })?;
    let ended = Ended {
        outcome: Some(Outcome::Superseded),
        error: None,
    };
    finish(world, journal, ended)
}

/// Writes the end into the history and puts the journal away.
fn finish(world: &World<'_>, journal: Journal<Step>, ended: Ended) -> Result<()> {
    if let Some(outcome) = ended.outcome {
        crash::point("before the history");
        let error = ended.error.as_ref().map(ToString::to_string);
        let entry = Entry::of(journal.header()?, outcome, error, clock::now());
        let patient = Interrupt::default();
        let request = Request {
            verb: "history",
            wait: std::time::Duration::from_secs(10),
            interrupt: &patient,
        };
        let written = Permit::named(&world.layout.locks(), "history", &request)
            .and_then(|_lock| history::add(&world.layout.history(), entry));
        if let Err(error) = written {
            world
                .observer
                .warn(&format!("the history lacks this: {error}"));
        }
        crash::point("before the journal is put away");
        journal.close()?;
    }
    match ended.error {
        None => Ok(()),
        Some(error) if ended.outcome.is_none() => Err(Error {
            next: Some(format!("{} recover", world.layout.link().display())),
            ..error
        }),
        Some(error) => Err(error),
    }
}
