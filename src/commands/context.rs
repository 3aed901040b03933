//! What every verb is given: where it was called, what reaches the world, and the flags that all
//! verbs understand.

use std::path::Path;
use std::time::Duration;

use crate::engine::{Engine, OwnedSink, Sink};
use crate::error::{Error, Result};
use crate::host::interrupt::Interrupt;
use crate::host::registry::Registry;
use crate::host::store;
use crate::journal::Observer;
use crate::journal::lock::Request;
use crate::model::cluster::Cluster;
use crate::model::layout::ClusterLayout;
use crate::model::name::Name;
use crate::model::scope::Scope;
use crate::steps::World;

/// The flags that all verbs understand.
#[derive(Debug, Clone, Default)]
pub struct Flags {
    /// `-i NAME`, repeatable.
    pub instances: Vec<String>,
    /// `--all`
    pub all: bool,
    /// `--dry-run`
    pub dry_run: bool,
    /// `--json`
    pub json: bool,
    /// `--yes`: what would be asked is answered.
    pub yes: bool,
    /// `--wait SECONDS`
    pub wait: Duration,
    /// `--timeout SECONDS`
    pub timeout: Option<Duration>,
    /// Whether standard input and output are a terminal.
    pub terminal: bool,
    /// Whether standard output is one.
    pub output_is_terminal: bool,
}

/// What every verb is given.
pub struct Context<'a> {
    /// Where it was called.
    pub scope: Scope,
    /// The flags that all verbs understand.
    pub flags: Flags,
    /// The container engine.
    pub engine: &'a dyn Engine,
    /// This host's clusters.
    pub registry: &'a Registry,
    /// Who is told what happens.
    pub observer: &'a dyn Observer,
    /// Ctrl-C.
    pub interrupt: &'a Interrupt,
    /// Takes the output of commands and logs as it comes.
    pub stream: &'a (dyn Fn() -> OwnedSink + Sync),
    /// How the tool was called, for texts that say what to type next.
    pub called: String,
    /// What is written down of what was typed; none: the verb alone.
    pub words: Option<String>,
}

impl<'a> Context<'a> {
    /// The cluster's paths.
    ///
    /// # Errors
    /// Exit 2 where the command was not called for a cluster.
    pub fn layout(&self) -> Result<ClusterLayout> {
        match self.scope.root() {
            Some(root) => Ok(ClusterLayout::new(root)),
            None => Err(Error::usage("which cluster?")
                .why("neither a cluster's link was called nor is this one of its directories")
                .next("call CLUSTER/cluster.sh, or say -C CLUSTER")),
        }
    }

    /// The cluster; values that a shell would have run are reported.
    ///
    /// # Errors
    /// Exit 2 where the command was not called for one, 1 where its configuration is wrong.
    pub fn cluster(&self) -> Result<Cluster> {
        let layout = self.layout()?;
        let cluster = store::cluster(layout.root())?;
        for warning in store::shell_code_warnings(&layout.config(), &cluster.config.shell_code()) {
            self.observer.warn(&warning);
        }
        Ok(cluster)
    }

    /// The instances that are meant: by scope, by the verb's own words, by `-i` or by `--all`.
    ///
    /// # Errors
    /// Exit 2 where it is not said, 4 where there is no such instance.
    pub fn instances(&self, cluster: &Cluster, words: &[String]) -> Result<Vec<Name>> {
        let said: Vec<&String> = words.iter().chain(&self.flags.instances).collect();
        let there = store::instance_names(cluster)?;
        if let Scope::Instance { name, .. } = &self.scope {
            self.check_words(words)?;
            store::instance(cluster, name)?;
            return Ok(vec![name.clone()]);
        }
        if self.flags.all {
            return Ok(there);
        }
        if said.is_empty() {
            let only = matches!(
                &self.scope,
                Scope::Cluster {
                    only_instance: true,
                    ..
                }
            );
            return match there.as_slice() {
                [one] if only => Ok(vec![one.clone()]),
                _ => Err(which_instance(cluster, &there)),
            };
        }
        let mut names = Vec::new();
        for text in said {
            let name = Name::on_disk(text)?;
            store::instance(cluster, &name)?;
            if !names.contains(&name) {
                names.push(name);
            }
        }
        Ok(names)
    }

    /// In an instance's scope there is no other to name.
    ///
    /// # Errors
    /// Exit 2 where another one is named.
    pub fn check_words(&self, words: &[String]) -> Result<()> {
        let Scope::Instance { root, name } = &self.scope else {
            return Ok(());
        };
        let mut said = words.iter().chain(&self.flags.instances);
        if said.any(|text| text.as_str() != name.as_str()) || self.flags.all {
            return Err(Error::usage(format!("this is {}", self.scope))
                .why("another instance was named")
                .next(format!(
                    "call {}",
                    ClusterLayout::new(root).link().display()
                )));
        }
        Ok(())
    }

    /// Whether instances were named, by words or by `-i`.
    pub fn names_instances(&self, words: &[String]) -> bool {
        !words.is_empty() || !self.flags.instances.is_empty()
    }

    /// Whether an instance is meant, and not the cluster.
    pub fn means_instance(&self, words: &[String]) -> bool {
        self.names_instances(words)
            || matches!(
                &self.scope,
                Scope::Instance { .. }
                    | Scope::Cluster {
                        only_instance: true,
                        ..
                    }
            )
    }

    /// The one instance that is meant.
    ///
    /// # Errors
    /// As [`Context::instances`]; exit 2 where there are several.
    pub fn one_instance(&self, cluster: &Cluster, words: &[String]) -> Result<Name> {
        let mut names = self.instances(cluster, words)?;
        match (names.pop(), names.is_empty()) {
            (Some(name), true) => Ok(name),
            _ => Err(Error::usage("this works on one instance").next("say -i NAME once")),
        }
    }

    /// A request for a lock.
    pub fn lock_request<'b>(&'b self, verb: &'b str) -> Request<'b> {
        Request {
            verb,
            wait: self.flags.wait,
            interrupt: self.interrupt,
        }
    }

    /// What steps act on.
    pub fn world<'b>(&'b self, layout: &'b ClusterLayout) -> World<'b> {
        World {
            engine: self.engine,
            layout,
            registry: self.registry,
            observer: self.observer,
            interrupt: self.interrupt,
            timeout: self.flags.timeout,
            discard_new: false,
        }
    }

    /// Runs something whose output goes to the operator as it comes.
    pub fn streaming<T>(&self, run: impl FnOnce(Sink<'_>) -> Result<T>) -> Result<T> {
        let mut sink = (self.stream)();
        run(&mut *sink)
    }
}

/// The path of a link with words behind it, as it is typed.
pub fn typed(link: &Path, words: &str) -> String {
    format!("{} {words}", link.display())
}

fn which_instance(cluster: &Cluster, there: &[Name]) -> Error {
    let error = Error::usage("which instance?");
    if there.is_empty() {
        return error
            .why(format!("the cluster {} has none yet", cluster.name))
            .next(typed(&cluster.layout.link(), "new NAME"));
    }
    let names: Vec<&str> = there.iter().map(Name::as_str).collect();
    error
        .why(format!(
            "the cluster {} has {}",
            cluster.name,
            names.join(", ")
        ))
        .next("say -i NAME, or --all")
}
