//! Content is tried out before it counts: the application is started on it where nobody reaches it and
//! it reaches nobody, and has to answer.

use crate::commands::session::Session;
use crate::error::Result;
use crate::model::container::{Network, names};
use crate::model::contract::Mail;
use crate::services::app::App;
use crate::services::{database, labels, search};
use crate::steps::{Member, Plan, Step};

/// The setting that says how mail leaves; what stands in the environment wins over the file.
const MAIL: (&str, &str) = ("MAIL_DELIVERY_METHOD", "test");

/// The steps that try an instance's content out, and leave nothing of that. What is done
/// `meanwhile` does not have to wait until the application has started.
///
/// # Errors
/// Exit 2 where the configured repository is none.
pub fn push(
    plan: &mut Plan,
    session: &Session<'_>,
    app: &App<'_>,
    meanwhile: Option<Step>,
) -> Result<()> {
    let cluster = &session.cluster;
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
    let mut spec = app.phase(&app.contract.web.command, &session.id)?;
    spec.stop_seconds = app.contract.web.stop_seconds;
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
    // Commands may run beside it.
    spec.name.push_str("_proof");
    let container = spec.name.clone();
    plan.push(Step::OpenProof {
        network: network.clone(),
        members: members.clone(),
    });
    plan.push(Step::RunContainer {
        spec: Box::new(spec),
    });
    plan.steps.extend(meanwhile);
    plan.push(Step::AwaitProof {
        instance: app.instance.name.clone(),
        version: app.instance.version.clone(),
        container: container.clone(),
        seconds: app.contract.web.start_seconds,
    });
    plan.push(Step::RemoveStray { name: container });
    plan.push(Step::CloseProof { network, members });
    Ok(())
}
