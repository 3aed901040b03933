//! A changing verb at work: the permission, and a way that is clear of interrupted operations.

use std::path::Path;

use serde_json::json;

use crate::commands::context::Context;
use crate::commands::report::Report;
use crate::commands::services_for_recovery;
use crate::error::{Error, Result};
use crate::host::{chance, clock, files, identity, store};
use crate::journal::lock::Permit;
use crate::journal::{self, Header, Observer, Open};
use crate::model::cluster::Cluster;
use crate::model::contract::Contracts;
use crate::model::name::Name;
use crate::steps::{self, Plan, Step, World};

/// What a verb changes, and so whom it excludes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Extent {
    /// The whole cluster: nothing else goes on meanwhile.
    Cluster,
    /// Some instances, beside operations on others.
    Instances,
}

/// What a verb does to instances.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Touch {
    /// Changes their content: refused while an interrupted operation on it waits.
    Content,
    /// Starts what must be whole.
    Start,
    /// Goes on whatever waits.
    Service,
}

impl Extent {
    /// Whether an operation that is not over has to do with a verb of this extent.
    pub fn meets(self, header: &Header, names: &[Name]) -> bool {
        self == Extent::Cluster
            || header.sets_aside
            || header.instances.is_empty()
            || header.instances.iter().any(|name| names.contains(name))
    }
}

impl Touch {
    /// Whether a verb that does this to an instance waits for the `recover` of an operation on it.
    pub fn is_refused_by(self, header: &Header) -> bool {
        match self {
            Touch::Content => header.content,
            Touch::Start => header.holds_start,
            Touch::Service => false,
        }
    }
}

/// A changing verb at work.
pub struct Session<'a> {
    /// What the verb was given.
    pub context: &'a Context<'a>,
    /// Its name.
    pub verb: &'static str,
    /// The operation's id.
    pub id: String,
    /// The cluster.
    pub cluster: Cluster,
    /// The contracts that apply in it.
    pub contracts: Contracts,
    /// Nothing while only the plan is asked for.
    permit: Option<Permit>,
    /// Interrupted operations whose place this one takes.
    taken_over: Vec<Open>,
}

impl<'a> Session<'a> {
    /// Takes the locks and clears the way. With `--dry-run` it does neither.
    ///
    /// # Errors
    /// Exit 3 where another operation holds a lock, 7 where an interrupted one is in the way.
    pub fn begin(
        context: &'a Context<'a>,
        verb: &'static str,
        cluster: Cluster,
        names: &[Name],
        extent: Extent,
        touch: Touch,
    ) -> Result<Self> {
        if !context.flags.dry_run {
            identity::need_root(verb)?;
        }
        need_adoption(&cluster, verb)?;
        if !context.flags.dry_run {
            for directory in [
                cluster.layout.own(),
                cluster.layout.journal(),
                cluster.layout.locks(),
                cluster.layout.exchange(),
            ] {
                files::make_directory(&directory, 0o700, None)?;
            }
        }
        let permit = match (context.flags.dry_run, extent) {
            (true, _) => None,
            (false, Extent::Cluster) => Some(Permit::cluster(
                &cluster.layout.locks(),
                &context.lock_request(verb),
            )?),
            (false, Extent::Instances) => Some(Permit::instances(
                &cluster.layout.locks(),
                names,
                &context.lock_request(verb),
            )?),
        };
        // What was read before the lock was taken may have been changed by who held it.
        let cluster = store::cluster(cluster.layout.root())?;
        let mut session = Session {
            context,
            verb,
            id: operation_id(),
            contracts: store::contracts(Some(&cluster.layout))?,
            cluster,
            permit,
            taken_over: Vec::new(),
        };
        session.taken_over = session.clear_the_way(names, extent, touch)?;
        // Among what was taken back just now may be a change of the cluster's settings.
        session.cluster = store::cluster(session.cluster.layout.root())?;
        // An interrupted `adopt` may just have been undone.
        need_adoption(&session.cluster, verb)?;
        Ok(session)
    }

