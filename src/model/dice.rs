//! Numbers by chance, for jitter and test data. Not for secrets.

use std::hash::{BuildHasher as _, RandomState};

/// A sequence of numbers from a seed (`SplitMix64`, Steele, Lea and Flood 2014).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Dice(u64);

impl Dice {
    /// The sequence of this seed.
    #[must_use]
    pub fn seeded(seed: u64) -> Self {
        Self(seed)
    }

    /// A sequence that differs each time.
    #[must_use]
    pub fn thrown() -> Self {
        Self(RandomState::new().hash_one(0u8))
    }

    /// The next number.
    pub fn number(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// The next number, from 0 to 1 (1 left out).
    pub fn fraction(&mut self) -> f64 {
        // 32 bits go into a float without loss, and are enough for chance.
        let high = u32::try_from(self.number() >> 32).unwrap_or(0);
        f64::from(high) / (f64::from(u32::MAX) + 1.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fractions_stay_in_range_and_spread() {
        let mut dice = Dice::seeded(7);
        let mut low = 0;
        for _ in 0..1000 {
            let fraction = dice.fraction();
            assert!((0.0..1.0).contains(&fraction));
            low += usize::from(fraction < 0.5);
        }
        assert!((400..600).contains(&low), "{low}");
    }
}
