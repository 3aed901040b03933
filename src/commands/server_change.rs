//! Other servers in the place of those that a cluster shares, in the plan of a verb.

use std::path::Path;

use crate::commands::images::Needed;
use crate::commands::observed::Observed;
use crate::commands::proof::Beside;
use crate::commands::session::Session;
use crate::commands::{
    database_change, images, proof, search_change, start, stop, unfinished, writers,
};
use crate::error::{Error, Result};
use crate::host::{files, store};
use crate::model::cluster::{Cluster, key};
use crate::model::container::{Role, State};
use crate::model::image::ImageRef;
use crate::model::instance::Instance;
use crate::model::name::Name;
use crate::model::secret::Secret;
use crate::services::app::App;
use crate::services::rights::Rights;
use crate::steps::{Entry, Plan, Step};

/// The servers that are asked for; none where it stays.
#[derive(Debug, Clone, Copy, Default)]
pub struct Asked<'a> {
    /// The search server.
    pub search: Option<&'a ImageRef>,
    /// The database server.
    pub database: Option<&'a ImageRef>,
}

impl Asked<'_> {
    /// Whether there is any.
    pub fn any(&self) -> bool {
        self.search.is_some() || self.database.is_some()
    }
}

/// A change of one server or of both.
pub struct Change {
    /// The cluster with the new ones.
    pub wanted: Cluster,
    /// The instances beside the one that the verb is about.
    others: Vec<Instance>,
    search: bool,
    database: bool,
    /// How many bytes of the database's disk it takes.
    takes: u64,
}

impl Change {
    /// The change, where there is one to make. Nothing is pulled yet: see [`Change::ensure`].
    ///
    /// # Errors
    /// Exit 6 where another instance's version does not work with a server, the data cannot be
    /// taken along, or there is no room for it twice.
    pub fn of(session: &Session<'_>, asked: Asked<'_>, one: Option<&Name>) -> Result<Option<Self>> {
        let before = &session.cluster;
        let mut wanted = before.clone();
        for (image, place) in [
            (asked.search, &mut wanted.search_image),
            (asked.database, &mut wanted.database_image),
        ] {
            image.into_iter().for_each(|image| place.clone_from(image));
        }
        // Behind the lock: who held it may have made or removed one.
        let mut names = store::instance_names(before)?;
        names.retain(|name| Some(name) != one);
        let mut change = Change {
            takes: 0,
            others: start::load(session, &names)?,
            search: wanted.search_image != before.search_image,
            database: wanted.database_image != before.database_image,
            wanted,
        };
        if !change.search && !change.database {
            return Ok(None);
        }
        let others = change.others(session)?;
        if change.search {
            search_change::check(before, &others, &change.wanted.search_image)?;
        }
        if change.database {
            let takes = database_change::check(before, &others, &change.wanted)?;
            change.takes = takes;
        }
        Ok(Some(change))
    }

    /// How many bytes it takes where the database's data is.
    pub fn takes(&self) -> u64 {
        self.takes
    }

    /// Refuses where another server runs than the one that is configured: that would be taken for the
    /// one that runs, and would come back where something fails.
    ///
    /// # Errors
    /// Exit 6 with both images.
    pub fn need_the_configured(
        session: &Session<'_>,
        asked: Asked<'_>,
        observed: &Observed,
    ) -> Result<()> {
        let before = &session.cluster;
        for (asked, role, image) in [
            (asked.database, Role::Database, &before.database_image),
            (asked.search, Role::Search, &before.search_image),
        ] {
            if let Some(there) = observed.service(role).filter(|_| asked.is_some())
                && there.image != image.as_str()
            {
                return Err(refused_now()
                    .why(format!("{} runs, and {image} is configured", there.image))
                    .next("set what runs (`config set`), or `shutdown` and `boot` with what is configured"));
            }
        }
        Ok(())
    }

    /// Refuses while a command is at work that would go on writing.
    ///
    /// # Errors
    /// Exit 6 with its containers.
    pub fn need_quiet(&self, observed: &Observed) -> Result<()> {
        let at_work: Vec<&str> = observed
            .one_offs()
            .filter(|_| self.database)
            .filter(|c| c.state == State::Running)
            .map(|c| c.name.as_str())
            .collect();
        match at_work.is_empty() {
            true => Ok(()),
            false => Err(refused_now()
                .why(format!("a command is at work in {}", at_work.join(", ")))
                .next("wait for its end, or end it: docker stop CONTAINER")),
        }
    }