    /// Adds a permission to the session's own.
    pub fn also(&mut self, permit: Option<Permit>) {
        self.permit = match (self.permit.take(), permit) {
            (Some(own), Some(permit)) => Some(own.and(permit)),
            (own, _) => own,
        };
    }

    /// Takes an instance's part out of the session's permission, so that it can end earlier.
    pub fn part(&mut self, name: &Name) -> Option<Permit> {
        let locks = self.cluster.layout.locks();
        Some(self.permit.as_mut()?.part(&locks, name))
    }

    /// An empty plan of this session.
    pub fn plan(&self) -> Plan {
        let plan = Plan::new(self.verb, &self.id);
        match &self.context.words {
            Some(words) => Plan {
                words: words.clone(),
                ..plan
            },
            None => plan,
        }
    }

    /// Carries a plan out; with `--dry-run` says what it would do. Whether it was carried out.
    ///
    /// # Errors
    /// What failed; see [`steps::carry_out`].
    pub fn carry_out(&self, plan: &Plan) -> Result<Option<Report>> {
        self.carry_out_telling(plan, self.context.observer)
    }

    /// The same, where another one is told what happens.
    ///
    /// # Errors
    /// As [`Session::carry_out`].
    pub fn carry_out_telling(
        &self,
        plan: &Plan,
        observer: &dyn Observer,
    ) -> Result<Option<Report>> {
        let Some(permit) = &self.permit else {
            return Ok(Some(Report::of_plan(plan)));
        };
        let world = World {
            observer,
            ..self.context.world(&self.cluster.layout)
        };
        // Only now: a verb that was refused takes nobody's place.
        for operation in self.taken_over.iter().filter(|o| o.path.exists()) {
            steps::supersede(&world, permit, operation)?;
            self.context.observer.note(&format!(
                "an interrupted `{}` is taken over",
                operation.header.words
            ));
        }
        steps::carry_out(&world, permit, plan)?;
        Ok(None)
    }

    /// The end of a verb that did its work: some lines, and the keys that all such reports have.
    pub fn report(&self, plan: &Plan, lines: Vec<String>, more: serde_json::Value) -> Report {
        let mut object = json!({
            "command": self.verb,
            "cluster": self.cluster.name,
            "instances": plan.instances,
            "changed": plan.steps.iter().any(Step::changes),
        });
        if let (Some(object), Some(more)) = (object.as_object_mut(), more.as_object()) {
            object.extend(more.clone());
        }
        Report::new(lines, object)
    }

    /// Interrupted operations: content is not touched before `recover`; what only starts and
    /// stops things is taken over by whoever starts and stops them next.
    fn clear_the_way(&self, names: &[Name], extent: Extent, touch: Touch) -> Result<Vec<Open>> {
        let open = journal::open_operations::<Step>(&self.cluster.layout.journal())?;
        let meets = |open: &Open| extent.meets(&open.header, names);
        if let (Extent::Cluster, Some(permit)) = (extent, &self.permit) {
            journal::sweep::<Step>(&self.cluster.layout.journal(), permit)?;
        }
        let link = self.cluster.layout.link();
        let locks = self.cluster.layout.locks();
        let mut taken_over = Vec::new();
        for operation in open.into_iter().filter(meets) {
            let header = &operation.header;
            let blocked = touch.is_refused_by(header);
            // A search server that is being replaced is put back by whoever has the whole cluster.
            let held = header.holds_cluster;
            if blocked || (held && extent == Extent::Instances) {
                let recover = super::context::typed(&link, "recover");
                return Err(journal::interrupted(&operation, &locks, &recover));
            }
            let Some(permit) = &self.permit else { continue };
            if header.sets_aside && extent == Extent::Instances {
                let recover = super::context::typed(&link, "recover");
                return Err(journal::interrupted(&operation, &locks, &recover));
            }
            if header.sets_aside
                || header.holds_cluster
                || matches!(
                    header.verb.as_str(),
                    "create" | "config" | "adopt" | "snapshot"
                )
                || (header.verb == "snapshots" && self.verb == "snapshots")
            {
                let recovered = self.recover(permit, &operation);
                match (recovered, header.verb.as_str()) {
                    // To give rights back the database has to run: `boot` comes first.
                    (Err(error), "snapshot") if CONVERGENT.contains(&self.verb) => {
                        let observer = self.context.observer;
                        observer.warn(&format!(
                            "an interrupted `{}` waits for `{} recover`: {error}",
                            header.words,
                            link.display()
                        ));
                    }
                    (recovered, _) => recovered?,
                }
            } else if CONVERGENT.contains(&header.verb.as_str()) && CONVERGENT.contains(&self.verb)
            {
                taken_over.push(operation);
            } else {
                self.context.observer.note(&format!(
                    "an interrupted `{}` waits for `{} recover`",
                    header.words,
                    link.display()
                ));
            }
        }
        Ok(taken_over)
    }

