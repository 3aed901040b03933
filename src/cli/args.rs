//! The command line: the flags that all verbs understand, and the verbs.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};

use crate::commands::words::Words;
use crate::commands::{
    adopt, boot, clone, completions, config, contract, create, db, history, image, import, init,
    list, logs, man, migrate, new, recover, remove, restart, run, services, shell, shutdown,
    snapshot, snapshots, start, status, stop, upgrade,
};

/// Runs ConedaKOR clusters in Docker: any number of instances beside one database and one search
/// server.
///
/// Called as CLUSTER/cluster.sh it works on that cluster, called as
/// CLUSTER/instances/NAME/instance.sh on that instance; else on what -C or KOR_CLUSTER name, or
/// the directory that it is called in.
#[derive(Debug, Parser)]
#[command(
    name = "kor-cluster",
    version,
    after_help = "Exit codes: 0 done, 1 failed, 2 wrong use, 3 busy, 4 not found, 5 no engine, \
                  6 refused, 7 half done (recover), 8 damaged snapshot.\n\
                  The first lines:  create DIR;  DIR/cluster.sh boot;  DIR/cluster.sh new NAME;  \
                  DIR/instances/NAME/instance.sh start"
)]
pub struct Cli {
    /// The flags that all verbs understand
    #[command(flatten)]
    pub global: Global,
    /// The verb
    #[command(subcommand)]
    pub command: Command,
}

/// The flags that all verbs understand.
#[derive(Debug, Args)]
pub struct Global {
    /// Work on the cluster or instance in this directory
    #[arg(short = 'C', value_name = "DIR", global = true)]
    pub place: Option<PathBuf>,
    /// The instance that is meant (repeatable)
    #[arg(short = 'i', value_name = "NAME", global = true)]
    pub instances: Vec<String>,
    /// All instances of the cluster
    #[arg(long, global = true)]
    pub all: bool,
    /// Print one JSON object
    #[arg(long, global = true)]
    pub json: bool,
    /// Say what would be done, and do nothing
    #[arg(long, global = true)]
    pub dry_run: bool,
    /// Say yes to what would be asked, such as a known fault
    #[arg(long, global = true)]
    pub yes: bool,
    /// Print nothing but results and errors
    #[arg(long, short, global = true)]
    pub quiet: bool,
    /// No moving progress, also on a terminal
    #[arg(long, global = true)]
    pub no_progress: bool,
    /// How long to wait for another operation that holds the lock
    #[arg(long, value_name = "SECONDS", default_value_t = 0, global = true)]
    pub wait: u64,
    /// How long to wait for readiness, for unfinished work and for commands in containers
    #[arg(long, value_name = "SECONDS", global = true)]
    pub timeout: Option<u64>,
}

/// The verbs that change a cluster by a journalled plan; `tests/fake/killed.rs` kills each of them
/// everywhere.
pub const CHANGING: [&str; 18] = [
    "create",
    "adopt",
    "boot",
    "shutdown",
    "new",
    "init",
    "start",
    "stop",
    "restart",
    "migrate",
    "config",
    "services",
    "snapshot",
    "snapshots",
    "import",
    "clone",
    "remove",
    "upgrade",
];

/// The verbs that change nothing, or only what they make themselves (`run`), or that tidy up.
pub const OTHERS: [&str; 14] = [
    "list",
    "status",
    "run",
    "run_headless",
    "job",
    "shell",
    "db",
    "logs",
    "image",
    "contract",
    "recover",
    "history",
    "completions",
    "man",
];

/// The verbs.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Lay out a cluster
    Create(create::Args),
    /// Take over a cluster that the original script made
    Adopt(adopt::Args),
    /// Bring a cluster's services up, and the instances that should run
    Boot(boot::Args),
    /// Bring everything of a cluster down
    Shutdown(shutdown::Args),
    /// Make a new instance
    New(new::Args),
    /// Run the first set-up of an instance whose schema is empty
    Init(init::Args),
    /// Start instances
    Start(start::Args),
    /// Stop instances
    Stop(stop::Args),
    /// Stop and start instances
    Restart(restart::Args),
    /// Migrate an instance's database in place
    Migrate(migrate::Args),
    /// Show clusters and instances, as the engine sees them
    List(list::Args),
    /// Show how services and instances are, as they say themselves
    Status(status::Args),
    /// Run a command in a fresh container of an instance
    Run(run::Args),
    /// The same without a terminal
    #[command(name = "run_headless")]
    RunHeadless(run::Args),
    /// The same in the background, its output in the log
    Job(run::Args),
    /// Open a shell in a fresh container of an instance
    Shell(shell::Args),
    /// Open the database's client, or run a statement
    Db(db::Args),
    /// Show logs
    Logs(logs::Args),
    /// Read and change settings
    Config(config::Args),
    /// Show the shared services, or change the search server
    Services(services::Args),
    /// Show, pull and build images
    Image(image::Args),
    /// Take snapshots of instances while they serve
    Snapshot(snapshot::Args),
    /// Show snapshots, and what is in them
    Snapshots(snapshots::Args),
    /// Bring a snapshot's content into an instance
    Import(import::Args),
    /// Bring instances to another version
    Upgrade(upgrade::Args),
    /// Make a second instance with the content of another
    Clone(clone::Args),
    /// Remove an instance, after a snapshot of it
    Remove(remove::Args),
    /// Show which versions are covered, and how they are run
    Contract(contract::Args),
    /// Finish or undo what was interrupted
    Recover(recover::Args),
    /// Show who did what when
    History(history::Args),
    /// Print completions for a shell
    Completions(completions::Args),
    /// Print the manual page
    Man(man::Args),
}

impl Command {
    /// What is written down of what was typed, where that is more than the verb.
    pub fn words(&self) -> Option<Words> {
        Some(match self {
            Command::New(args) => args.words(),
            Command::Config(args) => args.words(),
            Command::Services(args) => args.words(),
            Command::Snapshot(args) => args.words(),
            Command::Snapshots(args) => args.words(),
            Command::Import(args) => args.words(),
            Command::Upgrade(args) => args.words(),
            Command::Clone(args) => args.words(),
            Command::Remove(args) => args.words(),
            _ => return None,
        })
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn every_verb_is_in_one_of_the_lists_and_the_command_line_is_sound() {
        let command = Cli::command();
        command.clone().debug_assert();
        let mut verbs: Vec<&str> = command.get_subcommands().map(|c| c.get_name()).collect();
        let mut listed: Vec<&str> = CHANGING.iter().chain(&OTHERS).copied().collect();
        verbs.sort_unstable();
        listed.sort_unstable();
        assert_eq!(verbs, listed);
    }
}
