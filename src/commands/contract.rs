//! `contract list|show VERSION`: what a version wants.

use serde_json::json;

use crate::commands::context::Context;
use crate::commands::report::Report;
use crate::error::{Error, Result};
use crate::host::store;
use crate::model::layout::ClusterLayout;
use crate::model::version::Version;

/// Shows which versions are covered, and how they are run.
#[derive(Debug, Clone, clap::Args)]
pub struct Args {
    /// What is shown
    #[command(subcommand)]
    pub what: What,
}

/// What is shown.
#[derive(Debug, Clone, clap::Subcommand)]
pub enum What {
    /// The contracts that apply here, the strongest first
    List,
    /// The contract that applies to a version, as the file that it is
    Show {
        /// The version of ConedaKOR
        #[arg(value_parser = Version::parse)]
        version: Version,
    },
}

/// Runs the verb.
///
/// # Errors
/// Exit 6 where no contract covers the version.
pub fn run(args: &Args, context: &Context<'_>) -> Result<Report> {
    let layout = context.scope.root().map(ClusterLayout::new);
    let contracts = store::contracts(layout.as_ref())?;
    match &args.what {
        What::List => {
            let mut lines = Vec::new();
            for contract in contracts.all() {
                lines.push(format!("{}: versions {}", contract.name, contract.versions));
                for fault in &contract.known_faults {
                    lines.push(format!("  known fault, {}: {}", fault.versions, fault.what));
                }
            }
            Ok(Report::new(lines, json!({"contracts": contracts.all()})))
        }
        What::Show { version } => {
            let contract = contracts.covering(version)?;
            let text = toml::to_string_pretty(contract)
                .map_err(|e| Error::failed("cannot write the contract").why(e))?;
            let mut lines: Vec<String> = Vec::new();
            for fault in contract.faults_of(version) {
                lines.push(format!("# known fault of {version}: {}", fault.what));
            }
            lines.extend(text.lines().map(str::to_owned));
            Ok(Report::new(
                lines,
                json!({
                    "version": version,
                    "contract": contract,
                    "known_faults": contract.faults_of(version),
                }),
            ))
        }
    }
}
