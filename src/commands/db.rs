//! `db [SQL]`: the database's own client, as the instance's user or as the administrator.

use crate::commands::context::Context;
use crate::commands::observed::Observed;
use crate::commands::one_off;
use crate::commands::report::Report;
use crate::commands::session::{need_adoption, services_are_down};
use crate::engine::Input;
use crate::error::Result;
use crate::host::{chance, store};
use crate::journal;
use crate::model::cluster::Cluster;
use crate::model::container::{ContainerSpec, Mount, Role, names};
use crate::model::instance::Instance;
use crate::model::name::Name;
use crate::services::{database, labels};
use crate::steps::Step;

/// Opens the database of an instance, or without one that of the cluster as its administrator.
/// Statements come from the argument, else from standard input. Ends with the client's own exit
/// code.
#[derive(Debug, Clone, clap::Args)]
pub struct Args {
    /// Statements to run
    #[arg(value_name = "SQL")]
    pub statements: Option<String>,
}

/// Runs the verb.
///
/// # Errors
/// Exit 6 where the cluster is down.
pub fn run(args: &Args, context: &Context<'_>) -> Result<Report> {
    let cluster = context.cluster()?;
    // It can change everything, and the network that it needs is not there yet.
    need_adoption(&cluster, "db")?;
    one_off::need_servers_that_stay(&cluster, "db")?;
    let instance = if context.means_instance(&[]) {
        let name = context.one_instance(&cluster, &[])?;
        check_set_up(&cluster, &name)?;
        Some(store::instance(&cluster, &name)?)
    } else {
        None
    };
    let observed = Observed::of(context.engine, &cluster)?;
    observed.refuse_original(&cluster, "db")?;
    if !observed.service_runs(Role::Database) {
        return Err(services_are_down(&cluster, "db"));
    }
    let spec = client(&cluster, instance.as_ref());
    if context.flags.dry_run {
        return Ok(one_off::would_run("db", &spec));
    }
    let statements = args.statements.as_ref().map(|sql| format!("{sql}\n"));
    let input = match &statements {
        Some(sql) => Input::Bytes(sql.as_bytes()),
        None => Input::Standard {
            terminal: context.flags.terminal,
        },
    };
    let limit = context.flags.timeout;
    let code = context.streaming(|sink| context.engine.run(&spec, input, sink, limit))?;
    Ok(Report::of_command(code))
}

/// What is written to an instance whose first set-up or import was interrupted, `recover` would drop.
fn check_set_up(cluster: &Cluster, name: &Name) -> Result<()> {
    let open = journal::open_operations::<Step>(&cluster.layout.journal())?;
    let in_the_way = open
        .iter()
        .find(|open| open.header.holds_start && open.header.instances.contains(name));
    match in_the_way {
        None => Ok(()),
        Some(open) => Err(journal::interrupted(
            open,
            &cluster.layout.locks(),
            &format!("{} recover", cluster.layout.link().display()),
        )),
    }
}

/// A container with the client, of the database's own image. The password is in a file that only
/// this container sees; the statements never are an argument.
fn client(cluster: &Cluster, instance: Option<&Instance>) -> ContainerSpec {
    let tag = chance::tag();
    let (name, config, schema) = match instance {
        Some(instance) => (
            names::of_instance(&cluster.name, &instance.name, Role::Run, &tag),
            instance.layout.client_config(),
            Some(instance.schema.clone()),
        ),
        None => (
            format!("{}_run_{tag}", cluster.name),
            cluster.layout.client_config(),
            None,
        ),
    };
    let mut command = vec![
        "-c".to_owned(),
        database::CLIENT.to_owned(),
        "client".to_owned(),
        database::CLIENT_CONFIG_FLAG.to_owned(),
        "--default-character-set=utf8mb4".to_owned(),
        "--max-allowed-packet=1G".to_owned(),
    ];
    command.extend(schema);
    ContainerSpec {
        name,
        image: cluster.database_image.to_string(),
        entrypoint: vec!["/bin/sh".to_owned()],
        command,
        environment: std::collections::BTreeMap::new(),
        labels: labels(cluster, Some(Role::Run)),
        mounts: vec![Mount {
            source: config,
            target: database::CLIENT_CONFIG.to_owned(),
            read_only: true,
        }],
        network: names::network(&cluster.name),
        aliases: Vec::new(),
        links: Vec::new(),
        published: Vec::new(),
        work_dir: None,
        hostname: None,
        memory: None,
        cpu_shares: None,
        restarts: false,
        stop_seconds: 10,
    }
}