    /// Finishes or undoes an interrupted operation before the verb begins.
    fn recover(&self, permit: &Permit, operation: &Open) -> Result<()> {
        let layout = &self.cluster.layout;
        if operation.header.holds_cluster {
            services_for_recovery::await_them(self.context, layout, permit, operation)?;
        }
        steps::recover_one(&self.context.world(layout), permit, operation).map(drop)
    }
}

/// Verbs that reach their state from whatever they find, and so can take each other's place.
const CONVERGENT: [&str; 5] = ["boot", "shutdown", "start", "stop", "restart"];

/// Ids sort by time.
pub fn operation_id() -> String {
    format!("{}-{}", clock::stamp(clock::now()), chance::tag())
}

/// Keeps others from making a cluster of the same directory: until it has locks of its own, they
/// would take what is begun for what a crash left, and tidy it up.
///
/// # Errors
/// Exit 3 where another one is at it.
pub fn alone_in(context: &Context<'_>, verb: &str, root: &Path) -> Result<Option<Permit>> {
    if context.flags.dry_run {
        return Ok(None);
    }
    let directory = crc32fast::hash(root.as_os_str().as_encoded_bytes());
    Permit::named(
        &context.registry.locks()?,
        &format!("directory-{directory:08x}"),
        &context.lock_request(verb),
    )
    .map(Some)
}

/// Refuses clusters that the original made and nobody took over yet: only what reads works there.
///
/// # Errors
/// Exit 6 with the `adopt` to type.
pub fn need_adoption(cluster: &Cluster, verb: &str) -> Result<()> {
    if store::is_ours(&cluster.layout) {
        return Ok(());
    }
    Err(Error::refused(format!(
        "the cluster {} was made by the original script",
        cluster.name
    ))
    .why(format!(
        "before it is taken over only what reads works on it, and `{verb}` does not only read"
    ))
    .next(adopt_typed(cluster)))
}

/// The `adopt` of a cluster as it is typed: its link may still be the original's.
pub fn adopt_typed(cluster: &Cluster) -> String {
    let link = cluster.layout.link();
    match (link.canonicalize(), identity::tool()) {
        (Ok(target), Ok(tool)) if target != tool => {
            format!(
                "{} adopt {}",
                tool.display(),
                cluster.layout.root().display()
            )
        }
        _ => super::context::typed(&link, "adopt"),
    }
}

/// The error of a verb that needs the shared services, in a cluster that is down.
pub fn services_are_down(cluster: &Cluster, verb: &str) -> Error {
    Error::refused(format!("{verb} needs the cluster {} up", cluster.name))
        .why("its database or its search server does not run")
        .next(super::context::typed(&cluster.layout.link(), "boot"))
}
