//! Another search server in the place of a cluster's: what excludes it, and the steps of it.

use crate::commands::boot::await_service;
use crate::commands::session::Session;
use crate::commands::{images, start};
use crate::error::{Error, Result};
use crate::host::{files, store};
use crate::model::cluster::{Cluster, key};
use crate::model::container::Role;
use crate::model::image::ImageRef;
use crate::model::instance::Instance;
use crate::model::name::Name;
use crate::model::secret::Secret;
use crate::services::{app::App, search};
use crate::steps::{Entry, Plan, Step};

/// Another search server, in the plan of a verb on one instance.
pub struct Change {
    /// The cluster with it.
    pub wanted: Cluster,
    /// The instances beside that one.
    others: Vec<Instance>,
}

impl Change {
    /// The change, where there is one to make.
    ///
    /// # Errors
    /// Exit 6 where another instance's version does not work with that server; 1 where an image
    /// cannot be had.
    pub fn of(session: &Session<'_>, image: &ImageRef, one: &Name) -> Result<Option<Self>> {
        let cluster = &session.cluster;
        if *image == cluster.search_image {
            return Ok(None);
        }
        let mut names = store::instance_names(cluster)?;
        names.retain(|name| name != one);
        let change = Change {
            wanted: wanted(cluster, image),
            others: start::load(session, &names)?,
        };
        let apps = change.others(session)?;
        check(cluster, &apps, image)?;
        let mut needed = images::of_services(&change.wanted);
        needed.extend(images::of_apps(&apps)?);
        images::ensure(session.context, &needed)?;
        Ok(Some(change))
    }

    /// The instances whose indices it takes along.
    ///
    /// # Errors
    /// Exit 6 where no contract covers a version.
    pub fn others<'a>(&'a self, session: &'a Session<'_>) -> Result<Vec<App<'a>>> {
        start::apps(session, &self.others)
    }

    /// The steps that make it, with the indices of the others, and of the one where its version of
    /// now works with that server.
    ///
    /// # Errors
    /// Exit 2 where the configured repository is none.
    pub fn push(&self, plan: &mut Plan, session: &Session<'_>, one: &App<'_>) -> Result<()> {
        let mut apps = self.others(session)?;
        plan.instances
            .extend(apps.iter().map(|app| app.instance.name.clone()));
        if one.contract.search.fits(self.wanted.search_image.tag()) {
            apps.push(*one);
        }
        push(plan, &session.cluster, &self.wanted);
        push_indices(plan, session, &apps)
    }
}

/// The cluster with another search server.
pub fn wanted(cluster: &Cluster, image: &ImageRef) -> Cluster {
    Cluster {
        search_image: image.clone(),
        ..cluster.clone()
    }
}

/// Refuses a server that an instance's version does not work with, and one whose predecessor's data
/// would have no place.
///
/// # Errors
/// Exit 6 with the names, or the directory that is in the way.
pub fn check(cluster: &Cluster, apps: &[App<'_>], image: &ImageRef) -> Result<()> {
    let excluded: Vec<String> = apps
        .iter()
        .filter(|app| app.instance.index.is_some() && !app.contract.search.fits(image.tag()))
        .map(|app| format!("{} ({})", app.instance.name, app.instance.version))
        .collect();
    if !excluded.is_empty() {
        return Err(
            Error::refused(format!("{image} cannot be this cluster's search server"))
                .why(format!("it does not work with {}", excluded.join(" and ")))
                .next("upgrade them first, or put them into a cluster of their own"),
        );
    }
    let before = cluster.layout.search_data_before();
    if *image != cluster.search_image && files::exists(&before) {
        return Err(
            Error::refused(format!("{} is there already", before.display()))
                .why("the old server's data is to be kept there")
                .next("look at it, and move it elsewhere"),
        );
    }
    Ok(())
}

/// The steps that put the other server, with nothing in it, into the place of the one that runs.
pub fn push(plan: &mut Plan, before: &Cluster, wanted: &Cluster) {
    // Who starts and stops the cluster has to know first which of both it is.
    plan.holds_cluster = true;
    let layout = &before.layout;
    let new = search::spec(wanted);
    let container = new.name.clone();
    plan.push(Step::RemoveContainer {
        spec: Box::new(search::spec(before)),
    });
    // What one server wrote another one may not read, and all of it can be made anew.
    plan.push(Step::MoveDirectory {
        from: layout.search_data(),
        to: layout.search_data_before(),
    });
    plan.push(Step::Place {
        what: "make a directory for the new search server's data".to_owned(),
        entries: vec![Entry::Directory {
            path: layout.search_data(),
            mode: 0o755,
            owner: Some((search::UID, search::UID)),
            with_content: true,
        }],
    });
    plan.push(Step::RunContainer {
        spec: Box::new(new),
    });
    plan.push(await_service(Role::Search, &container));
}

/// The steps that make the index of each instance anew.
///
/// # Errors
/// Exit 2 where the configured repository is none.
pub fn push_indices(plan: &mut Plan, session: &Session<'_>, apps: &[App<'_>]) -> Result<()> {
    for app in apps {
        let Some(index) = &app.instance.index else {
            continue;
        };
        let spec = app.phase(&app.contract.commands.index, &session.id)?;
        // Nothing to take back: the new server's data goes as a whole.
        plan.push(Step::RunPhase {
            spec: Box::new(spec),
            what: format!("fill the search index {index}"),
            input: None,
        });
    }
    Ok(())
}

/// The step that makes it the cluster's.
///
/// # Errors
/// Exit 2 where the configuration cannot be written.
pub fn push_config(plan: &mut Plan, before: &Cluster, wanted: &Cluster) -> Result<()> {
    let mut config = before.config.clone();
    config.set(key::SEARCH_IMAGE, wanted.search_image.as_str())?;
    let entry = Entry::File {
        path: before.layout.config(),
        mode: files::PRIVATE,
        before: Some(Secret::new(before.config.to_string())),
        content: Secret::new(config.to_string()),
    };
    plan.push(Step::Place {
        what: format!(
            "write down that the search server is {}",
            wanted.search_image
        ),
        entries: vec![entry],
    });
    Ok(())
}

/// The step that lets the data of the one before go.
pub fn push_end(plan: &mut Plan, cluster: &Cluster) {
    plan.push(Step::DiscardDirectory {
        path: cluster.layout.search_data_before(),
    });
}
