//! What was started is looked at as a visitor's browser would: a blank page is healthy for
//! whoever only asks the application.

use std::time::{Duration, Instant};

use crate::commands::context::Context;
use crate::services::{app::App, page};

/// How long looking at all pages may take: nothing waits for it.
const LIMIT: Duration = Duration::from_secs(5);

/// Warns of pages that a browser cannot show.
pub fn warn(context: &Context<'_>, apps: &[App<'_>]) {
    let end = Instant::now() + LIMIT;
    for app in apps {
        let left = end.saturating_duration_since(Instant::now());
        for fault in page::faults(app, context.engine, left).unwrap_or_default() {
            let words = page::words(&fault);
            context
                .observer
                .warn(&format!("instance {}: {words}", app.instance.name));
        }
    }
}
