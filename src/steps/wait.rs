//! Waiting until something is ready, each time with a limit and an eye on what will never be.

use std::time::{Duration, Instant};

use crate::engine::last_log_lines;
use crate::error::{Error, Result};
use crate::host::{clock, store};
use crate::model::container::{Container, Role, State, names};
use crate::model::health::{Condition, Health};
use crate::model::name::Name;
use crate::services::app::{App, Probe};
use crate::services::{database, proxy, search};
use crate::steps::{Step, World};

/// How long one question may take.
const QUESTION: Duration = Duration::from_secs(5);

/// How long between two questions.
const PAUSE: Duration = Duration::from_millis(100);

/// How many of a container's last lines are shown.
const SHOWN: usize = 15;

/// Waits until a shared service answers.
pub fn for_service(world: &World<'_>, role: Role, container: &str, seconds: u64) -> Result<()> {
    let what = match role {
        Role::Search => "the search server",
        Role::Proxy => "the reverse proxy",
        _ => "the database",
    };
    let ask = || -> Result<(Option<Container>, Health)> {
        let found = world.engine.container(container)?;
        let health = match role {
            Role::Search => search::probe(world.engine, found.as_ref(), QUESTION),
            Role::Proxy => proxy::probe(world.engine, found.as_ref()),
            _ => database_health(world, found.as_ref(), container),
        };
        Ok((found, health))
    };
    until(world, what, (container, &look(container)), seconds, ask)
}

/// Up means that it greets over TCP and that the administrator can log in.
fn database_health(world: &World<'_>, found: Option<&Container>, container: &str) -> Health {
    let health = database::probe(world.engine, found, QUESTION);
    if !health.is_up() {
        return health;
    }
    let server = database::Server::in_container(world.engine, container.to_owned());
    match server.query_within("SELECT 1;\n", QUESTION) {
        Ok(_) => health,
        Err(error) => Health::because(Condition::Unhealthy, error.to_string()),
    }
}

/// Waits until all of these instances are healthy; one that fails does not stop the waiting for
/// the others.
pub fn for_instances(world: &World<'_>, instances: &[Name], seconds: u64) -> Result<()> {
    let mut failed: Vec<(Name, Error)> = std::thread::scope(|scope| {
        let waiting: Vec<_> = instances
            .iter()
            .map(|name| (name, scope.spawn(|| for_instance(world, name, seconds))))
            .collect();
        waiting
            .into_iter()
            .filter_map(|(name, thread)| match thread.join() {
                Ok(Ok(())) => None,
                Ok(Err(error)) => Some((name.clone(), error)),
                Err(_) => Some((name.clone(), Error::failed("the waiting broke off"))),
            })
            .collect()
    });
    let (first, error) = match failed.len() {
        0 => return Ok(()),
        _ => failed.remove(0),
    };
    if failed.is_empty() {
        return Err(error);
    }
    let others: Vec<&str> = failed.iter().map(|(name, _)| name.as_str()).collect();
    Err(Error {
        what: format!("{} and {} are not healthy", first, others.join(", ")),
        ..error
    })
}

/// Whether all of these instances are healthy at this moment.
pub fn are_healthy(world: &World<'_>, instances: &[Name]) -> Result<bool> {
    for name in instances {
        let (_, health) = asked(world, name, |_, ask| ask())?;
        if !health.is_up() {
            return Ok(false);
        }
    }
    Ok(true)
}

fn for_instance(world: &World<'_>, name: &Name, seconds: u64) -> Result<()> {
    asked(world, name, |container, ask| {
        let what = format!("instance {name}");
        until(world, &what, (container, &look(container)), seconds, ask)
    })
}

/// Where it is undone it is gone, or another one has its name by then.
fn look(container: &str) -> String {
    format!("its last words are shown here; where it is left as it is: docker logs {container}")
}

/// An answer about a container, and what it says of the health of what runs in it.
type Asked = Result<(Option<Container>, Health)>;

/// Gives the container of an instance's web process, and the question how it is, to one who asks.
fn asked<T>(
    world: &World<'_>,
    name: &Name,
    asks: impl FnOnce(&str, &dyn Fn() -> Asked) -> Result<T>,
) -> Result<T> {
    let cluster = store::cluster(world.layout.root())?;
    let contracts = store::contracts(Some(world.layout))?;
    let instance = store::instance(&cluster, name)?;
    let app = App {
        cluster: &cluster,
        instance: &instance,
        contract: contracts.covering(&instance.version)?,
    };
    let container = names::of_instance(&cluster.name, name, Role::Web, "");
    asks(&container, &|| {
        let found = world.engine.container(&container)?;
        let health = app.probe(world.engine, found.as_ref(), QUESTION, clock::now());
        Ok((found, health))
    })
}

