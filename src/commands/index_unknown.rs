//! The search index of an adopted instance: the original's dies with its container, so it is
//! compared with its table once, and made where the numbers differ.

use crate::error::Result;
use crate::host::files;
use crate::model::container::{Role, names};
use crate::model::secret::Secret;
use crate::services::app::App;
use crate::steps::{Entry, INDEX_UNKNOWN, Step};

/// In the file of an instance whose index was compared.
const COMPARED: &str = "compared\n";

/// The step that compares an index and makes it, and the entry that says so afterwards; none where
/// that was done before, or the contract does not say what is in an index. With `new_server` the
/// undo deletes what was made.
///
/// # Errors
/// Exit 2 where the configured repository is none, 1 or 6 where a file cannot be read.
pub fn steps(app: &App<'_>, operation: &str, new_server: bool) -> Result<Option<(Step, Entry)>> {
    let path = app.cluster.layout.index_unknown(&app.instance.name);
    let unknown = files::read_if_there(&path)?.is_some_and(|text| text == INDEX_UNKNOWN);
    let (Some(index), Some(documents), true) =
        (&app.instance.index, &app.contract.search.documents, unknown)
    else {
        return Ok(None);
    };
    let spec = app.phase(&app.contract.commands.index, operation)?;
    let compare = Step::CompareIndex {
        spec: Box::new(spec),
        search: names::service(&app.cluster.name, Role::Search),
        index: index.clone(),
        database: names::service(&app.cluster.name, Role::Database),
        schema: app.instance.schema.clone(),
        documents: documents.clone(),
        new_server,
    };
    let entry = Entry::File {
        path,
        mode: files::PRIVATE,
        before: Some(Secret::new(INDEX_UNKNOWN)),
        content: Secret::new(COMPARED),
    };
    Ok(Some((compare, entry)))
}
