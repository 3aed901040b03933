//! The first `boot` after `adopt`: the original's containers, tied by links, give way to ours on a
//! network, in one plan. Until all of ours are healthy the old ones stay, stopped and under another
//! name, and any failure brings them back.

use serde_json::json;

use crate::commands::confirm::{Question, confirm};
use crate::commands::context::Context;
use crate::commands::field::image_of;
use crate::commands::observed::Observed;
use crate::commands::start;
use crate::error::{Error, Result};
use crate::host::files;
use crate::model::cluster::Cluster;
use crate::model::container::{Container, ContainerSpec, Role, State, names};
use crate::model::instance::Instance;
use crate::model::name::Name;
use crate::model::secret::Secret;
use crate::services::proxy;
use crate::steps::{Entry, Plan, Step};

/// The containers of the original's that a `boot` is about to replace.
pub struct TakeOver {
    /// In the order in which they are stopped.
    containers: Vec<Container>,
    /// The proxy that takes the place of the original's.
    pub proxy: Option<ContainerSpec>,
}

impl TakeOver {
    /// What is to be taken over; nothing where no container of the original's is there.
    ///
    /// # Errors
    /// Exit 5 where the engine cannot be reached, 6 where a name for one set aside is taken.
    pub fn of(
        context: &Context<'_>,
        cluster: &Cluster,
        observed: &Observed,
        instances: &[Name],
    ) -> Result<Option<Self>> {
        let mut containers: Vec<Container> = observed.of_original().cloned().collect();
        if containers.is_empty() {
            return Ok(None);
        }
        containers.sort_by_key(order);
        let mut proxy = None;
        for container in &containers {
            let aside = names::set_aside(&container.name);
            if context.engine.container(&aside)?.is_some() {
                return Err(
                    Error::refused(format!("there is a container {aside} already"))
                        .why(format!(
                            "{} is to be set aside under this name",
                            container.name
                        ))
                        .next(format!("look at it: docker inspect {aside}")),
                );
            }
            if container.role() == Some(Role::Proxy) {
                let detailed = context.engine.container(&container.name)?;
                let there = detailed.as_ref().unwrap_or(container);
                proxy = Some(ContainerSpec {
                    image: image_of(context, there)?,
                    ..proxy::like(cluster, there, instances)
                });
            }
        }
        Ok(Some(TakeOver { containers, proxy }))
    }

    /// Asks whether to go on.
    ///
    /// # Errors
    /// Exit 6 where not.
    pub fn confirm(&self, context: &Context<'_>) -> Result<()> {
        let there: Vec<&str> = self.containers.iter().map(|c| c.name.as_str()).collect();
        confirm(
            context,
            Question {
                what: "boot replaces the containers that the original script tied by links",
                why: &format!(
                    "{} are stopped and made anew on a network; the instances do not answer \
                     meanwhile, and whatever fails brings the old ones back",
                    there.join(", ")
                ),
                ask: "Go on?",
            },
        )
    }

    /// The steps that set the old containers aside.
    pub fn push_set_aside(&self, plan: &mut Plan) {
        plan.sets_aside = true;
        for container in &self.containers {
            plan.push(Step::SetAside {
                name: container.name.clone(),
                ran: runs(container),
                seconds: stop_seconds(container),
            });
        }
    }

    /// The steps at the end: what is to be remembered is written down, and from there on the old
    /// containers only go.
    ///
    /// # Errors
    /// Exit 2 where a file's text cannot be made.
    pub fn push_end(
        &self,
        plan: &mut Plan,
        cluster: &Cluster,
        instances: &[Instance],
        mut entries: Vec<Entry>,
    ) -> Result<()> {
        if let Some(Step::Place { entries: more, .. }) = start::should_run(instances, true)? {
            entries.extend(more);
        }
        if let Some(spec) = &self.proxy {
            let path = cluster.layout.proxy_spec();
            let text = serde_json::to_string_pretty(&json!(spec)).unwrap_or_default();
            entries.push(Entry::File {
                mode: files::PRIVATE,
                before: files::read_if_there(&path)?.map(Secret::new),
                content: Secret::new(format!("{text}\n")),
                path,
            });
        }
        if !entries.is_empty() {
            plan.push(Step::Place {
                what: "write down what should run".to_owned(),
                entries,
            });
        }
        plan.no_return_from_here();
        for container in &self.containers {
            plan.push(Step::RemoveSetAside {
                name: names::set_aside(&container.name),
            });
        }
        Ok(())
    }
}

/// The instances of which a container of the original's runs.
pub fn running(observed: &Observed) -> Vec<Name> {
    observed
        .of_original()
        .filter(|container| runs(container))
        .filter_map(|container| container.original.as_ref()?.instance.clone())
        .collect()
}

fn runs(container: &Container) -> bool {
    matches!(
        container.state,
        State::Running | State::Paused | State::Restarting
    )
}

/// A container that is linked to another can only be started while that one runs. So what is
/// linked to most goes last, and comes back first: the database; first goes the proxy.
fn order(container: &Container) -> u8 {
    match container.role() {
        Some(Role::Proxy) => 0,
        Some(Role::Worker) => 1,
        Some(Role::Web) => 2,
        Some(Role::Search) => 3,
        _ => 4,
    }
}

/// How long a stop may take: a database writes out what it holds.
fn stop_seconds(container: &Container) -> u64 {
    match container.role() {
        Some(Role::Database) => 120,
        Some(Role::Search) => 60,
        Some(Role::Worker) => 30,
        _ => 10,
    }
}
