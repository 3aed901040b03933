//! What has to be so before an upgrade changes anything.

use std::time::Duration;

use crate::commands::confirm::{Question, confirm};
use crate::commands::context::{Context, typed};
use crate::commands::observed::Observed;
use crate::commands::session::{Session, services_are_down};
use crate::commands::upgrade::apart::EMPTY_BYTES;
use crate::commands::upgrade::parts::Parts;
use crate::commands::{arrival, images, import, new, start};
use crate::error::{Error, Result};
use crate::host::{clock, sizes, space};
use crate::model::cluster::Cluster;
use crate::model::container::Role;
use crate::model::contract::{Contract, Contracts};
use crate::model::health::Condition;
use crate::model::memory::human;
use crate::model::version::{Version, compare, numbers};
use crate::services::app::App;
use crate::services::database;
use crate::services::room::LEFT_TO_OTHERS;

/// How long the instance may take to say that it is well.
const HEALTH: Duration = Duration::from_secs(10);

/// How long its files are counted.
const COUNTING: Duration = Duration::from_secs(10);

/// Whether the step is allowed; `cluster` has the servers that there are going to be.
///
/// # Errors
/// Exit 6 where it is none, or leads to what is older without `--force`, or another era keeps its
/// configuration in a form that this one's cannot be brought into; also where a known fault is not
/// confirmed.
pub fn step(
    session: &Session<'_>,
    cluster: &Cluster,
    (now, contract): (&Version, &Contract),
    (to, next): (&Version, &Contract),
    force: bool,
) -> Result<()> {
    let context = session.context;
    let refused = || Error::refused(format!("{now} cannot be brought to {to}"));
    if let (Some(a), Some(b)) = (now.numbers(), to.numbers()) {
        if compare(&b, &a).is_lt() && !force {
            return Err(refused()
                .why("it is older, and a migration does not lead back")
                .next("`upgrade --undo` leads back; if you want it nevertheless, say --force"));
        }
        let between = between(&session.contracts, &a, &b);
        if !between.is_empty() {
            context.observer.warn(&format!(
                "from {now} to {to} a major version is left out; the known way goes by {}",
                between.join(", then ")
            ));
        }
    }
    if contract.env_file.is_some() && next.env_file.is_none() {
        return Err(refused()
            .why("it is configured by files, and an environment file does not become files again")
            .next("`upgrade --undo` leads back to the version of before"));
    }
    let (here, there) = (&contract.content.directory, &next.content.directory);
    if here != there {
        return Err(refused()
            .why(format!("its files are in {there}, and no longer in {here}"))
            .next(format!(
                "make one beside and carry the content over: new NAME --version {to}"
            )));
    }
    new::check_fits(cluster, next, to)
        .map_err(|error| error.next(format!("say {}", servers_wanted(cluster, next).join(" "))))?;
    for fault in next.faults_of(to).iter().filter(|f| f.blocks) {
        confirm(
            context,
            Question {
                what: &format!("{to} has a known fault"),
                why: &fault.what,
                ask: "Upgrade to it nevertheless?",
            },
        )?;
    }
    Ok(())
}

/// What to say for a version that does not work with the cluster's servers.
fn servers_wanted(cluster: &Cluster, next: &Contract) -> Vec<String> {
    [
        ("--database", &next.database, &cluster.database_image),
        ("--search", &next.search, &cluster.search_image),
    ]
    .into_iter()
    .filter(|(_, rules, image)| !rules.fits(image.tag()))
    .map(|(flag, rules, _)| format!("{flag} {}", rules.image))
    .collect()
}

/// The eras of the major versions that are left out, the oldest first.
fn between(contracts: &Contracts, now: &[u64], to: &[u64]) -> Vec<String> {
    let mut found: Vec<(Vec<u64>, String)> = Vec::new();
    for contract in contracts.all() {
        let Some(from) = numbers(&contract.versions.from) else {
            continue;
        };
        let words = format!("{} ({})", contract.name, contract.versions);
        let covered = found.iter().any(|(other, _)| *other == from);
        if from.first() > now.first() && from.first() < to.first() && !covered {
            found.push((from, words));
        }
    }
    found.sort_by(|(a, _), (b, _)| compare(a, b));
    found.into_iter().map(|(_, words)| words).collect()
}

