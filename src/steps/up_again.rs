//! What an undo started again is waited for, so that what is said then is true: that all is as before.

use crate::error::Result;
use crate::host::store;
use crate::journal::{self, Ended, Journal, Outcome};
use crate::model::container::Role;
use crate::model::label;
use crate::model::name::Name;
use crate::steps::{Step, World, wait};

/// The instances whose web processes the undo of an operation started again; none where it was told to
/// end, for whoever wants that does not wait.
pub fn started(journal: &Journal<Step>, ended: &Ended) -> Vec<Name> {
    let signalled = ended.error.as_ref().is_some_and(|error| error.interrupted);
    if ended.outcome != Some(Outcome::Undone) || signalled {
        return Vec::new();
    }
    let undone = journal::undone(journal).into_iter();
    let webs = undone.filter_map(|step| match step {
        Step::RemoveContainer { spec } if spec.role() == Some(Role::Web) => {
            Name::on_disk(spec.labels.get(label::INSTANCE)?).ok()
        }
        _ => None,
    });
    webs.collect()
}

/// Waits until they answer. One that does not is told beside what made the operation fail.
pub fn await_them(world: &World<'_>, names: &[Name]) {
    if names.is_empty() {
        return;
    }
    let list: Vec<&str> = names.iter().map(Name::as_str).collect();
    let list = list.join(", ");
    let answers = match names {
        [_] => "answers",
        _ => "answer",
    };
    world
        .observer
        .note(&format!("waiting until {list} {answers} again"));
    // That is not what was to be given up in time.
    let patient = World {
        timeout: None,
        ..*world
    };
    let waited = longest_start(world, names)
        .and_then(|seconds| wait::for_instances(&patient, names, seconds));
    match waited {
        Err(error) if !error.interrupted => world
            .observer
            .warn(&format!("all is put back, but {error}")),
        _ => {}
    }
}

/// How long a start of one of them may take, in seconds.
fn longest_start(world: &World<'_>, names: &[Name]) -> Result<u64> {
    let cluster = store::cluster(world.layout.root())?;
    let contracts = store::contracts(Some(world.layout))?;
    let mut longest = 0;
    for name in names {
        let instance = store::instance(&cluster, name)?;
        let contract = contracts.covering(&instance.version)?;
        longest = contract.web.start_seconds.max(longest);
    }
    Ok(longest)
}
