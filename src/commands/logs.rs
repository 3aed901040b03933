//! `logs`: an application's log, or that of a container.

use std::path::Path;
use std::time::Duration;

use crate::commands::context::Context;
use crate::commands::report::Report;
use crate::engine::Channel;
use crate::error::{Error, Kind, Result};
use crate::host::{files, store};
use crate::model::cluster::Cluster;
use crate::model::container::{Role, names};

/// Shows the last lines of an instance's application log; without an instance those of the shared
/// services.
#[derive(Debug, Clone, clap::Args)]
pub struct Args {
    /// The instance
    #[arg(value_name = "NAME")]
    pub names: Vec<String>,
    /// How many lines
    #[arg(short = 'n', long, default_value_t = 100)]
    pub lines: usize,
    /// Go on with what is written from now on, until Ctrl-C
    #[arg(short, long)]
    pub follow: bool,
    /// What the container of the instance's web process printed, in the place of the log file
    #[arg(long, conflicts_with_all = ["jobs", "service"])]
    pub container: bool,
    /// What jobs printed
    #[arg(long, conflicts_with = "service")]
    pub jobs: bool,
    /// The log of a shared service
    #[arg(long, value_parser = ["database", "search"])]
    pub service: Option<String>,
}

/// How often a file that is followed is looked at.
const LOOK: Duration = Duration::from_millis(200);

/// Runs the verb.
///
/// # Errors
/// Exit 4 where there is no log yet.
pub fn run(args: &Args, context: &Context<'_>) -> Result<Report> {
    let cluster = context.cluster()?;
    if let Some(role) = args.service.as_deref().and_then(Role::parse) {
        return of_container(args, context, &names::service(&cluster.name, role));
    }
    if !context.means_instance(&args.names) && !args.container && !args.jobs {
        return of_services(args, context, &cluster);
    }
    let name = context.one_instance(&cluster, &args.names)?;
    if args.container {
        let container = names::of_instance(&cluster.name, &name, Role::Web, "");
        return of_container(args, context, &container);
    }
    let instance = store::instance(&cluster, &name)?;
    let contracts = store::contracts(Some(&cluster.layout))?;
    let contract = contracts.covering(&instance.version)?;
    let path = if args.jobs {
        instance.layout.log().join("jobs.log")
    } else {
        instance.layout.inside(&contract.log.path)
    };
    of_file(args, context, &path)
}

fn of_services(args: &Args, context: &Context<'_>, cluster: &Cluster) -> Result<Report> {
    if args.follow {
        return Err(Error::usage("which service is to be followed?")
            .next("say --service database, --service search or -i NAME"));
    }
    for role in [Role::Database, Role::Search] {
        let container = names::service(&cluster.name, role);
        context.observer.note(&format!("{container}:"));
        match of_container(args, context, &container) {
            Err(error) if error.kind == Kind::NotFound => {
                context.observer.note("it does not run");
            }
            other => drop(other?),
        }
    }
    Ok(Report::default())
}

fn of_container(args: &Args, context: &Context<'_>, container: &str) -> Result<Report> {
    let shown = context.streaming(|sink| {
        context
            .engine
            .logs(container, args.lines, args.follow, sink)
    });
    match shown {
        // Ctrl-C is how following ends.
        Err(error) if error.interrupted && args.follow => Ok(Report::default()),
        other => other.map(|()| Report::default()),
    }
}

fn of_file(args: &Args, context: &Context<'_>, path: &Path) -> Result<Report> {
    use std::io::{Read, Seek, SeekFrom};
    use std::os::unix::fs::MetadataExt;
    let lines = match files::last_lines(path, args.lines) {
        Err(error) if error.kind == Kind::NotFound => {
            return Err(error.next("the application writes it when it is started"));
        }
        other => other?,
    };
    let mut sink = (context.stream)();
    for line in lines {
        sink(Channel::Out, format!("{line}\n").as_bytes());
    }
    if !args.follow {
        return Ok(Report::default());
    }
    let io = |e: std::io::Error| Error::io("read", path, &e);
    let mut file = std::fs::File::open(path).map_err(io)?;
    let mut at = file.seek(SeekFrom::End(0)).map_err(io)?;
    while !context.interrupt.is_pending() {
        let mut bytes = Vec::new();
        at += file.read_to_end(&mut bytes).map_err(io)? as u64;
        sink(Channel::Out, &bytes);
        // A log that was cut off or made anew is read from its beginning.
        if let Ok(there) = std::fs::metadata(path)
            && (there.len() < at || there.ino() != file.metadata().map_err(io)?.ino())
        {
            file = std::fs::File::open(path).map_err(io)?;
            at = 0;
        }
        context.interrupt.sleep(LOOK);
    }
    Ok(Report::default())
}
