//! Whether an instance can send mail.

use std::path::Path;

use crate::commands::context::Context;
use crate::error::{Error, Result};
use crate::host::files;
use crate::model::cluster::Cluster;
use crate::model::contract::{Contract, Mail};
use crate::services::app::App;

/// The setting that says how mail leaves; `test` sends nothing.
const METHOD: &str = "MAIL_DELIVERY_METHOD";

/// Says where an instance has no mail, and how it gets some; refuses where the cluster requires
/// it.
///
/// # Errors
/// Exit 6 where `REQUIRE_MAIL` is set and mail is not configured.
pub fn check_instance(context: &Context<'_>, app: &App<'_>) -> Result<()> {
    let method = app.instance.env.get(METHOD);
    let link = app.instance.layout.link();
    check(context, app.cluster, app.contract, method.as_deref(), &link)
}

/// The same for an instance that is going to be made.
///
/// # Errors
/// As [`check_instance`].
pub fn check_new(context: &Context<'_>, cluster: &Cluster, contract: &Contract) -> Result<()> {
    let method = cluster
        .mail()
        .into_iter()
        .find(|(key, _)| key == METHOD)
        .map(|(_, value)| value);
    let link = cluster.layout.link();
    check(context, cluster, contract, method.as_deref(), &link)
}

/// What is said of a clone, which sends no mail until it is told to.
pub fn off(app: &App<'_>) -> String {
    let layout = &app.instance.layout;
    match app.contract.mail {
        Mail::Environment => format!(
            "it sends no mail until it is told to: {} config set {METHOD} smtp",
            layout.link().display()
        ),
        Mail::Ssmtp => format!(
            "it sends no mail until {} says `sendmail` in the place of `test`",
            layout.inside("kor.app.yml").display()
        ),
    }
}

fn check(
    context: &Context<'_>,
    cluster: &Cluster,
    contract: &Contract,
    method: Option<&str>,
    link: &Path,
) -> Result<()> {
    let conf = cluster.layout.ssmtp().join("ssmtp.conf");
    let (configured, how) = match contract.mail {
        Mail::Environment => (
            method.is_some_and(|method| method != "test"),
            format!(
                "{0} config set MAIL_SMTP_ADDRESS HOST; {0} config set MAIL_DELIVERY_METHOD smtp",
                link.display()
            ),
        ),
        Mail::Ssmtp => (
            has_mailhub(&files::read_if_there(&conf)?.unwrap_or_default()),
            format!("a line mailhub=HOST:PORT in {}", conf.display()),
        ),
    };
    if configured {
        return Ok(());
    }
    if cluster.require_mail {
        return Err(Error::refused("mail is not configured")
            .why("REQUIRE_MAIL is true in the cluster's config.sh")
            .next(how));
    }
    context
        .observer
        .warn(&format!("mail is not configured, so none is sent ({how})"));
    Ok(())
}

/// Whether ssmtp knows whom to give mail to.
fn has_mailhub(conf: &str) -> bool {
    conf.lines().any(|line| {
        line.split_once('=')
            .is_some_and(|(key, value)| key.trim() == "mailhub" && !value.trim().is_empty())
    })
}
