//! A snapshot's content into an instance.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde_json::json;

use crate::commands::arrival::{self, Arrival};
use crate::commands::context::{Context, typed};
use crate::commands::index::{self, Documents};
use crate::commands::kept::{self, Found};
use crate::commands::observed::Observed;
use crate::commands::proof::Beside;
use crate::commands::report::Report;
use crate::commands::session::{Extent, Session, Touch, services_are_down};
use crate::commands::{first_content, images, proof, start, stop, unfinished, upkeep};
use crate::error::{Error, Result};
use crate::host::{chance, clock, files, store};
use crate::model::instance::Instance;
use crate::model::undo::{CONTENT, Kept, Place};
use crate::model::version::Version;
use crate::services::app::App;
use crate::services::database;
use crate::steps::{Intake, Plan, Step};

/// What the import is made of.
struct Parts<'a> {
    /// The instance as it serves now.
    now: App<'a>,
    /// The instance on the new content, where nobody reaches it.
    beside: App<'a>,
    /// The instance on the new content, in its place.
    then: App<'a>,
    intake: Intake,
    documents: Documents,
    kept: Kept,
    undo: PathBuf,
    earlier: Vec<Found>,
    migrates: bool,
}

/// Runs it.
///
/// # Errors
/// See [`super::run`].
pub fn run(context: &Context<'_>, file: &Path, given: Option<&Version>) -> Result<Report> {
    let cluster = context.cluster()?;
    let name = context.one_instance(&cluster, &[])?;
    let arrival = Arrival::of(context, file, given)?;
    let session = Session::begin(
        context,
        "import",
        cluster,
        std::slice::from_ref(&name),
        Extent::Instances,
        Touch::Content,
    )?;
    let cluster = &session.cluster;
    let now = store::instance(cluster, &name)?;
    let contract = session.contracts.covering(&now.version)?;
    let migrates = arrival.is_migrated_by(&now, &session.contracts, &cluster.layout.link())?;
    let app = |instance| App {
        cluster,
        instance,
        contract,
    };
    start::check(&session, &[app(&now)])?;
    images::ensure(context, &[images::of_app(cluster, contract, &now.version)?])?;
    let observed = Observed::settled(context, cluster, std::slice::from_ref(&now))?;
    observed.refuse_original(cluster, "import")?;
    if !observed.services_run() {
        return Err(services_are_down(cluster, "import"));
    }
    arrival::check_server(&database::Server::of(context.engine, cluster))?;
    check_directory(&now, &contract.content.directory)?;
    let then = renewed(&now);
    let mut beside = then.clone();
    beside.layout = cluster.layout.next(&name);
    let intake = arrival.for_place(cluster, contract, &now, &beside)?;
    let kept = Kept {
        verb: "import".to_owned(),
        from: arrival.file.display().to_string(),
        since: clock::now(),
        old: Place::of(&now),
        new: Place::of(&then),
        search: None,
        entries: entries(&intake),
        tables: BTreeMap::new(),
        by_marks: false,
        texts: BTreeMap::new(),
    };
    let parts = Parts {
        now: app(&now),
        beside: app(&beside),
        then: app(&then),
        documents: arrival.documents(
            &intake,
            now.index.clone().map(|index| (index, now.version.clone())),
        ),
        intake,
        undo: cluster.layout.undo(&name).join(&session.id),
        kept,
        earlier: kept::all(&cluster.layout, &name)?,
        migrates,
    };
    let plan = plan(&session, &observed, parts)?;
    if let Some(report) = session.carry_out(&plan)? {
        return Ok(report);
    }
    upkeep::after(&session, std::slice::from_ref(&name));
    Ok(report(&session, &plan, &now, &arrival))
}

fn report(session: &Session<'_>, plan: &Plan, instance: &Instance, arrival: &Arrival) -> Report {
    let undo = typed(&instance.layout.link(), "import --undo");
    session.report(
        plan,
        vec![
            format!(
                "instance {} has the content of {}",
                instance.name,
                arrival.file.display()
            ),
            format!("the former content is kept for 7 days: {undo}"),
        ],
        json!({
            "instance": instance.name,
            "from": arrival.file,
            "undo": undo,
        }),
    )
}

