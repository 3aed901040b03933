//! What was taken of the moment, packed into the snapshot's file.

use std::collections::BTreeMap;
use std::io::Read;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::thread::ScopedJoinHandle;

use crate::error::{Error, Result};
use crate::host::archive::{Options, Stream, Tree, Watch, Writer};
use crate::host::priority;
use crate::model::snapshot::{About, CloneKind};
use crate::services::sandbox_line::WithoutSandboxLine;
use crate::steps::World;
use crate::steps::gauge::Gauge;
use crate::steps::snapshot::Order;
use crate::steps::snapshot::documents::Spooling;
use crate::steps::snapshot::dumping::Dump;

/// What is packed.
pub struct Parts<'scope> {
    /// The dump of tables that stand in front, where there are any.
    pub apart: Option<std::fs::File>,
    /// The dump at work.
    pub dump: Dump<'scope>,
    /// The search index's documents.
    pub documents: Spooling<'scope>,
    /// The rows of each table, when they are counted.
    pub rows: ScopedJoinHandle<'scope, Result<BTreeMap<String, u64>>>,
    /// Whatever else is known of it.
    pub about: About,
    /// How many bytes that will be, roughly.
    pub expected: Arc<AtomicU64>,
}

/// Packs all of it.
///
/// # Errors
/// Exit 1 with what failed, or at an interruption; nothing is left of the file then.
pub fn pack(world: &World<'_>, order: &Order, parts: Parts<'_>) -> Result<()> {
    // What compresses inherits it. The dump does not: writers wait until it has begun.
    priority::lower_this_thread(order.nice);
    let what = format!("packing {}", order.instance);
    let gauge = Gauge::new(world.observer, &what, &parts.expected);
    let progress = |bytes| gauge.add(bytes);
    let watch = Watch::new(world.interrupt, &progress);
    let options = Options::new(order.packing, order.workers);
    let mut writer = Writer::begin(&order.file, options, watch)?;
    let mut dump = parts.dump;
    let mut text = WithoutSandboxLine::new(&mut dump.pipe);
    let passed = match parts.apart {
        Some(apart) => {
            let mut both = WithoutSandboxLine::new(apart).chain(text);
            writer.add_stream(Stream::Dump, &mut both)
        }
        None => writer.add_stream(Stream::Dump, &mut text),
    };
    // Its own error says more than that its output broke off.
    dump.finish()?;
    passed?;
    let rows = parts
        .rows
        .join()
        .map_err(|_| Error::failed("counting the rows broke off"))??;
    let tree = Tree {
        // What is written once has its other name in the instance's directory.
        names_elsewhere: u64::from(parts.about.clone == CloneKind::HardLinks),
        ..Tree::default()
    };
    writer.add_tree(&order.work, "", &tree)?;
    // Only once they are all there: a part of them would be taken for the whole.
    let mut spooled = parts.documents.finish(world)?;
    if let Some(spooled) = &mut spooled {
        writer.add_stream(Stream::Index, &mut spooled.file)?;
    }
    let finished = writer.finish(About {
        rows,
        documents: spooled.map(|spooled| spooled.count),
        ..parts.about
    })?;
    for left in &finished.left_out {
        let (path, why) = (&left.path, left.why);
        world
            .observer
            .warn(&format!("{path} is not in the snapshot: {why}"));
    }
    Ok(())
}
