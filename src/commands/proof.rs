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
    let close = begin(plan, session, app, beside)?;
    plan.push(close);
    Ok(())
}

/// The same, but for the step that removes the network: it comes back, for whoever is in a hurry.
///
/// # Errors
/// Exit 2 where the configured repository is none.
pub fn begin(
    plan: &mut Plan,
    session: &Session<'_>,
    app: &App<'_>,
    beside: Beside<'_>,
) -> Result<Step> {
    let cluster = app.cluster;
    let network = Network {
        name: names::proof_network(&cluster.name, &session.id),
        labels: labels(cluster, None),
        internal: true,
    };
    let members: Vec<Member> = [database::spec(cluster), search::spec(cluster)]
        .into_iter()
        .map(|spec| Member {
            container: spec.name,
            aliases: spec.aliases,
        })
        .collect();
    let alone = |command: &str| -> Result<ContainerSpec> {
        let mut spec = app.phase(command, &session.id)?;
        spec.network = network.name.clone();
        match app.contract.mail {
            Mail::Environment => {
                let (key, value) = MAIL;
                spec.environment.insert(key.to_owned(), value.to_owned());
            }
            // Without it nobody is known who takes mail.
            Mail::Ssmtp => spec
                .mounts
                .retain(|mount| mount.source != cluster.layout.ssmtp()),
        }
        Ok(spec)
    };
    let mut spec = alone(&app.contract.web.command)?;
    spec.stop_seconds = app.contract.web.stop_seconds;
    // Commands may run beside it.
    spec.name.push_str("_proof");
    let container = spec.name.clone();
    plan.push(Step::OpenProof {
        network: network.clone(),
        members: members.clone(),
    });
    if let Some((command, what)) = beside.check {
        plan.push(Step::RunPhase {
            spec: Box::new(alone(command)?),
            what,
            input: None,
        });
    }
    plan.push(Step::RunContainer {
        spec: Box::new(spec),
    });
    plan.steps.extend(beside.meanwhile);
    plan.push(Step::AwaitProof {
        instance: app.instance.name.clone(),
        version: app.instance.version.clone(),
        container: container.clone(),
        seconds: app.contract.web.start_seconds,
    });
    plan.push(Step::RemoveStray { name: container });
    Ok(Step::CloseProof { network, members })
}