/// The instance on content that is its own and new.
fn renewed(now: &Instance) -> Instance {
    let tag = chance::tag();
    let named = |name: &str| {
        let bare = name.split("__").next().unwrap_or(name);
        format!("{bare}__{tag}")
    };
    let mut next = now.clone();
    next.schema = named(&now.schema);
    next.database_user = next.schema.clone();
    next.database_password = chance::password();
    next.index = now.index.as_deref().map(named);
    next
}

/// What is exchanged in the instance's directory; its configuration is the last.
fn entries(intake: &Intake) -> Vec<String> {
    let texts = intake.texts.iter().map(|text| &text.name);
    let mut entries: Vec<String> = Vec::new();
    for name in intake.roots.iter().chain(texts) {
        if !entries.contains(name) && name != "config.sh" {
            entries.push(name.clone());
        }
    }
    entries.push("config.sh".to_owned());
    entries
}

/// Refuses a directory that cannot be exchanged by renaming it.
///
/// # Errors
/// Exit 6 where it cannot.
pub fn check_directory(instance: &Instance, name: &str) -> Result<()> {
    let path = instance.layout.inside(name);
    if !files::exists(&path) || files::can_be_moved(&path, instance.layout.root())? {
        return Ok(());
    }
    Err(
        Error::refused(format!("{} cannot be exchanged", path.display()))
            .why("it is a link, or a file system of its own")
            .next("make an instance of the snapshot beside this one: new NAME --from FILE"),
    )
}

fn plan(session: &Session<'_>, observed: &Observed, parts: Parts<'_>) -> Result<Plan> {
    let Parts {
        now,
        beside,
        then,
        intake,
        documents,
        kept,
        undo,
        earlier,
        migrates,
    } = parts;
    let mut plan = session.plan();
    plan.instances = vec![now.instance.name.clone()];
    plan.content = true;
    // Half exchanged, it would be written to where it is going to be undone.
    plan.holds_start = true;
    first_content::push_waits(&mut plan, session);
    push_beside(&mut plan, session, &beside, &intake, migrates)?;
    let fill = index::step(&beside, &session.id, documents)?;
    proof::push(
        &mut plan,
        session,
        &beside,
        Beside {
            meanwhile: fill,
            ..Beside::default()
        },
    )?;
    let noted = kept::noted(&undo, &then, &kept.entries);
    plan.push(Step::NoteContent {
        noted: noted.clone(),
        beside: beside.instance.layout.root().to_owned(),
        sums: None,
        kept: Box::new(kept.clone()),
    });
    let runs = observed.web_runs(&now.instance.name);
    if runs {
        unfinished::wait(&now, true)
            .into_iter()
            .for_each(|step| plan.push(step));
    }
    stop::removals(&mut plan.steps, observed, &now)?;
    plan.push(Step::Exchange {
        entries: kept.entries,
        live: now.instance.layout.root().to_owned(),
        next: beside.instance.layout.root().to_owned(),
        before: undo.join(CONTENT),
    });
    if runs {
        kept::push_serve(&mut plan, noted, &then)?;
        start::push_containers(&mut plan, &Observed::default(), &[then])?;
        start::push_healthy(&mut plan, &[then]);
    }
    plan.no_return_from_here();
    if runs {
        start::push_mends(&mut plan, &[then])?;
    }
    for one in earlier {
        kept::push_drop(&mut plan, &session.cluster, one);
    }
    plan.push(Step::DiscardDirectory {
        path: beside.instance.layout.root().to_owned(),
    });
    Ok(plan)
}

/// The steps that make the new content while the old one serves.
fn push_beside(
    plan: &mut Plan,
    session: &Session<'_>,
    app: &App<'_>,
    intake: &Intake,
    migrates: bool,
) -> Result<()> {
    first_content::push_schema(plan, app);
    plan.push(Step::TakeIn {
        intake: Box::new(intake.clone()),
    });
    if migrates {
        plan.push(Step::RunPhase {
            spec: Box::new(app.phase(&app.contract.commands.migrate, &session.id)?),
            what: format!("migrate the new content to {}", app.instance.version),
            input: None,
        });
    }
    Ok(())
}
