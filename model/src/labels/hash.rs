//! The observable label hash.

use xxhash_rust::xxh64::xxh64;

use super::Labels;

impl Labels {
    /// XXH64 with seed 0 over the packed labels: the value behind `limit_ratio`, target offsets and rule group offsets
    /// in Prometheus' default build.
    #[must_use]
    pub fn hash(&self) -> u64 {
        xxh64(self.as_packed(), 0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn layout_is_length_prefixed() {
        let l = Labels::from_pairs([("a", "b")]);
        assert_eq!(l.as_packed(), [1, b'a', 1, b'b']);
        assert_eq!(l.hash(), xxh64(&[1, b'a', 1, b'b'], 0));
        assert_eq!(Labels::empty().hash(), 0xef46_db37_51d8_e999);
    }
}
