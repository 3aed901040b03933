//! Chance that can be had again: by its seed, which is printed and can be given.

/// Draws numbers.
#[derive(Debug, Clone)]
pub struct Chance(u64);

impl Chance {
    /// By the seed in `KOR_TEST_SEED`, else by the clock.
    pub fn drawn() -> Self {
        let given = std::env::var("KOR_TEST_SEED").ok();
        let seed = given.map_or_else(by_clock, |text| text.parse().unwrap());
        println!("KOR_TEST_SEED={seed}");
        Chance(seed)
    }

    /// Another one that does not depend on how often this one is asked.
    pub fn beside(&self, number: u64) -> Self {
        Chance(self.0 ^ number.wrapping_mul(0x9e37_79b9_7f4a_7c15))
    }

    /// A number below an end.
    pub fn below(&mut self, end: usize) -> usize {
        let drawn = self.next() % u64::try_from(end).unwrap();
        usize::try_from(drawn).unwrap()
    }

    /// One of these.
    pub fn of<'a, T>(&mut self, these: &'a [T]) -> &'a T {
        &these[self.below(these.len())]
    }

    /// Vigna's splitmix64.
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }
}

fn by_clock() -> u64 {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    u64::from(since.unwrap().subsec_nanos())
}
