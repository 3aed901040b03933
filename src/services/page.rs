//! The page that an instance serves: whether a browser can run its scripts. An application may be
//! healthy by its health address and its page blank all the same.

use std::time::{Duration, Instant};

use crate::engine::{Endpoint, Engine, NoAnswer, Request};
use crate::model::page::{Page, PageFault, within_origin};
use crate::services::app::App;

/// How many of a page's scripts are looked at.
const MOST_SCRIPTS: usize = 20;

/// What is wrong with the page of an instance that is up. Nothing is known where the contract
/// names no page, or where not all was answered within `limit`.
pub fn faults(app: &App<'_>, engine: &dyn Engine, limit: Duration) -> Option<Vec<PageFault>> {
    let path = &app.contract.page.as_ref()?.path;
    let to = Endpoint::published(app.cluster.bind_address, app.instance.port.number());
    let end = Instant::now() + limit;
    let get = |path: &str| {
        let left = end.saturating_duration_since(Instant::now());
        match left.is_zero() {
            true => Err(NoAnswer::TimedOut),
            false => engine.http(&to, &Request::get(path, left)),
        }
    };
    let answer = get(path).ok()?;
    if answer.status != 200 {
        return Some(vec![not_there(path, answer.status)]);
    }
    let page = Page::parse(&answer.body);
    let mut faults = Vec::new();
    for script in page.scripts.iter().take(MOST_SCRIPTS) {
        let Some(address) = within_origin(path, &script.address) else {
            continue;
        };
        let answer = get(&address).ok()?;
        if answer.status >= 400 {
            faults.push(not_there(&address, answer.status));
        } else {
            let fault = page.fault_of(script, &answer.body);
            faults.extend(fault.map(|fault| PageFault {
                script: address,
                ..fault
            }));
        }
    }
    Some(faults)
}

fn not_there(address: &str, status: u16) -> PageFault {
    PageFault {
        script: address.to_owned(),
        import: None,
        why: format!("it answers {status}"),
    }
}

/// The fault for an operator.
pub fn words(fault: &PageFault) -> String {
    match &fault.import {
        Some(import) => format!(
            "the page stays blank: {} imports {import:?}, and {}",
            fault.script, fault.why
        ),
        None => format!("the page is not whole: {}: {}", fault.script, fault.why),
    }
}
