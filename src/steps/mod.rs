//! Every change of the world as a serialisable step: do, undo, already done. A step has all that
//! it needs in itself, so that a fresh process can finish or undo it.

mod app;
mod containers;
mod database;
mod deeds;
mod describe;
mod directories;
mod exchange;
mod files_copy;
mod gauge;
mod hurry;
mod index;
mod intake;
mod kept;
mod loading;
mod marks;
mod noted;
mod original;
mod place;
mod plan;
mod proof;
mod relay;
mod same_rows;
mod schema_copy;
mod snapshot;
mod sums;
mod unpacked;
mod up_again;
mod wait;

use std::path::PathBuf;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::engine::Engine;
use crate::host::clone::Rules;
use crate::host::interrupt::Interrupt;
use crate::host::registry::Registry;
use crate::journal::Observer;
use crate::model::container::{ContainerSpec, Network, Role};
use crate::model::layout::ClusterLayout;
use crate::model::name::Name;
use crate::model::secret::Secret;
use crate::model::undo::{Kept, Place};
use crate::model::version::Version;
use crate::services::rights::Rights;

pub use gauge::while_read;
pub use index::{Ahead, Filling};
pub use intake::{Intake, Text};
pub use kept::Written;
pub use noted::{Noted, Texts, record, refusal, texts_of, written_since};
pub use place::Entry;
pub use proof::Member;
pub use schema_copy::{Elsewhere, SchemaCopy};

/// In `.kor-cluster/index_unknown/NAME`: nobody compared the index with the table yet.
pub const INDEX_UNKNOWN: &str = "unknown\n";

pub use plan::{Plan, carry_out, put_up_database, recover_one, supersede};
pub use snapshot::{IndexOrder, Order};
pub use wait::for_service;