    /// Has the images that it takes.
    ///
    /// # Errors
    /// Exit 1 where one cannot be had.
    pub fn ensure(&self, session: &Session<'_>) -> Result<()> {
        images::ensure(session.context, &self.images(session)?)
    }

    /// The images that it takes.
    ///
    /// # Errors
    /// Exit 2 where the configured repository is none.
    pub fn images(&self, session: &Session<'_>) -> Result<Vec<Needed>> {
        let mut needed = images::of_services(&self.wanted);
        needed.extend(images::of_apps(&self.others(session)?)?);
        Ok(needed)
    }

    /// Whether all instances are down while it is made.
    pub fn stops_all(&self) -> bool {
        self.database
    }

    /// The new search server, where there is one: the indices are made anew then.
    pub fn new_search(&self) -> Option<&ImageRef> {
        self.search.then_some(&self.wanted.search_image)
    }

    /// The new database server, where there is one.
    pub fn new_database(&self) -> Option<&ImageRef> {
        self.database.then_some(&self.wanted.database_image)
    }

    /// The instances beside the one that the verb is about.
    ///
    /// # Errors
    /// Exit 6 where no contract covers a version.
    fn others<'a>(&'a self, session: &'a Session<'_>) -> Result<Vec<App<'a>>> {
        start::apps(session, &self.others)
    }

    /// Those of them that run, or try to: the engine starts again what died.
    fn running<'a>(
        &'a self,
        session: &'a Session<'_>,
        observed: &Observed,
    ) -> Result<Vec<App<'a>>> {
        let mut apps = self.others(session)?;
        apps.retain(|app| is_up(observed, app));
        Ok(apps)
    }

    /// What the database users of the other instances may do, where they get another database server:
    /// of what they would write to it, nothing would be there on the way back. One that is not known to
    /// the server writes nothing.
    ///
    /// # Errors
    /// Exit 6 where one cannot be kept from writing.
    pub fn rights(&self, session: &Session<'_>) -> Result<Vec<Rights>> {
        let mut found = Vec::new();
        if self.database {
            for app in self.others(session)? {
                found.extend(writers::rights(session, &app)?);
            }
        }
        Ok(found)
    }

    /// The steps that put the new servers into their places, with the other instances on them as
    /// before; with another database server these are stopped, their users are kept from writing
    /// (see [`Change::rights`]), and they are tried out so: a page is read for that. `one` is what the
    /// verb is about: its index is filled too where its version of now works with the server, and
    /// with another database server it is down already, and nobody writes to it.
    ///
    /// # Errors
    /// Exit 2 where the configured repository is none.
    pub fn push(
        &self,
        plan: &mut Plan,
        session: &Session<'_>,
        observed: &Observed,
        one: Option<&App<'_>>,
        rights: &[Rights],
    ) -> Result<()> {
        // Who starts and stops the cluster has to know first which of both it is.
        plan.holds_cluster = true;
        let others = self.others(session)?;
        plan.instances
            .extend(others.iter().map(|app| app.instance.name.clone()));
        let running = self.running(session, observed)?;
        if self.database {
            push_stop(plan, observed, &running)?;
            writers::keep_out(plan, &session.cluster, rights);
            database_change::push(plan, &session.cluster, &self.wanted);
        }
        if self.search {
            search_change::push(plan, &session.cluster, &self.wanted);
            let fits = |app: &&App<'_>| {
                let image = &self.wanted.search_image;
                app.contract.search.fits(image.tag())
            };
            let apps: Vec<App<'_>> = others.iter().chain(one.filter(fits)).copied().collect();
            search_change::push_indices(plan, session, &apps)?;
        }
        if self.database {
            // One that was not well before says nothing about the server.
            let well = |app: &&App<'_>| observed.web_runs(&app.instance.name);
            for app in running.iter().filter(well) {
                proof::push(plan, session, app, Beside::default())?;
            }
        }
        Ok(())
    }

    /// The step that makes them the cluster's.
    ///
    /// # Errors
    /// Exit 2 where the configuration cannot be written.
    pub fn push_config(&self, plan: &mut Plan, before: &Cluster) -> Result<()> {
        let mut config = before.config.clone();
        let mut words = Vec::new();
        if self.search {
            let image = &self.wanted.search_image;
            config.set(key::SEARCH_IMAGE, image.as_str())?;
            words.push(format!("the search server is {image}"));
        }
        if self.database {
            let image = &self.wanted.database_image;
            config.set(key::DATABASE_IMAGE, image.as_str())?;
            words.push(format!("the database server is {image}"));
        }
        plan.push(Step::Place {
            what: format!("write down that {}", words.join(" and ")),
            entries: vec![Entry::File {
                path: before.layout.config(),
                mode: files::PRIVATE,
                before: Some(Secret::new(before.config.to_string())),
                content: Secret::new(config.to_string()),
            }],
        });
        Ok(())
    }

    /// The rest, behind the point of no return: who was stopped is started and written to again, and
    /// the data of the servers of before goes.
    ///
    /// # Errors
    /// Exit 2 where the configured repository is none.
    pub fn push_end(
        &self,
        plan: &mut Plan,
        session: &Session<'_>,
        observed: &Observed,
        rights: &[Rights],
    ) -> Result<()> {
        let layout = &session.cluster.layout;
        if self.database {
            writers::let_in(plan, &session.cluster, rights);
            let running = self.running(session, observed)?;
            let mut starts = Plan::new(session.verb, &session.id);
            start::push_containers(&mut starts, &Observed::default(), &running)?;
            // One that cannot be started must not keep the others down, nor the cluster.
            plan.steps.extend(
                starts
                    .steps
                    .into_iter()
                    .map(|step| Step::IfPossible { of: Box::new(step) }),
            );
            plan.push(Step::DiscardDirectory {
                path: layout.database_data_before(),
            });
        }
        if self.search {
            plan.push(Step::DiscardDirectory {
                path: layout.search_data_before(),
            });
        }
        Ok(())
    }

    /// Waits until those that were stopped are healthy again, as an operation of its own: none of
    /// them keeps the cluster from being worked on.
    ///
    /// # Errors
    /// Exit 1 with what does not answer, and that the change is made.
    pub fn await_all(&self, session: &Session<'_>, observed: &Observed) -> Result<()> {
        let mut well = self.running(session, observed)?;
        well.retain(|app| observed.web_runs(&app.instance.name));
        if !self.database || well.is_empty() {
            return Ok(());
        }
        start::await_started(session, &well).map_err(|error| Error {
            what: format!(
                "the cluster works with {} now, but {}",
                self.wanted.database_image, error.what
            ),
            ..error
        })
    }
}

