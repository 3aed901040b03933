//! Instances of other sizes: whether memory and the hold depend on how much there is.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Instant;

use crate::common::data::{self, Chance};
use crate::common::place::Place;
use crate::common::run::{self, Ran};
use crate::common::{Result, table};
use crate::{held, settle, take};

const MB: u64 = 1_000_000;

/// Runs of `snapshots show`.
const SHOWN: usize = 21;

/// What was measured.
pub struct Grown {
    pub small_mb: u64,
    pub peak_small_mib: f64,
    pub many_files: u64,
    pub hold_many_ms: f64,
    pub large_mb: u64,
    pub peak_large_mib: f64,
    pub show_ms: f64,
}

/// One instance after the other, in one place; what is large is gone at the end.
pub fn measure(place: &Place) -> Result<Grown> {
    let media = place.make_instance("grown")?.root.join("data/media");
    let (small_mb, large_mb) = (100 / place.smaller, 10_000 / place.smaller);
    let many_files = 200_000 / place.smaller;
    let mut chance = Chance::new();

    refill(&media, |media| {
        data::random_files(&mut chance, media, 20, small_mb * MB / 20)
    })?;
    let (small, file) = snapshot(place)?;
    remove(&file)?;

    refill(&media, |media| {
        data::tiny_files(&mut chance, media, many_files)
    })?;
    let (many, file) = snapshot(place)?;
    remove(&file)?;

    refill(&media, |media| {
        data::random_files(&mut chance, media, 200, large_mb * MB / 200)
    })?;
    let (large, file) = snapshot(place)?;
    let show_ms = show(place, &file)?;
    remove(&file)?;
    refill(&media, |_| Ok(()))?;
    Ok(Grown {
        small_mb,
        peak_small_mib: small.peak_mib,
        many_files,
        hold_many_ms: held(&many)?,
        large_mb,
        peak_large_mib: large.peak_mib,
        show_ms,
    })
}

fn snapshot(place: &Place) -> Result<(Ran, PathBuf)> {
    let ran = take(place, "grown")?;
    let file = PathBuf::from(ran.out.trim());
    Ok((ran, file))
}

fn show(place: &Place, file: &Path) -> Result<f64> {
    let words = ["snapshots", "show", &file.display().to_string()];
    let mut times = Vec::new();
    for _ in 0..SHOWN {
        let started = Instant::now();
        run::output(place.call("grown", &words))?;
        times.push(started.elapsed().as_secs_f64() * 1e3);
    }
    Ok(table::median(&times))
}

fn refill(media: &Path, fill: impl FnOnce(&Path) -> Result<()>) -> Result<()> {
    if media.exists() {
        fs::remove_dir_all(media).map_err(|e| format!("{}: {e}", media.display()))?;
    }
    fs::create_dir_all(media).map_err(|e| format!("{}: {e}", media.display()))?;
    fill(media)?;
    settle()
}

fn remove(file: &Path) -> Result<()> {
    fs::remove_file(file).map_err(|e| format!("{}: {e}", file.display()))
}
