//! What each step does, and how it is taken back.

use std::path::Path;

use crate::error::Result;
use crate::host::{crash, files, inventory};
use crate::journal::Deeds;
use crate::services::read_only;
use crate::steps::{
    Step, World, app, containers, database, directories, exchange, files_copy, index, intake, kept,
    noted, original, place, proof, schema_copy, snapshot, wait,
};

impl Deeds<Step> for World<'_> {
    fn describe(&self, step: &Step) -> String {
        step.describe()
    }

    fn already_done(&self, step: &Step) -> Result<bool> {
        match step {
            Step::Place { entries, .. } => place::is_placed(entries),
            Step::RunContainer { spec } => containers::runs(self, spec),
            Step::Exchange { entries, next, .. } => Ok(exchange::is_done(entries, next)),
            // Whoever answers may have been written to: that must not be taken back.
            Step::AwaitHealthy { instances, .. } => wait::are_healthy(self, instances),
            Step::RemoveContainer { spec } => containers::is_gone(self, &spec.name),
            Step::RemoveStray { name } | Step::RemoveSetAside { name } => {
                containers::is_gone(self, name)
            }
            _ => Ok(false),
        }
    }

    fn must_stand(&self, step: &Step) -> Result<bool> {
        match step {
            Step::Serve { written } => kept::is_written_to(self, written),
            _ => Ok(false),
        }
    }

    fn is_short(&self, step: &Step) -> bool {
        matches!(
            step,
            Step::GiveBack { .. }
                | Step::LeaveCopy { .. }
                | Step::CloseProof { .. }
                | Step::DropContent { .. }
                | Step::RunContainer { .. }
                | Step::RemoveContainer { .. }
                | Step::RemoveStray { .. }
                | Step::RemoveNetwork { .. }
                | Step::ReleaseWork { .. }
                | Step::Mend { .. }
        )
    }

    fn act(&self, step: &Step) -> Result<()> {
        match step {
            Step::Place { entries, .. } => place::place(entries),
            Step::MoveDirectory { from, to } => directories::move_it(from, to),
            Step::DiscardDirectory { path } => files::remove_tree(path),
            Step::DiscardFiles { paths } => directories::discard_files(paths),
            Step::Enter { name, root } => self.registry.enter(name, root),
            Step::MakeNetwork { network } => self.engine.create_network(network),
            Step::RemoveNetwork { network } => containers::remove_network(self, &network.name),
            Step::RunContainer { spec } => containers::run(self, spec),
            Step::RemoveContainer { spec } => containers::remove(self, spec),
            Step::RemoveStray { name } => containers::remove_stray(self, name),
            Step::SetAside { name, seconds, .. } => original::set_aside(self, name, *seconds),
            Step::RemoveSetAside { name } => original::remove(self, name),
            Step::CompareIndex { .. } => app::compare_index(self, step),
            Step::AwaitService {
                role,
                container,
                seconds,
            } => wait::for_service(self, *role, container, *seconds),
            Step::AwaitHealthy { instances, seconds } => {
                wait::for_instances(self, instances, *seconds)
            }
            Step::WithItsPlace { of } => self.act(of),
            Step::IfPossible { of } => match self.act(of) {
                Err(error) if !error.interrupted => {
                    self.observer.warn(&error.to_string());
                    Ok(())
                }
                done => done,
            },
            Step::UpgradeServer { database } => {
                database::server(self, database).upgrade()?;
                // What it wrote is going to be all that there is.
                files::sync_file_system(&self.layout.database_data())
            }
            Step::MakeSchema { database, schema } => {
                database::server(self, database).make_schema(schema)
            }
            Step::MakeAccount {
                database,
                user,
                password,
                schema,
            } => database::server(self, database).make_account(user, password, schema),
            Step::CheckEmptySchema { database, schema } => {
                database::check_empty(self, database, schema)
            }
            Step::SetUp { spec, .. } => app::run_phase(self, spec, "the first set-up", None),
            Step::MakeIndex { spec, .. } => {
                app::run_phase(self, spec, "filling the search index", None)
            }
            Step::FillIndex { filling } => index::fill(self, filling),
            Step::FillAhead { filling } => index::fill_ahead(self, filling),
            Step::ReadOnly { database, rights } => {
                read_only::take(&database::server(self, database), rights, self.interrupt)
            }
            Step::GiveBack { database, rights } => database::give_back(self, database, rights),
            Step::TakeSnapshot { order } => snapshot::take(self, order),
            Step::CheckSnapshot { file } => snapshot::check(self, file),
            Step::TakeIn { intake } => intake::take_in(self, intake),
            Step::OpenProof { network, members } => proof::open(self, network, members),
            Step::CloseProof { network, members } => proof::close(self, network, members),
            Step::CopySchema { copy } => schema_copy::copy(self, copy),
            Step::FollowCopy { copy } => schema_copy::follow(self, copy),
            Step::CompleteCopy { copy } => schema_copy::complete(self, copy),
            Step::LeaveCopy { copy } => schema_copy::undo(self, copy),
            Step::CopyFiles { from, to, rules } => files_copy::copy(self, from, to, rules),
            Step::UpdateFiles { from, to, rules } => files_copy::update(self, from, to, rules),
            Step::SettleFiles { worked_on, kept } => files_copy::settle(worked_on, kept),
            Step::AwaitProof { .. } => wait::for_proof(self, step),
            Step::NoteContent {
                noted,
                beside,
                sums,
                kept,
            } => noted::note(self, noted, beside, kept, sums.as_deref()),
            Step::CheckUnwritten {
                instance,
                verb,
                noted,
                next,
            } => noted::check_unwritten(self, (instance, verb, next), noted),
            Step::NoteFiles { directory, to } => inventory::note(directory, to),
            Step::CheckFiles {
                instance,
                directory,
                noted,
            } => noted::check_files(instance, directory, noted),
            Step::CheckTexts {
                instance,
                directory,
                planned,
            } => noted::check_texts(instance, directory, planned),
            Step::CheckCopied {
                instance,
                directory,
                worked_on,
                but,
            } => files_copy::check_copied(instance, directory, worked_on, but),
            Step::Serve { .. } => {
                crash::point("before others write to new content");
                Ok(())
            }
            Step::Exchange {
                entries,
                live,
                next,
                before,
            } => exchange::exchange(entries, live, next, before),
            Step::DropContent {
                database,
                search,
                place,
            } => kept::drop_content(self, database, search, place),
            Step::RunPhase { spec, what, input } => {
                app::run_phase(self, spec, what, input.as_ref())
            }
            Step::ReleaseWork {
                worker,
                database,
                schema,
                statement,
            } => database::release_work(self, worker, database, schema, statement),
            Step::AwaitUnfinished { .. } => wait::for_unfinished(self, step),
            Step::Mend { .. } => app::mend(self, step),
        }
    }

    fn undo(&self, step: &Step) -> Result<()> {
        match step {
            Step::Place { entries, .. } => place::unplace(entries, self.observer),
            Step::MoveDirectory { from, to } => directories::move_back(from, to),
            Step::Enter { name, root } => self.registry.strike(name, root),
            Step::MakeNetwork { network } => containers::remove_network(self, &network.name),
            Step::RemoveNetwork { network } => self.engine.create_network(network),
            Step::RunContainer { spec } => containers::remove(self, spec),
            Step::RemoveContainer { spec } => containers::run(self, spec),
            Step::SetAside { name, ran, .. } => original::put_back(self, name, *ran),
            Step::CompareIndex {
                search,
                index,
                new_server: true,
                ..
            } => app::forget_index(self, search, index),
            Step::IfPossible { of } => self.undo(of),
            Step::MakeSchema { database, schema } => self.unless_it_goes(
                &self.layout.database_data_before(),
                database::server(self, database).drop_schema(schema),
            ),
            Step::MakeAccount { database, user, .. } => self.unless_it_goes(
                &self.layout.database_data_before(),
                database::server(self, database).drop_account(user),
            ),
            Step::SetUp {
                database, schema, ..
            } => database::empty(self, database, schema),
            Step::FillIndex { filling } | Step::FillAhead { filling } => self.unless_it_goes(
                &self.layout.search_data_before(),
                index::undo(self, filling),
            ),
            Step::ReadOnly { database, rights } => database::give_back(self, database, rights),
            Step::TakeSnapshot { order } => snapshot::undo(order),
            Step::TakeIn { intake } => intake::undo(intake),
            Step::OpenProof { network, members } => proof::close(self, network, members),
            Step::CopySchema { copy } | Step::CompleteCopy { copy } => self.unless_it_goes(
                &self.layout.database_data_before(),
                schema_copy::undo(self, copy),
            ),
            Step::CopyFiles { to, .. } => files_copy::undo(to),
            Step::SettleFiles { worked_on, .. } => files_copy::undo_settle(worked_on),
            Step::NoteContent { noted, .. } => noted::forget_note(&noted.directory),
            Step::NoteFiles { to, .. } => files::remove_file(to),
            Step::Serve { written } => kept::keep(self, written),
            Step::Exchange {
                entries,
                live,
                next,
                before,
            } => exchange::change_back(entries, live, next, before),
            Step::MakeIndex { search, index, .. } => self.unless_it_goes(
                &self.layout.search_data_before(),
                app::delete_index(self, search, index),
            ),
            Step::WithItsPlace { .. }
            | Step::DiscardDirectory { .. }
            | Step::DiscardFiles { .. }
            | Step::CheckSnapshot { .. }
            | Step::CheckUnwritten { .. }
            | Step::CheckFiles { .. }
            | Step::CheckTexts { .. }
            | Step::CheckCopied { .. }
            | Step::CloseProof { .. }
            | Step::RemoveStray { .. }
            | Step::RemoveSetAside { .. }
            | Step::CompareIndex { .. }
            // Its data goes as a whole.
            | Step::UpgradeServer { .. }
            | Step::AwaitService { .. }
            | Step::AwaitHealthy { .. }
            | Step::AwaitProof { .. }
            | Step::DropContent { .. }
            | Step::FollowCopy { .. }
            | Step::UpdateFiles { .. }
            | Step::LeaveCopy { .. }
            | Step::GiveBack { .. }
            | Step::CheckEmptySchema { .. }
            | Step::RunPhase { .. }
            | Step::ReleaseWork { .. }
            | Step::AwaitUnfinished { .. }
            | Step::Mend { .. } => Ok(()),
        }
    }
}

impl World<'_> {
    /// While another server's data is kept aside, that of the new one goes as a whole when all is
    /// undone: a server that does not answer then keeps nobody from going back.
    fn unless_it_goes(&self, kept_aside: &Path, undone: Result<()>) -> Result<()> {
        match undone {
            Err(error) if files::exists(kept_aside) => {
                self.observer.warn(&error.to_string());
                Ok(())
            }
            undone => undone,
        }
    }
}
