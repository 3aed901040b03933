//! Whoever writes to instances' tables is kept out for a while: the application, and every other program
//! that has its login.

use crate::commands::session::Session;
use crate::error::Result;
use crate::model::cluster::Cluster;
use crate::model::container::{Role, names};
use crate::services::app::App;
use crate::services::database::Server;
use crate::services::rights::{self, Rights};
use crate::steps::{Plan, Step};

/// What an instance's database user may do; nothing where there is no such user.
///
/// # Errors
/// As [`rights::of`].
pub fn rights(session: &Session<'_>, app: &App<'_>) -> Result<Option<Rights>> {
    rights::of(
        &Server::of(session.context.engine, &session.cluster),
        &app.instance.database_user,
        &app.instance.schema,
        &app.contract.content.tables_without_content,
    )
}

/// The same where it is needed.
///
/// # Errors
/// Exit 6 also where there is none.
pub fn need_rights(session: &Session<'_>, app: &App<'_>) -> Result<Rights> {
    let (user, schema) = (&app.instance.database_user, &app.instance.schema);
    rights(session, app)?.ok_or_else(|| rights::none(user, schema))
}

/// Adds the steps that keep them out.
pub fn keep_out(plan: &mut Plan, cluster: &Cluster, rights: &[Rights]) {
    plan.steps
        .extend(rights.iter().map(|rights| Step::ReadOnly {
            database: names::service(&cluster.name, Role::Database),
            rights: Box::new(rights.clone()),
        }));
}

/// Adds the steps that let them in again.
pub fn let_in(plan: &mut Plan, cluster: &Cluster, rights: &[Rights]) {
    plan.steps
        .extend(rights.iter().map(|rights| Step::GiveBack {
            database: names::service(&cluster.name, Role::Database),
            rights: Box::new(rights.clone()),
        }));
}
