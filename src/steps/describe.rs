//! What a step is, for an operator.

use crate::model::container::Role;
use crate::model::name::Name;
use crate::steps::Step;

impl Step {
    /// Whether it changes anything; else it only waits or looks.
    pub fn changes(&self) -> bool {
        !matches!(
            self,
            Step::AwaitService { .. }
                | Step::AwaitHealthy { .. }
                | Step::AwaitProof { .. }
                | Step::AwaitUnfinished { .. }
                | Step::CheckEmptySchema { .. }
                | Step::CheckSnapshot { .. }
                | Step::CheckUnwritten { .. }
                | Step::NoteFiles { .. }
                | Step::CheckFiles { .. }
                | Step::CheckTexts { .. }
                | Step::CheckCopied { .. }
                | Step::Serve { .. }
                | Step::ReleaseWork { .. }
                | Step::CompareIndex { .. }
                // Nothing was cut off as a rule, and nobody's settings or containers change.
                | Step::Mend { .. }
        )
    }

    /// What it does, for an operator and for `--dry-run`. No secrets.
    pub fn describe(&self) -> String {
        match self {
            Step::Place { what, .. } => what.clone(),
            Step::MoveDirectory { from, to } => {
                format!("move {} to {}", from.display(), to.display())
            }
            Step::DiscardDirectory { path } => format!("remove {}", path.display()),
            Step::DiscardFiles { paths } => {
                let paths: Vec<String> = paths.iter().map(|p| p.display().to_string()).collect();
                format!("remove {}", paths.join(", "))
            }
            Step::Enter { name, .. } => format!("enter {name} into this host's registry"),
            Step::MakeNetwork { network } => format!("make the network {}", network.name),
            Step::RemoveNetwork { network } => format!("remove the network {}", network.name),
            Step::RunContainer { spec } => {
                format!("start the container {} from {}", spec.name, spec.image)
            }
            Step::RemoveContainer { spec } => {
                format!("stop and remove the container {}", spec.name)
            }
            Step::RemoveStray { name } => format!("stop and remove the container {name}"),
            Step::SetAside { name, .. } => format!("stop the container {name} and set it aside"),
            Step::RemoveSetAside { name } => format!("remove the container {name}"),
            Step::CompareIndex { index, .. } => {
                format!("fill the search index {index} if it lacks anything")
            }
            Step::IfPossible { of } | Step::WithItsPlace { of } => of.describe(),
            Step::UpgradeServer { .. } => {
                "bring the database server's own tables to its version".to_owned()
            }
            Step::AwaitService { role, .. } => match role {
                Role::Proxy => "wait until the reverse proxy answers".to_owned(),
                Role::Search => "wait until the search server answers".to_owned(),
                _ => "wait until the database answers".to_owned(),
            },
            Step::AwaitHealthy { instances, .. } => {
                format!("wait until {} is healthy", list(instances))
            }
            Step::MakeSchema { schema, .. } => format!("make the schema {schema}"),
            Step::MakeAccount { user, .. } => format!("make the database user {user}"),
            Step::CheckEmptySchema { schema, .. } => {
                format!("check that the schema {schema} is empty")
            }
            Step::SetUp { schema, .. } => {
                format!("run the application's first set-up on {schema}")
            }
            Step::MakeIndex { index, .. } => format!("fill the search index {index}"),
            Step::ReadOnly { rights, .. } => {
                format!("keep everybody from writing to {}", rights.schema)
            }
            Step::GiveBack { rights, .. } => format!("let {} be written to again", rights.schema),
            Step::FillAhead { filling } => format!(
                "fill the search index {} with what can be taken already",
                filling.index
            ),
            Step::FillIndex { filling } if filling.ahead.is_some() => format!(
                "mend the search index {} for what was written since",
                filling.index
            ),
            Step::FillIndex { filling } => format!("fill the search index {}", filling.index),
            Step::TakeSnapshot { order } => format!("take the snapshot {}", order.file.display()),
            Step::CheckSnapshot { file } => format!("read all of {}", file.display()),
            Step::TakeIn { intake } => format!("take in {}", intake.file.display()),
            Step::CopySchema { copy } if !copy.follows => {
                format!("copy the schema {} as it is now", copy.from)
            }
            Step::CopySchema { copy } => {
                format!(
                    "copy the schema {}, and follow what is written to it",
                    copy.from
                )
            }
            Step::CompleteCopy { copy } if !copy.follows => format!(
                "copy the schema {} while nobody writes, for the database keeps no binary log of its rows",
                copy.from
            ),
            Step::CompleteCopy { copy } => {
                format!("make the copy of {} the same, and compare both", copy.from)
            }
            Step::FollowCopy { copy } => {
                format!("follow {} again, and compare the copy", copy.from)
            }
            Step::LeaveCopy { copy } if !copy.follows => {
                format!("leave the copy of {} as it is", copy.from)
            }
            Step::LeaveCopy { copy } => format!("follow {} no longer", copy.from),
            Step::CopyFiles { from, .. } => format!("copy the files of {}", from.display()),
            Step::UpdateFiles { from, .. } => {
                format!("take over what came to the files of {}", from.display())
            }
            Step::SettleFiles { .. } => "let the copy of the files go that nobody needs".to_owned(),
            Step::OpenProof { network, .. } => {
                format!("make the network {}, which leads nowhere", network.name)
            }
            Step::CloseProof { network, .. } => format!("remove the network {}", network.name),
            Step::AwaitProof { instance, .. } => {
                format!("wait until {instance} answers in the new content, where nobody reaches it")
            }
            Step::NoteContent { .. } => "write down what the new content is".to_owned(),
            Step::CheckUnwritten { instance, verb, .. } => {
                format!("see that {instance} was not written to since the {verb}")
            }
            Step::NoteFiles { directory, .. } => {
                format!("write down which files {} has", directory.display())
            }
            Step::CheckFiles { directory, .. } => {
                format!("see that {} was not changed since", directory.display())
            }
            Step::CheckTexts { instance, .. } => {
                format!("see that the settings of {instance} are what they were")
            }
            Step::CheckCopied { directory, .. } => format!(
                "see that {} is what was copied, if it is to give way",
                directory.display()
            ),
            Step::Serve { .. } => {
                "let others write to it: what is written is not taken back from here on".to_owned()
            }
            Step::Exchange { live, .. } => {
                format!("put the new content into {}", live.display())
            }
            Step::DropContent { place, .. } => {
                format!("drop the schema {}, its user and its index", place.schema)
            }
            Step::RunPhase { what, .. } => what.clone(),
            Step::ReleaseWork { schema, .. } => {
                format!("give back what a killed background process had taken in {schema}")
            }
            Step::AwaitUnfinished { instance, what, .. } => {
                format!("wait for {what} in {instance}")
            }
            Step::Mend { what, .. } => format!("make up for {what} if a stop cut them off"),
        }
    }
}

fn list(names: &[Name]) -> String {
    let names: Vec<&str> = names.iter().map(Name::as_str).collect();
    names.join(", ")
}
