//! How the search index of content that arrived is made.

use std::path::PathBuf;

use crate::error::Result;
use crate::model::container::{Role, names};
use crate::model::version::Version;
use crate::services::app::App;
use crate::services::documents::Shape;
use crate::steps::{Ahead, Filling, Step};

/// Documents that may be there already.
#[derive(Debug, Clone)]
pub struct Documents {
    /// The file that a snapshot's are in, if it has some, and the version that wrote them.
    pub file: Option<(PathBuf, Version)>,
    /// An index that may have them, and the version that wrote them.
    pub other: Option<(String, Version)>,
    /// How the index itself was filled before, when others still wrote; if it was.
    pub ahead: Option<Ahead>,
}

/// The step that fills it; none where the instance has none.
///
/// # Errors
/// Exit 2 where the configured repository is none.
pub fn step(app: &App<'_>, operation: &str, there: Documents) -> Result<Option<Step>> {
    let Some(index) = app.instance.index.clone() else {
        return Ok(None);
    };
    let phase = |command: &str| app.phase(command, operation);
    let search = names::service(&app.cluster.name, Role::Search);
    let all = phase(&app.contract.commands.index)?;
    let version = &app.instance.version;
    let Some(rules) = &app.contract.documents else {
        return Ok(Some(Step::MakeIndex {
            spec: Box::new(all),
            search,
            index,
        }));
    };
    let same = |wrote: &Version| app.contract.writes_same_documents(version, wrote);
    Ok(Some(Step::FillIndex {
        filling: Box::new(Filling {
            create: phase(&rules.create_index)?,
            write: phase(&rules.write)?,
            all,
            search,
            index,
            database: names::service(&app.cluster.name, Role::Database),
            schema: app.instance.schema.clone(),
            rows: rules.rows.clone(),
            shape: Shape {
                kind: rules.kind.clone(),
                changed: rules.changed.clone(),
            },
            carried: there.file.filter(|(_, wrote)| same(wrote)).map(|f| f.0),
            other: there.other.filter(|(_, wrote)| same(wrote)).map(|o| o.0),
            ahead: there.ahead,
        }),
    }))
}
