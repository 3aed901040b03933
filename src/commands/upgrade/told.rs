//! What an operator is told of an upgrade: what becomes of settings, and where nothing is to be done.

use serde_json::{Value, json};

use crate::commands::context::typed;
use crate::commands::images::{self, Needed};
use crate::commands::report::Report;
use crate::commands::server_change::Change;
use crate::commands::session::Session;
use crate::commands::start;
use crate::commands::upgrade::crossing::Crossing;
use crate::error::Result;
use crate::model::former::{Fate, Remark};
use crate::model::instance::Instance;
use crate::services::app::App;

/// That an instance is of the version already, with all keys that an upgrade has at its end.
pub fn already(session: &Session<'_>, now: &Instance) -> Report {
    let (name, version) = (&now.name, &now.version);
    let mut plan = session.plan();
    plan.instances = vec![name.clone()];
    let line = format!("instance {name} is of {version} already");
    let report = match session.context.flags.dry_run {
        true => {
            let report = Report {
                lines: vec![line],
                ..Report::of_plan(&plan)
            };
            lacking(session, report, &[])
        }
        false => session.report(
            &plan,
            vec![line],
            json!({
                "instance": name,
                "version": version,
                "from": null,
                "search": null,
                "database": null,
                "urls": [start::url(&session.cluster, now)],
                "undo": null,
            }),
        ),
    };
    Crossing::default().add_to(report, Vec::new())
}

/// Adds to what an upgrade would do the images that it would have to get first. Whether they can be
/// had is not tried out, so that it cannot be said to end well.
///
/// # Errors
/// Exit 5 where the engine cannot be asked.
pub fn of_images(
    session: &Session<'_>,
    report: Report,
    apps: &[App<'_>],
    change: Option<&Change>,
) -> Result<Report> {
    let mut needed = images::of_apps(apps)?;
    if let Some(change) = change {
        needed.extend(change.images(session)?);
    }
    let missing = images::missing(session.context, &needed)?;
    Ok(lacking(session, report, &missing))
}

fn lacking(session: &Session<'_>, mut report: Report, missing: &[&Needed]) -> Report {
    let link = session.cluster.layout.link();
    for Needed { image, .. } in missing {
        report.code = 1;
        report.lines.push(format!(
            "the image {image} is not here: the upgrade would pull or build it first, and end with exit 1 where \
             that fails; to have it before: {}",
            typed(&link, &format!("image pull {image}"))
        ));
    }
    if let Some(Value::Object(object)) = &mut report.json {
        let names: Vec<_> = missing.iter().map(|needed| &needed.image).collect();
        object.insert("missing_images".to_owned(), json!(names));
    }
    report
}

/// Where the files are kept of what has no place there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Keeping {
    /// In a snapshot, and with the former content.
    Snapshot,
    /// With the former content alone.
    FormerContent,
    /// They stay, for nothing is changed.
    Untouched,
}

impl Keeping {
    /// Of an upgrade, with a snapshot before or without.
    pub fn of(snapshot: bool) -> Self {
        match snapshot {
            true => Keeping::Snapshot,
            false => Keeping::FormerContent,
        }
    }

    fn words(self) -> &'static str {
        match self {
            Keeping::Snapshot => {
                "; its files are kept in the snapshot, and for 7 days for `upgrade --undo`"
            }
            Keeping::FormerContent => {
                "; its files are kept for 7 days, for `upgrade --undo`, and then gone"
            }
            Keeping::Untouched => "",
        }
    }
}

impl Crossing {
    fn of_fate(&self, fate: Fate) -> Vec<&Remark> {
        let remarks = self.remarks.iter();
        remarks.filter(|remark| remark.fate == fate).collect()
    }

    /// What an operator should read before: what is not going to be there, and where it is kept; what
    /// stays where it is; and what may not work as it did.
    pub fn lines(&self, then: &App<'_>, keeping: Keeping) -> Vec<String> {
        let version = &then.instance.version;
        let mut lines = Vec::new();
        for (fate, head) in [
            (
                Fate::LeftBehind,
                format!("this has no place in {version}{}:", keeping.words()),
            ),
            (Fate::LeftInPlace, "this stays where it is:".to_owned()),
            (
                Fate::ToCheck,
                format!("look at this, which may not work in {version} as before:"),
            ),
        ] {
            let remarks = self.of_fate(fate);
            lines.extend((!remarks.is_empty()).then_some(head));
            for Remark {
                file, setting, why, ..
            } in remarks
            {
                lines.push(format!("  {file}: {setting} ({why})"));
            }
        }
        lines
    }

    /// Adds what is different to what a verb says at its end, or would do.
    pub fn add_to(&self, mut report: Report, lines: Vec<String>) -> Report {
        report.lines.extend(lines);
        if let Some(Value::Object(object)) = &mut report.json {
            object.insert("carried_over".to_owned(), json!(self.carried));
            for (key, fate) in [
                ("left_behind", Fate::LeftBehind),
                ("left_in_place", Fate::LeftInPlace),
                ("to_check", Fate::ToCheck),
            ] {
                object.insert(key.to_owned(), json!(self.of_fate(fate)));
            }
        }
        report
    }
}
