//! Chance that can be had again: from a seed that is printed and can be given.

use std::time::{Duration, SystemTime};

/// Draws numbers (Vigna's SplitMix64).
#[derive(Debug, Clone)]
pub struct Chance(u64);

impl Chance {
    /// A seed: what this variable says, else another one each time.
    pub fn seed(variable: &str) -> u64 {
        let by_clock = || {
            let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
            now.unwrap().as_secs() ^ u64::from(std::process::id())
        };
        let said = std::env::var(variable).ok();
        let seed = said.map_or_else(by_clock, |text| text.parse().unwrap());
        println!("{variable}={seed} brings the same again");
        seed
    }

    /// What is drawn for this part of the whole does not depend on the other parts.
    pub fn of(seed: u64, part: usize) -> Self {
        let mut chance = Chance(seed ^ (part as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15));
        chance.next();
        chance
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// A number below this one.
    pub fn below(&mut self, count: usize) -> usize {
        usize::try_from(self.next() % count as u64).unwrap()
    }

    /// One of these.
    pub fn pick<'a, T>(&mut self, of: &'a [T]) -> &'a T {
        &of[self.below(of.len())]
    }

    /// A part of this time.
    pub fn part_of(&mut self, time: Duration) -> Duration {
        let micros = usize::try_from(time.as_micros()).unwrap();
        Duration::from_micros(self.below(micros + 1) as u64)
    }
}
