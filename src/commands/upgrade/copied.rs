//! The steps that make copies of an instance's schema and files, and let them go.

use std::path::PathBuf;

use crate::commands::first_content;
use crate::host::clone::Rules;
use crate::model::container::{Role, names};
use crate::model::layout::InstanceLayout;
use crate::model::undo::Place;
use crate::services::app::App;
use crate::steps::{Elsewhere, Entry, Plan, SchemaCopy, Step};

/// The steps that make a copy as the original is in one moment, and lay out its place.
pub fn push_still(plan: &mut Plan, now: &App<'_>, app: &App<'_>, entries: Vec<Entry>) {
    push_place(plan, app, entries);
    push_moment(plan, copy_of(now, app, false));
}

/// The same in a server of its own.
pub fn push_still_in(
    plan: &mut Plan,
    now: &App<'_>,
    app: &App<'_>,
    entries: Vec<Entry>,
    server: Elsewhere,
) {
    // Schema and user go with their server, which may be gone when they would be dropped.
    push_entries(plan, entries);
    let mut copy = copy_of(now, app, false);
    copy.into = Some(server);
    push_moment(plan, copy);
}

fn push_moment(plan: &mut Plan, copy: Box<SchemaCopy>) {
    plan.push(Step::CopySchema { copy: copy.clone() });
    plan.push(Step::LeaveCopy { copy });
}

/// The steps that let a copy and its place go again, with an index if that is to go too.
pub fn push_let_go(plan: &mut Plan, app: &App<'_>, index: Option<String>) {
    plan.push(Step::DropContent {
        database: names::service(&app.cluster.name, Role::Database),
        search: names::service(&app.cluster.name, Role::Search),
        place: Place {
            index,
            ..Place::of(app.instance)
        },
    });
    plan.push(Step::DiscardDirectory {
        path: app.instance.layout.root().to_owned(),
    });
}

/// From the instance as it serves to another description of it; whether it `follows`.
pub fn copy_of(now: &App<'_>, beside: &App<'_>, follows: bool) -> Box<SchemaCopy> {
    let name = &now.instance.name;
    let exchange = now.cluster.layout.exchange();
    Box::new(SchemaCopy {
        database: names::service(&now.cluster.name, Role::Database),
        into: None,
        from: now.instance.schema.clone(),
        to: beside.instance.schema.clone(),
        user: beside.instance.database_user.clone(),
        password: beside.instance.database_password.clone(),
        but: now.contract.content.tables_without_content.clone(),
        safe: now.contract.database.start_up_statements.clone(),
        noted: exchange.join(format!("{name}.position")),
        pipe: exchange.join(format!("{name}.copy")),
        follows,
    })
}

/// The steps that make the place of the copy.
pub fn push_place(plan: &mut Plan, app: &App<'_>, entries: Vec<Entry>) {
    push_entries(plan, entries);
    first_content::push_schema(plan, app);
}

fn push_entries(plan: &mut Plan, entries: Vec<Entry>) {
    plan.push(Step::Place {
        what: "lay out the place of a copy".to_owned(),
        entries,
    });
}

/// How an instance's files come to a place.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Files {
    /// Nothing is there yet.
    Copied,
    /// Most of them are there.
    Updated,
}

/// The steps that bring an instance's files to each of these places.
pub fn files(
    now: &App<'_>,
    places: impl IntoIterator<Item = InstanceLayout>,
    files: Files,
) -> impl Iterator<Item = Step> {
    let content = &now.contract.content;
    let rules = Rules {
        write_once: content.write_once.iter().map(PathBuf::from).collect(),
        ..Rules::default()
    };
    let from = now.instance.layout.inside(&content.directory);
    places.into_iter().map(move |place| {
        let to = place.inside(&content.directory);
        let (from, rules) = (from.clone(), rules.clone());
        match files {
            Files::Copied => Step::CopyFiles { from, to, rules },
            Files::Updated => Step::UpdateFiles { from, to, rules },
        }
    })
}
