//! Another database server in the place of a cluster's: what excludes it, and the steps of it.

use std::time::Duration;

use crate::commands::boot::await_service;
use crate::commands::{database_image, server_change};
use crate::error::{Error, Result};
use crate::host::clone::Rules;
use crate::host::{database_files, files, sizes, space};
use crate::model::cluster::Cluster;
use crate::model::container::Role;
use crate::model::memory::human;
use crate::model::version::{compare, numbers};
use crate::services::room::LEFT_TO_OTHERS;
use crate::services::{app::App, database};
use crate::steps::{Plan, Step};

/// How long the data is measured.
const COUNTING: Duration = Duration::from_secs(30);

/// Refuses a server that an instance's version does not work with, one that does not open the
/// data, and data that cannot be kept for the way back.
///
/// How many bytes the copy of the data takes.
///
/// # Errors
/// Exit 6 with what excludes it.
pub fn check(before: &Cluster, apps: &[App<'_>], wanted: &Cluster) -> Result<u64> {
    let image = &wanted.database_image;
    let refused = || Error::refused(format!("{image} cannot be this cluster's database server"));
    server_change::need_all_fit(refused(), apps, |app| {
        app.contract.database.fits(image.tag())
    })?;
    // Without what `adopt` found: nobody ran the new one on this data yet.
    database_image::check(wanted, None)?;
    if let Some(writer) = database_files::writer(&before.layout.database_data())?
        && let Some(series) = writer.series.as_deref().and_then(numbers)
        && let Some(tag) = image.numbers()
        && compare(&tag, &series).is_lt()
        && !series.starts_with(&tag)
    {
        return Err(refused()
            .why(format!(
                "{} wrote the data, and no older one opens it again",
                writer.words()
            ))
            .next("make a cluster with it, and instances there: create DIR --database-image IMAGE, then new NAME --from FILE"));
    }
    check_place(before)
}

/// The data is moved, and copied to where it was.
fn check_place(cluster: &Cluster) -> Result<u64> {
    let data = cluster.layout.database_data();
    server_change::need_nothing_at(&cluster.layout.database_data_before())?;
    let root = cluster.layout.root();
    if !files::can_be_moved(&data, root)? {
        return Err(
            Error::refused(format!("{} cannot be kept for the way back", data.display()))
                .why("it is a link, or a file system of its own, so that it cannot be moved aside")
                .next("shut the cluster down, save the directory, and boot after `config set DATABASE_IMAGE IMAGE`"),
        );
    }
    let needed = sizes::of_directory(&data, COUNTING).bytes;
    let (_, free) = space::free(root)?;
    if needed + LEFT_TO_OTHERS > free {
        return Err(
            Error::refused("there is no room for a copy of the database's data")
                .why(format!(
                    "it has {}, {} are left to what others write, and {} are free",
                    human(needed),
                    human(LEFT_TO_OTHERS),
                    human(free)
                ))
                .next(
                    "`snapshots` lists what may go, `import --forget` what an import left behind",
                ),
        );
    }
    Ok(needed)
}

/// The steps that run the other server on a copy of the data. Nobody may work with the one that
/// runs any more: what was written since would not be on the way back.
pub fn push(plan: &mut Plan, before: &Cluster, wanted: &Cluster) {
    let layout = &before.layout;
    let new = database::spec(wanted);
    let container = new.name.clone();
    plan.push(Step::RemoveContainer {
        spec: Box::new(database::spec(before)),
    });
    // What a newer server makes of it no older one opens again; so it works on the copy.
    plan.push(Step::MoveDirectory {
        from: layout.database_data(),
        to: layout.database_data_before(),
    });
    plan.push(Step::CopyFiles {
        from: layout.database_data_before(),
        to: layout.database_data(),
        rules: Rules::default(),
    });
    plan.push(Step::RunContainer {
        spec: Box::new(new),
    });
    plan.push(await_service(Role::Database, &container));
    plan.push(Step::UpgradeServer {
        database: container,
    });
}
