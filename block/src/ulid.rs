//! The names of blocks.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

const DIGITS: &[u8; 32] = b"0123456789ABCDEFGHJKMNPQRSTVWXYZ";
const LEN: usize = 26;
const RANDOM_BITS: u32 = 80;

/// A block's name: 48 bits of milliseconds since the epoch and 80 random bits, as 26 digits of Crockford's base 32.
///
/// ```
/// use promethium_block::Ulid;
/// let id = Ulid::from_parts(1_717_200_000_000, 42);
/// assert_eq!(id.to_string().parse(), Ok(id));
/// assert_eq!(id.timestamp_ms(), 1_717_200_000_000);
/// assert!("01HZ0000000000000000000000.tmp".parse::<Ulid>().is_err());
/// ```
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Ulid(u128);

/// A text is not a [`Ulid`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a ULID")]
pub struct NotAUlid;

impl Ulid {
    /// All bits zero: Prometheus' parent of blocks that come from out-of-order data.
    pub const ZERO: Ulid = Ulid(0);

    /// Of a time and of random bits, of which the lower 80 are taken. Two names of one millisecond differ by their
    /// random bits alone.
    #[must_use]
    pub fn from_parts(timestamp_ms: u64, random: u128) -> Self {
        let random_mask = (1 << RANDOM_BITS) - 1;
        Ulid(u128::from(timestamp_ms) << RANDOM_BITS | random & random_mask)
    }

    /// When the name was made, milliseconds since the epoch.
    #[must_use]
    pub fn timestamp_ms(self) -> u64 {
        (self.0 >> RANDOM_BITS) as u64
    }
}

impl FromStr for Ulid {
    type Err = NotAUlid;

    /// Strict, as the names of directories are: 26 digits, upper or lower case, of at most 128 bits.
    fn from_str(text: &str) -> Result<Self, NotAUlid> {
        if text.len() != LEN || text.as_bytes().first().is_none_or(|first| *first > b'7') {
            return Err(NotAUlid);
        }
        let digit = |byte: u8| DIGITS.iter().position(|d| *d == byte.to_ascii_uppercase()).ok_or(NotAUlid);
        text.bytes().try_fold(0_u128, |bits, byte| Ok(bits << 5 | digit(byte)? as u128)).map(Ulid)
    }
}

impl fmt::Display for Ulid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text: String =
            (0..LEN).rev().map(|place| char::from(DIGITS[(self.0 >> (5 * place)) as usize & 31])).collect();
        f.pad(&text)
    }
}

impl fmt::Debug for Ulid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl Serialize for Ulid {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Ulid {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

/// Gives out names that ascend and do not repeat, from a seed.
#[derive(Clone, Debug)]
pub struct UlidSource {
    state: u64,
    last: Ulid,
}

impl UlidSource {
    /// Names whose random bits follow from `seed`: a fixed one for tests, one of the system's for a store.
    #[must_use]
    pub fn new(seed: u64) -> Self {
        UlidSource { state: seed, last: Ulid::ZERO }
    }

    /// The next name, made at `now_ms`; greater than all before, even when the clock stands still or goes back.
    pub fn next(&mut self, now_ms: i64) -> Ulid {
        let fresh = Ulid::from_parts(
            u64::try_from(now_ms).unwrap_or(0),
            u128::from(self.word()) << 64 | u128::from(self.word()),
        );
        self.last = fresh.max(Ulid(self.last.0.saturating_add(1)));
        self.last
    }

    /// SplitMix64.
    fn word(&mut self) -> u64 {
        self.state = self.state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.state;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_read_as_written() {
        let id: Ulid = "01M82KPJ7Z9K7764X04DQQ0MYM".parse().unwrap();
        assert_eq!(id.to_string(), "01M82KPJ7Z9K7764X04DQQ0MYM");
        assert_eq!(Ulid::ZERO.to_string(), "0".repeat(26));
        assert_eq!("7ZZZZZZZZZZZZZZZZZZZZZZZZZ".parse(), Ok(Ulid(u128::MAX)));
        for wrong in ["8ZZZZZZZZZZZZZZZZZZZZZZZZZ", "01M82KPJ7Z9K7764X04DQQ0MY", "01M82KPJ7Z9K7764X04DQQ0MYU", ""] {
            assert_eq!(wrong.parse::<Ulid>(), Err(NotAUlid));
        }
    }

    #[test]
    fn names_of_one_source_ascend() {
        let mut source = UlidSource::new(7);
        let names: Vec<Ulid> = [5, 5, 4, 6, -1].into_iter().map(|now| source.next(now)).collect();
        assert!(names.is_sorted_by(|a, b| a < b));
        assert_eq!(names[3].timestamp_ms(), 6);
    }
}
