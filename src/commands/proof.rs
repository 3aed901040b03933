//! Content is tried out before it counts: the application is started on it where nobody reaches it and
//! it reaches nobody, and has to answer.

use crate::commands::session::Session;
use crate::error::Result;
use crate::model::container::{ContainerSpec, Network, names};
use crate::model::contract::Mail;
use crate::services::app::App;
use crate::services::{database, labels, search};
use crate::steps::{Member, Plan, Step};

/// The setting that says how mail leaves; what stands in the environment wins over the file.
const MAIL: (&str, &str) = ("MAIL_DELIVERY_METHOD", "test");

/// What is done while an instance's content is tried out.
#[derive(Default)]
pub struct Beside<'a> {
    /// A command of the application's that has to succeed before it is started, and what it does.
    pub check: Option<(&'a str, String)>,
    /// What does not have to wait until the application has started.
    pub meanwhile: Option<Step>,
}

/// The steps that try an instance's content out, and leave nothing of that.
///
/// # Errors
/// Exit 2 where the configured repository is none.
pub fn push(
    plan: &mut Plan,
    session: &Session<'_>,
    app: &App<'_>,
    beside: Beside<'_>,
) -> Result<()> {
    let proof = Proof::of(session, *app)?;
    plan.push(proof.open());
    proof.push(plan, beside)?;
    plan.push(proof.end());
    plan.push(proof.close());
    Ok(())
}

/// The same in its parts, for whoever is in a hurry.
pub struct Proof<'a> {
    app: App<'a>,
    operation: String,
    network: Network,
    /// The services that can be reached in it.
    members: Vec<Member>,
    web: ContainerSpec,
}

impl<'a> Proof<'a> {
    /// Of an instance on content that does not count yet.
    ///
    /// # Errors
    /// Exit 2 where the configured repository is none.
    pub fn of(session: &Session<'_>, app: App<'a>) -> Result<Self> {
        let cluster = app.cluster;
        let services = [database::spec(cluster), search::spec(cluster)];
        let members = services.into_iter().map(|spec| Member {
            container: spec.name,
            aliases: spec.aliases,
        });
        let network = Network {
            name: names::proof_network(&cluster.name, &session.id),
            labels: labels(cluster, None),
            internal: true,
        };
        let mut web = alone(app, &session.id, &network, &app.contract.web.command)?;
        web.stop_seconds = app.contract.web.stop_seconds;
        // Commands may run beside it.
        web.name.push_str("_proof");
        Ok(Proof {
            app,
            operation: session.id.clone(),
            network,
            members: members.collect(),
            web,
        })
    }

    /// The step that makes the network.
    pub fn open(&self) -> Step {
        Step::OpenProof {
            network: self.network.clone(),
            members: self.members.clone(),
        }
    }

    /// The steps that start the application in it, and wait until it answers.
    ///
    /// # Errors
    /// Exit 2 where the configured repository is none.
    pub fn push(&self, plan: &mut Plan, beside: Beside<'_>) -> Result<()> {
        if let Some((command, what)) = beside.check {
            let spec = alone(self.app, &self.operation, &self.network, command)?;
            plan.push(Step::RunPhase {
                spec: Box::new(spec),
                what,
                input: None,
            });
        }
        plan.push(Step::RunContainer {
            spec: Box::new(self.web.clone()),
        });
        plan.steps.extend(beside.meanwhile);
        plan.push(Step::AwaitProof {
            instance: self.app.instance.name.clone(),
            version: self.app.instance.version.clone(),
            container: self.web.name.clone(),
            seconds: self.app.contract.web.start_seconds,
        });
        Ok(())
    }

    /// The step that ends the application.
    pub fn end(&self) -> Step {
        Step::RemoveStray {
            name: self.web.name.clone(),
        }
    }

    /// The step that removes the network.
    pub fn close(&self) -> Step {
        Step::CloseProof {
            network: self.network.clone(),
            members: self.members.clone(),
        }
    }
}

/// The container of a command that reaches nobody, and sends no mail.
fn alone(app: App<'_>, operation: &str, network: &Network, command: &str) -> Result<ContainerSpec> {
    let mut spec = app.phase(command, operation)?;
    spec.network = network.name.clone();
    match app.contract.mail {
        Mail::Environment => {
            let (key, value) = MAIL;
            spec.environment.insert(key.to_owned(), value.to_owned());
        }
        // Without it nobody is known who takes mail.
        Mail::Ssmtp => {
            let settings = app.cluster.layout.ssmtp();
            spec.mounts.retain(|mount| mount.source != settings);
        }
    }
    Ok(spec)
}