/// Waits until a web process that is not published answers with the version that is wanted.
pub fn for_proof(world: &World<'_>, step: &Step) -> Result<()> {
    let Step::AwaitProof {
        instance: name,
        version,
        container,
        seconds,
    } = step
    else {
        return Ok(());
    };
    let contracts = store::contracts(Some(world.layout))?;
    let probe = Probe {
        contract: contracts.covering(version)?,
        version,
    };
    let ask = || -> Result<(Option<Container>, Health)> {
        let found = world.engine.container(container)?;
        let health = probe.inside(world.engine, found.as_ref(), QUESTION, clock::now());
        Ok((found, health))
    };
    let what = format!("{name} in the new content");
    // Nothing of a proof is left to be looked at but what is shown of its log.
    let next = "its last words are shown here, and it is removed; --timeout SECONDS waits longer";
    until(world, &what, (container, next), *seconds, ask)
}

/// Asks again and again until the answer is up, can never be, or the time is over.
fn until(
    world: &World<'_>,
    what: &str,
    (container, next): (&str, &str),
    seconds: u64,
    ask: impl Fn() -> Result<(Option<Container>, Health)>,
) -> Result<()> {
    let limit = world.timeout.unwrap_or(Duration::from_secs(seconds));
    let end = Instant::now() + limit;
    loop {
        let (found, health) = ask()?;
        let why = health.why.unwrap_or_else(|| "no reason".to_owned());
        let not_healthy = |why: String| {
            Error::failed(format!("{what} is not healthy"))
                .why(why)
                .next(next)
                .tail(last_log_lines(world.engine, container, SHOWN))
        };
        match (health.condition, found.map(|c| c.state)) {
            (Condition::Up, _) => return Ok(()),
            (Condition::WrongVersion, _) => return Err(not_healthy(why)),
            (Condition::Down, _) | (_, Some(State::Restarting)) => return Err(not_healthy(why)),
            _ if Instant::now() >= end => {
                return Err(not_healthy(format!("{why}, for {} s", limit.as_secs())));
            }
            _ => {}
        }
        world
            .interrupt
            .check(&format!("waiting for {what} was stopped"))?;
        world.interrupt.sleep(PAUSE);
    }
}

/// Waits for work that a stop would lose; says what is left of it if the time is over.
pub fn for_unfinished(world: &World<'_>, step: &Step) -> Result<()> {
    let Step::AwaitUnfinished {
        instance,
        database,
        schema,
        count,
        what,
        seconds,
        must_end,
    } = step
    else {
        return Ok(());
    };
    let server = database::Server::in_container(world.engine, database.clone());
    let limit = world.timeout.unwrap_or(Duration::from_secs(*seconds));
    let end = Instant::now() + limit;
    let mut told = false;
    loop {
        let left = match server.count(schema, count, QUESTION) {
            Ok(left) => left,
            Err(error) if *must_end => return Err(error),
            Err(error) => {
                // A stop must be possible with the database gone; what is cut off is mended later.
                world.observer.warn(&format!(
                    "cannot tell whether {instance} has {what}: {error}"
                ));
                return Ok(());
            }
        };
        if left == 0 {
            return Ok(());
        }
        if Instant::now() >= end && *must_end {
            return Err(Error::failed(format!(
                "{instance} still has {left} {what} after {} s",
                limit.as_secs()
            ))
            .why("the new version has nobody who takes them up, so they would be lost")
            .next(
                "wait longer with --timeout SECONDS, or take out of the queue what fails each time (`db`)",
            ));
        }
        if Instant::now() >= end {
            world.observer.warn(&format!(
                "{instance} still has {left} {what} after {} s; the next start makes up for them",
                limit.as_secs()
            ));
            return Ok(());
        }
        if !told {
            world.observer.note(&format!("{left} {what}"));
            told = true;
        }
        world
            .interrupt
            .check(&format!("waiting for {what} was stopped"))?;
        world.interrupt.sleep(Duration::from_millis(500));
    }
}