/// Whether all is there that it takes: services, images, settings, room, and an instance that is
/// well where it runs. How many bytes of room it takes at most; `also`: what another server's data
/// takes beside.
///
/// # Errors
/// Exit 6 with what is not; 1 where an image cannot be had.
pub fn place(
    session: &Session<'_>,
    observed: &Observed,
    parts: &Parts<'_>,
    also: u64,
) -> Result<u64> {
    let (now, then) = (&parts.now, &parts.then);
    let (context, cluster) = (session.context, &session.cluster);
    observed.refuse_original(cluster, "upgrade")?;
    if !observed.services_run() {
        return Err(services_are_down(cluster, "upgrade"));
    }
    arrival::check_server(&database::Server::of(context.engine, cluster))?;
    if now.contract.name != then.contract.name {
        // As a rule the migration, or what is carried over, changes files then.
        import::check_directory(now.instance, &now.contract.content.directory).map_err(|e| {
            e.next("move its files into a directory of that name, within the cluster's file system")
        })?;
    }
    start::check_settings(session, then)?;
    images::ensure(context, &images::of_apps(&[*now, *then])?)?;
    if observed.web_runs(&now.instance.name) {
        well(context, observed, now)?;
    }
    // What an index is made of ahead is gone before the copy is made, but not out of the log.
    room(session, parts, also)
}

/// Whether an instance that runs is well.
///
/// # Errors
/// Exit 6 with what it is.
pub fn well(context: &Context<'_>, observed: &Observed, app: &App<'_>) -> Result<()> {
    let name = &app.instance.name;
    let container = observed.of_instance(name, Role::Web);
    let health = app.probe(context.engine, container, HEALTH, clock::now());
    if health.condition == Condition::Up {
        return Ok(());
    }
    let link = app.instance.layout.link();
    Err(Error::refused(format!("instance {name} is not well"))
        .why(
            health
                .why
                .unwrap_or_else(|| health.condition.words().to_owned()),
        )
        .next(typed(&link, "status")))
}

/// The copy of the schema and its log take twice its size at most (three times where a copy went
/// `ahead`), and others need some as well; files are linked where they can be, and copied where not. Servers
/// that a rehearsal has to itself have the copy in the cluster's directory.
fn room(session: &Session<'_>, parts: &Parts<'_>, also: u64) -> Result<u64> {
    let (now, layout) = (&parts.now, &session.cluster.layout);
    let server = database::Server::of(session.context.engine, &session.cluster);
    let times = 2 + u64::from(parts.ahead.is_some());
    let once = server.schema_bytes(&now.instance.schema)?;
    let schema = once * times;
    let data = now.instance.layout.inside(&now.contract.content.directory);
    let (root, rows) = (layout.root(), layout.database_data());
    let (files_on, free_for_files) = space::free(root)?;
    let (schema_on, free_for_rows) = space::free(&rows)?;
    let (data_on, _) = space::free(&data)?;
    // On another file system nothing can be linked: two copies.
    let files = match data_on == files_on {
        true => 0,
        false => sizes::of_directory(&data, COUNTING).bytes * 2,
    };
    let apart = match parts.apart {
        None => 0,
        // The rows, and the log that loading them makes.
        Some(_) => once * 2 + EMPTY_BYTES + LEFT_TO_OTHERS,
    };
    let needed_for_rows = schema + also + LEFT_TO_OTHERS;
    let needed_for_files = match files_on == schema_on {
        true => files + needed_for_rows.max(apart),
        false => files + apart,
    };
    for (needed, free, path) in [
        (needed_for_files, free_for_files, root),
        (needed_for_rows, free_for_rows, &rows),
    ] {
        if needed > free {
            return Err(Error::refused("there is no room for a copy of the content")
                .why(format!(
                    "database {}, files {}: {} are free in {}",
                    human(needed_for_rows.max(apart)),
                    human(files),
                    human(free),
                    path.display()
                ))
                .next(
                    "`snapshots` lists what may go, `import --forget` what an import left behind",
                ));
        }
    }
    Ok(files + schema)
}
