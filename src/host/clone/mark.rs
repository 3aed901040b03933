//! What makes a file or directory another one, and when that can be trusted.

use std::time::{SystemTime, UNIX_EPOCH};

use rustix::fs::Stat;

/// A moment, in nanoseconds since 1970.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub struct Moment(i64);

/// Changes that are nearer to each other than this may bear the same time: file systems count in
/// ticks, some of them of a second.
const TICK: i64 = 1_100_000_000;

impl Moment {
    /// Now.
    pub fn now() -> Self {
        let since = SystemTime::now().duration_since(UNIX_EPOCH);
        Moment(since.map_or(0, |since| {
            i64::try_from(since.as_nanos()).unwrap_or(i64::MAX)
        }))
    }

    /// When the content of this was changed, as it says itself.
    pub fn modified(stat: &Stat) -> Self {
        Moment::of(i128::from(stat.st_mtime), i128::from(stat.st_mtime_nsec))
    }

    /// When anything about it was changed; nobody can set that.
    pub fn changed(stat: &Stat) -> Self {
        Moment::of(i128::from(stat.st_ctime), i128::from(stat.st_ctime_nsec))
    }

    fn of(seconds: i128, nanoseconds: i128) -> Self {
        let time = seconds * 1_000_000_000 + nanoseconds;
        Moment(i64::try_from(time).unwrap_or(i64::MAX))
    }
}

/// What a file or directory is known by: another content has another mark, or its mark is too
/// young.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Mark {
    inode: u64,
    size: u64,
    changed: Moment,
}

impl Mark {
    /// That of what was found; nothing where it was changed so lately that a change right
    /// afterwards could bear the same mark.
    pub fn of(stat: &Stat, now: Moment) -> Option<Self> {
        is_settled(stat, now).then(|| Mark::young(stat))
    }

    /// The same, young or not, for comparing.
    pub fn young(stat: &Stat) -> Self {
        Mark {
            inode: stat.st_ino,
            size: u64::try_from(stat.st_size).unwrap_or(0),
            changed: Moment::changed(stat),
        }
    }
}

/// Whether nothing was written to it shortly before a moment, or since. Other than by
/// [`is_settled`], a link that was made to it does not count.
pub fn is_at_rest(stat: &Stat, moment: Moment) -> bool {
    Moment::modified(stat).0 < moment.0.saturating_sub(TICK)
}

/// Whether nothing about it was changed shortly before a moment, or since.
pub fn is_settled(stat: &Stat, moment: Moment) -> bool {
    Moment::changed(stat).0 < moment.0.saturating_sub(TICK)
}