/// One change of the world, or one wait for it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "step")]
pub enum Step {
    /// Puts directories, files and links in their places, in their order.
    Place {
        /// What that is, for an operator.
        what: String,
        /// Each with what was there before.
        entries: Vec<Entry>,
    },
    /// Moves a directory within its file system.
    MoveDirectory {
        /// From where.
        from: PathBuf,
        /// To where; nothing is there before.
        to: PathBuf,
    },
    /// Removes a directory that nobody needs any more; nothing takes that back.
    DiscardDirectory {
        /// Its path.
        path: PathBuf,
    },
    /// Removes files that nobody needs any more; nothing takes that back.
    DiscardFiles {
        /// Their paths; one that is not there is fine.
        paths: Vec<PathBuf>,
    },
    /// Enters a cluster into this host's registry.
    Enter {
        /// The cluster's name.
        name: Name,
        /// Its directory.
        root: PathBuf,
    },
    /// Makes the cluster's network.
    MakeNetwork {
        /// The network.
        network: Network,
    },
    /// Removes the cluster's network.
    RemoveNetwork {
        /// The network.
        network: Network,
    },
    /// Makes and starts a container.
    RunContainer {
        /// The container.
        spec: Box<ContainerSpec>,
    },
    /// Stops and removes a container.
    RemoveContainer {
        /// The container as it is made again by the undo.
        spec: Box<ContainerSpec>,
    },
    /// Removes a container that nobody makes again: one for a single command.
    RemoveStray {
        /// Its name.
        name: String,
    },
    /// Stops a container of the original's and gives it another name.
    SetAside {
        /// Its name.
        name: String,
        /// Whether it runs, so that the undo starts it again.
        ran: bool,
        /// How long it may take to end by itself.
        seconds: u64,
    },
    /// Removes a container of the original's that was set aside; nothing takes that back.
    RemoveSetAside {
        /// The name that it has there.
        name: String,
    },
    /// Compares the number of documents in a search index with that of its table, and makes the
    /// index anew where they differ.
    CompareIndex {
        /// The container for making it.
        spec: Box<ContainerSpec>,
        /// The search server's container.
        search: String,
        /// The index.
        index: String,
        /// The database's container.
        database: String,
        /// The instance's schema.
        schema: String,
        /// The query that counts what belongs into the index.
        documents: String,
        /// Whether nobody used this server before, so that the undo deletes the index.
        new_server: bool,
    },
    /// Does another step whose failure is said and keeps nothing from going on: a later one looks
    /// whether it is so.
    IfPossible {
        /// The step.
        of: Box<Step>,
    },
    /// Does another step within a place that is thrown away as a whole: the undo leaves it to that, for
    /// who would have to be asked may be gone.
    WithItsPlace {
        /// The step.
        of: Box<Step>,
    },
    /// Brings the tables that are a database server's own to its version.
    UpgradeServer {
        /// Its container.
        database: String,
    },
    /// Waits until a shared service answers.
    AwaitService {
        /// Which.
        role: Role,
        /// Its container.
        container: String,
        /// How long at most.
        seconds: u64,
    },
    /// Waits until instances are healthy.
    AwaitHealthy {
        /// Which.
        instances: Vec<Name>,
        /// How long at most.
        seconds: u64,
    },
    /// Makes an instance's schema.
    MakeSchema {
        /// The database's container.
        database: String,
        /// The schema.
        schema: String,
    },
    /// Makes an instance's database user.
    MakeAccount {
        /// The database's container.
        database: String,
        /// The user.
        user: String,
        /// The user's password.
        password: Secret,
        /// The one schema that the user reaches.
        schema: String,
    },
    /// Fails if a schema has a table in it.
    CheckEmptySchema {
        /// The database's container.
        database: String,
        /// The schema.
        schema: String,
    },
    /// Runs the application's first set-up, which drops what is there; only ever behind
    /// [`Step::CheckEmptySchema`]. The undo leaves the schema empty.
    SetUp {
        /// The container for it.
        spec: Box<ContainerSpec>,
        /// The database's container.
        database: String,
        /// The schema.
        schema: String,
    },
    /// Fills a search index that is not there yet.
    MakeIndex {
        /// The container for it.
        spec: Box<ContainerSpec>,
        /// The search server's container.
        search: String,
        /// The index.
        index: String,
    },
    /// Fills a search index that is not there yet, with documents that are there already where they
    /// are right.
    FillIndex {
        /// What it is made of, and how.
        filling: Box<Filling>,
    },
    /// Keeps an instance's user from writing to its tables; the undo gives the rights back.
    ReadOnly {
        /// The database's container.
        database: String,
        /// The rights as they are otherwise.
        rights: Box<Rights>,
    },
    /// Gives the rights back that [`Step::ReadOnly`] took.
    GiveBack {
        /// The database's container.
        database: String,
        /// The rights.
        rights: Box<Rights>,
    },
    /// Takes a snapshot; the undo leaves nothing of it.
    TakeSnapshot {
        /// What it is made of, and where it goes.
        order: Box<Order>,
    },
    /// Reads all of a snapshot, and fails where it is not whole.
    CheckSnapshot {
        /// Its file.
        file: PathBuf,
    },
    /// Unpacks a snapshot beside an instance and loads it into a schema that was just made; the
    /// undo leaves no file of it.
    TakeIn {
        /// What is taken in, and where it goes.
        intake: Box<Intake>,
    },
    /// Makes the network that content is tried out in.
    OpenProof {
        /// The network.
        network: Network,
        /// The services that can be reached in it.
        members: Vec<Member>,
    },
    /// Removes it.
    CloseProof {
        /// The network.
        network: Network,
        /// The services that leave it.
        members: Vec<Member>,
    },
    /// Copies a schema beside, and follows what is written to the original meanwhile; the undo
    /// leaves no more than the schema, which is another step's.
    CopySchema {
        /// What is copied, and where to.
        copy: Box<SchemaCopy>,
    },
    /// Follows the original again, and compares the copy with it while others still write.
    FollowCopy {
        /// As in [`Step::CopySchema`].
        copy: Box<SchemaCopy>,
    },
    /// Makes such a copy the same as its original, which nobody writes to any more. What is left of
    /// the following, [`Step::LeaveCopy`] takes away.
    CompleteCopy {
        /// As in [`Step::CopySchema`].
        copy: Box<SchemaCopy>,
    },
    /// Follows the original no longer; the copy stays as it is.
    LeaveCopy {
        /// As in [`Step::CopySchema`].
        copy: Box<SchemaCopy>,
    },
    /// Copies a directory of files; the undo removes the copy.
    CopyFiles {
        /// The directory.
        from: PathBuf,
        /// The copy.
        to: PathBuf,
        /// What of it is copied, and how.
        rules: Rules,
    },
    /// Takes over into such a copy what came to the files since, or went.
    UpdateFiles {
        /// The directory.
        from: PathBuf,
        /// The copy.
        to: PathBuf,
        /// As in [`Step::CopyFiles`].
        rules: Rules,
    },
    /// Lets one of two copies go: the one that was worked on, where that changed nothing in it. It is set
    /// aside in the place of the copy, which is discarded later.
    SettleFiles {
        /// The copy that was worked on.
        worked_on: PathBuf,
        /// The one that was not.
        kept: PathBuf,
    },
    /// Fills a search index with documents that are there already, before the rows are what they are
    /// going to be; [`Step::FillIndex`] mends it then.
    FillAhead {
        /// What with, and how.
        filling: Box<Filling>,
    },
    /// Waits until a web process that nobody reaches answers in the content that is new.
    AwaitProof {
        /// The instance.
        instance: Name,
        /// The version that has to answer.
        version: Version,
        /// Its container.
        container: String,
        /// How long at most.
        seconds: u64,
    },
    /// Writes down what new content is before anybody writes to it.
    NoteContent {
        /// Where, and what it is compared with later.
        #[serde(flatten)]
        noted: Noted,
        /// Where its files are that have not their place yet.
        #[serde(default)]
        beside: PathBuf,
        /// The file that says what its tables were known by before, if they were read before.
        #[serde(default)]
        sums: Option<PathBuf>,
        /// What is written, but for the tables.
        kept: Box<Kept>,
    },
    /// Fails where new content was written to since it was noted.
    CheckUnwritten {
        /// Whose it is.
        instance: Name,
        /// What brought it.
        verb: String,
        /// What it is compared with.
        noted: Noted,
        /// The command that gives up what was written.
        next: String,
    },
    /// Writes down which files a directory has.
    NoteFiles {
        /// The directory.
        directory: PathBuf,
        /// The file with that.
        to: PathBuf,
    },
    /// Fails where files were changed since that was written down.
    CheckFiles {
        /// Whose they are.
        instance: Name,
        /// The directory.
        directory: PathBuf,
        /// The file of [`Step::NoteFiles`].
        noted: PathBuf,
    },
    /// Fails where files that are about to give way say something else than what the new ones were made
    /// of.
    CheckTexts {
        /// Whose they are.
        instance: Name,
        /// The directory.
        directory: PathBuf,
        /// What they said.
        planned: Texts,
    },
    /// Fails where a copy of files that was worked on is about to take their place, and they were written
    /// to since it was made.
    CheckCopied {
        /// Whose they are.
        instance: Name,
        /// Their directory.
        directory: PathBuf,
        /// The copy; nothing is there where it was not needed.
        worked_on: PathBuf,
        /// Directories in it whose files are only ever new, with a row for each.
        but: Vec<PathBuf>,
    },
    /// From here on content serves, and others write to it. Once they did, an interrupted operation is gone
    /// on with as long as that works; the undo takes a snapshot of it first.
    Serve {
        /// How that is seen, and what is kept then.
        written: Box<Written>,
    },
    /// Puts files and directories into an instance's directory, in the place of others.
    Exchange {
        /// Their names; the last one makes the change count.
        entries: Vec<String>,
        /// The instance's directory.
        live: PathBuf,
        /// Where they come from.
        next: PathBuf,
        /// Where those go that were there.
        before: PathBuf,
    },
    /// Drops a schema with its user and its search index; nothing takes that back.
    DropContent {
        /// The database's container.
        database: String,
        /// The search server's container.
        search: String,
        /// What is dropped.
        place: Place,
    },
    /// Runs one of the application's commands that nothing takes back.
    RunPhase {
        /// The container for it.
        spec: Box<ContainerSpec>,
        /// What it does, for an operator.
        what: String,
        /// What it reads.
        input: Option<Secret>,
    },
    /// Gives back what a killed background process had taken; nothing where one runs.
    ReleaseWork {
        /// The container of the background process.
        worker: String,
        /// The database's container.
        database: String,
        /// The instance's schema.
        schema: String,
        /// The statement that does it.
        statement: String,
    },
    /// Waits for work that a stop would lose; if it does not end in time, says so and goes on, or
    /// fails.
    AwaitUnfinished {
        /// The instance.
        instance: Name,
        /// The database's container.
        database: String,
        /// The instance's schema.
        schema: String,
        /// The query that counts it.
        count: String,
        /// What it is.
        what: String,
        /// How long at most.
        seconds: u64,
        /// Whether nobody makes up for what is left.
        #[serde(default)]
        must_end: bool,
    },
    /// Makes up for work that a stop or a crash lost: what was begun before the web process
    /// started, nobody works on any more.
    Mend {
        /// The container for it.
        spec: Box<ContainerSpec>,
        /// What it is.
        what: String,
        /// The container of the web process.
        web: String,
        /// The database's container.
        database: String,
        /// The instance's schema.
        schema: String,
        /// The query that counts what was begun before `{before}`.
        stale: String,
    },
}

/// What steps act on.
pub struct World<'a> {
    /// The container engine.
    pub engine: &'a dyn Engine,
    /// The cluster's paths.
    pub layout: &'a ClusterLayout,
    /// This host's clusters.
    pub registry: &'a Registry,
    /// Who is told.
    pub observer: &'a dyn Observer,
    /// Ends waiting.
    pub interrupt: &'a Interrupt,
    /// How long commands in containers may take; without end if not said.
    pub timeout: Option<Duration>,
    /// Whether what was written to new content is given up that has to go again.
    pub discard_new: bool,
}
