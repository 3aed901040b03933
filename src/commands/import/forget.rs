//! `import --forget`: what imports took the place of goes.

use serde_json::json;

use crate::commands::context::Context;
use crate::commands::kept;
use crate::commands::observed::Observed;
use crate::commands::report::Report;
use crate::commands::session::{Extent, Session, Touch, services_are_down};
use crate::error::Result;
use crate::steps::Step;

/// Runs it.
///
/// # Errors
/// Exit 6 where the cluster is down.
pub fn run(context: &Context<'_>) -> Result<Report> {
    let cluster = context.cluster()?;
    let name = context.one_instance(&cluster, &[])?;
    let session = Session::begin(
        context,
        "import",
        cluster,
        std::slice::from_ref(&name),
        Extent::Instances,
        Touch::Content,
    )?;
    let observed = Observed::of(context.engine, &session.cluster)?;
    if !observed.services_run() {
        return Err(services_are_down(&session.cluster, "import"));
    }
    let mut plan = session.plan();
    plan.instances = vec![name.clone()];
    plan.content = true;
    let found = kept::all(&session.cluster.layout, &name)?;
    let count = found.len();
    let away = session.cluster.layout.next(&name).root().to_owned();
    for (number, mut one) in found.into_iter().enumerate() {
        // First out of the way as a whole: from then on it is nothing that could be brought back.
        let to = away.with_file_name(format!("{name}.forgotten-{number}"));
        plan.push(Step::MoveDirectory {
            from: one.directory,
            to: to.clone(),
        });
        if number == 0 {
            plan.no_return_from_here();
        }
        one.directory = to;
        kept::push_drop(&mut plan, &session.cluster, one);
    }
    if let Some(report) = session.carry_out(&plan)? {
        return Ok(report);
    }
    let line = match count {
        0 => format!("nothing is kept of instance {name}"),
        _ => format!("the former content of instance {name} is gone"),
    };
    Ok(session.report(&plan, vec![line], json!({"forgotten": count})))
}
