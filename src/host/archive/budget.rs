//! How much a snapshot may unpack to.

use std::cell::Cell;
use std::io;
use std::rc::Rc;

use crate::host::archive::entries::bad;
use crate::model::memory;

/// Nothing that anybody keeps packs as many times smaller, in one compressor or in two.
const BOMB: u64 = 50_000;

/// But so few bytes may do that.
const TOO_SMALL_FOR_A_BOMB: u64 = 16 << 20;

/// What a snapshot may come to at most.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Unpacked bytes: what there is room for.
    pub bytes: u64,
    /// Files, directories and links.
    pub entries: u64,
    /// How many times larger than packed; twenty times as much where the snapshot's end says how
    /// large it is. Holes are free.
    pub ratio: u64,
    /// So many unpacked bytes are not asked for their ratio.
    pub free: u64,
}

impl Default for Limits {
    /// No limit of bytes, five million entries, 200 times behind 256 MiB: a dump of text packs
    /// 20-fold.
    fn default() -> Self {
        Limits {
            bytes: u64::MAX,
            entries: 5_000_000,
            ratio: 200,
            free: 256 << 20,
        }
    }
}

/// What of the limits is used up.
#[derive(Debug)]
pub struct Budget {
    limits: Limits,
    /// Whether the snapshot said in front what it comes to.
    announced: bool,
    /// Bytes of the file that were read.
    packed: Rc<Cell<u64>>,
    /// How many of these were known before.
    known: u64,
    bytes: u64,
    solid: u64,
    entries: u64,
}

impl Budget {
    /// `packed` counts the file's bytes as they are read.
    pub fn new(limits: Limits, announced: bool, packed: Rc<Cell<u64>>) -> Self {
        Budget {
            limits,
            announced,
            packed,
            known: 0,
            bytes: 0,
            solid: 0,
            entries: 0,
        }
    }

    /// Bytes of the file that were read since this was asked last.
    pub fn newly_read(&mut self) -> u64 {
        let before = std::mem::replace(&mut self.known, self.packed.get());
        self.known.saturating_sub(before)
    }

    /// One more entry, which begins with so many bytes.
    ///
    /// # Errors
    /// Where they are too many.
    pub fn entry(&mut self, overhead: u64) -> io::Result<()> {
        self.entries += 1;
        if self.entries > self.limits.entries {
            return Err(bad(format!(
                "it has more than {} entries",
                self.limits.entries
            )));
        }
        self.spend(overhead, false)
    }

    /// These bytes more; whether they become a hole.
    ///
    /// # Errors
    /// Where they are too many.
    pub fn spend(&mut self, bytes: u64, hole: bool) -> io::Result<()> {
        self.bytes += bytes;
        if !hole {
            self.solid += bytes;
        }
        if self.bytes > self.limits.bytes {
            let most = memory::human(self.limits.bytes);
            return Err(bad(format!("it unpacks to more than {most}")));
        }
        let times = self
            .limits
            .ratio
            .saturating_mul(if self.announced { 20 } else { 1 });
        for (times, free) in [(times, self.limits.free), (BOMB, TOO_SMALL_FOR_A_BOMB)] {
            let most = self.packed.get().saturating_mul(times);
            if self.solid.saturating_sub(free) > most {
                return Err(bad(format!(
                    "it unpacks to more than {times} times its size"
                )));
            }
        }
        Ok(())
    }
}