/// Fails with what is refused where an instance's version does not work with a server; all of them are
/// named.
///
/// # Errors
/// Exit 6 with their names.
pub fn need_all_fit(
    refused: Error,
    apps: &[App<'_>],
    fits: impl Fn(&App<'_>) -> bool,
) -> Result<()> {
    let excluded: Vec<String> = apps
        .iter()
        .filter(|app| !fits(app))
        .map(|app| format!("{} ({})", app.instance.name, app.instance.version))
        .collect();
    if excluded.is_empty() {
        return Ok(());
    }
    Err(refused
        .why(format!("it does not work with {}", excluded.join(" and ")))
        .next("upgrade them first, or put them into a cluster of their own"))
}

/// Refuses where something is already where a server's data is to be kept.
///
/// # Errors
/// Exit 6 with its path.
pub fn need_nothing_at(kept: &Path) -> Result<()> {
    if !files::exists(kept) {
        return Ok(());
    }
    Err(
        Error::refused(format!("{} is there already", kept.display()))
            .why("the old server's data is to be kept there")
            .next("look at it, and move it elsewhere"),
    )
}

fn refused_now() -> Error {
    Error::refused("the cluster's servers cannot be changed now")
}

/// Whether one of an instance's processes is there and not at its end.
fn is_up(observed: &Observed, app: &App<'_>) -> bool {
    let name = &app.instance.name;
    [Role::Web, Role::Worker]
        .into_iter()
        .filter_map(|role| observed.of_instance(name, role))
        .any(|c| c.state.is_up())
}

/// The steps that stop instances; all of what a stop would cut off is waited for before the first
/// is down.
///
/// # Errors
/// Exit 2 where the configured repository is none.
pub fn push_stop(plan: &mut Plan, observed: &Observed, apps: &[App<'_>]) -> Result<()> {
    for app in apps {
        let runs = observed.web_runs(&app.instance.name);
        plan.steps
            .extend(unfinished::wait(app, true).filter(|_| runs));
    }
    for app in apps {
        stop::removals(&mut plan.steps, observed, app)?;
    }
    Ok(())
}
