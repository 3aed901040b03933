//! Whether an instance can send mail.

use std::path::Path;

use crate::commands::context::Context;
use crate::error::{Error, Result};
use crate::model::cluster::Cluster;

/// The setting that says how mail leaves; `test` sends nothing.
const METHOD: &str = "MAIL_DELIVERY_METHOD";

/// Says that mail is not configured, and through which link it is; refuses where the cluster
/// requires it.
///
/// # Errors
/// Exit 6 where `REQUIRE_MAIL` is set and mail is not configured.
pub fn check(
    context: &Context<'_>,
    cluster: &Cluster,
    method: Option<&str>,
    link: &Path,
) -> Result<()> {
    if method.is_some_and(|method| method != "test") {
        return Ok(());
    }
    let how = format!(
        "{0} config set MAIL_SMTP_ADDRESS HOST; {0} config set MAIL_DELIVERY_METHOD smtp",
        link.display()
    );
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

/// The method that a new instance of a cluster gets.
pub fn method_of(cluster: &Cluster) -> Option<String> {
    cluster
        .mail()
        .into_iter()
        .find(|(key, _)| key == METHOD)
        .map(|(_, value)| value)
}
