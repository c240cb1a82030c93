//! When a group is evaluated: every interval, shifted by a hash of its file and name.

use xxhash_rust::xxh64::xxh64;

const NANOS_PER_MILLI: i64 = 1_000_000;

/// The evaluation times of one group: `k × interval + offset`, in nanoseconds since the epoch, so that groups spread
/// over the interval and keep their places over restarts and between servers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Grid {
    interval_ns: i64,
    offset_ns: i64,
}

/// A grid point, nanoseconds since the epoch.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Slot(i64);

impl Slot {
    /// The timestamp that results carry.
    pub(crate) fn timestamp_ms(self) -> i64 {
        self.0.div_euclid(NANOS_PER_MILLI)
    }
}

impl Grid {
    /// The grid of group `name` in `file`. Intervals below 1 ms count as 1 ms, above 100 years as 100 years.
    #[must_use]
    pub fn new(file: &str, name: &str, interval_ms: i64) -> Self {
        const LONGEST_MS: i64 = 100 * 365 * 24 * 3_600_000;
        let interval_ns = interval_ms.clamp(1, LONGEST_MS) * NANOS_PER_MILLI;
        let offset_ns = (group_hash(file, name) % interval_ns.unsigned_abs()) as i64;
        Grid { interval_ns, offset_ns }
    }

    /// How far the grid is shifted, nanoseconds.
    #[must_use]
    pub fn offset_ns(&self) -> i64 {
        self.offset_ns
    }

    /// The newest evaluation time that has come at `now_ms`, milliseconds since the epoch.
    #[must_use]
    pub fn newest_ms(&self, now_ms: i64) -> i64 {
        self.newest(now_ms).timestamp_ms()
    }

    pub(crate) fn newest(&self, now_ms: i64) -> Slot {
        let now_ns = now_ms.saturating_mul(NANOS_PER_MILLI);
        let steps = now_ns.saturating_sub(self.offset_ns).div_euclid(self.interval_ns);
        Slot(steps.saturating_mul(self.interval_ns).saturating_add(self.offset_ns))
    }

    /// The first millisecond at which the slot after `last` has come.
    pub(crate) fn due_after_ms(&self, last: Slot) -> i64 {
        let next = last.0.saturating_add(self.interval_ns);
        next.div_euclid(NANOS_PER_MILLI) + i64::from(next.rem_euclid(NANOS_PER_MILLI) > 0)
    }

    /// What is due at `now_ms` when `last` was run last: the newest slot that has come, with the number of slots that
    /// were skipped. A clock that was set back by more than an interval starts a new count.
    pub(crate) fn due(&self, last: Slot, now_ms: i64) -> Option<(Slot, u64)> {
        let newest = self.newest(now_ms);
        let ahead_ns = newest.0.saturating_sub(last.0);
        if ahead_ns > 0 {
            let skipped = ahead_ns / self.interval_ns - 1;
            return Some((newest, skipped.max(0).unsigned_abs()));
        }
        (ahead_ns < -self.interval_ns).then_some((newest, 0))
    }
}

/// XXH64 with seed 0 over the packed labels `{file=…, name=…}`. Written out here, because a label set would drop an
/// empty file name.
fn group_hash(file: &str, name: &str) -> u64 {
    let mut packed = Vec::with_capacity(file.len() + name.len() + 16);
    for text in ["file", file, "name", name] {
        push_packed(&mut packed, text);
    }
    xxh64(&packed, 0)
}

fn push_packed(packed: &mut Vec<u8>, text: &str) {
    match u8::try_from(text.len()) {
        Ok(len) if len < 255 => packed.push(len),
        _ => {
            packed.push(255);
            packed.extend_from_slice(&(text.len() as u32).to_le_bytes()[..3]);
        }
    }
    packed.extend_from_slice(text.as_bytes());
}

#[cfg(test)]
mod tests {
    use super::*;
    use promethium_model::Labels;
    use proptest::prelude::*;

    #[test]
    fn the_offset_is_the_hash_of_the_packed_labels() {
        for (file, name) in [("rules.yml", "g"), ("/etc/prometheus/a.yml", "node"), (&"d/".repeat(200), "long")] {
            let labels = Labels::from_pairs([("file", file), ("name", name)]);
            let expected = labels.hash() % 60_000_000_000;
            assert_eq!(Grid::new(file, name, 60_000).offset_ns() as u64, expected);
        }
        // The layout, byte by byte: length, text, four times; an empty file name keeps its place.
        let packed = b"\x04file\x00\x04name\x01g";
        assert_eq!(group_hash("", "g"), xxh64(packed, 0));
    }

    #[test]
    fn a_late_tick_takes_the_newest_slot_and_counts_the_skipped() {
        let grid = Grid::new("f", "g", 1_000);
        let start = grid.newest(100_000);
        let due_ms = grid.due_after_ms(start);
        assert_eq!(grid.due(start, due_ms - 1), None);
        let (next, skipped) = grid.due(start, due_ms).unwrap();
        assert_eq!((next.0 - start.0, skipped), (1_000_000_000, 0));
        let (late, skipped) = grid.due(start, due_ms + 3_500).unwrap();
        assert_eq!((late.0 - start.0, skipped), (4_000_000_000, 3));
        // A small step back waits; a large one counts anew.
        assert_eq!(grid.due(late, due_ms + 2_600), None);
        assert!(grid.due(late, due_ms - 10_000).is_some());
    }

    proptest! {
        #[test]
        fn slots_lie_on_the_grid(name in "[a-z]{1,8}", interval_ms in 1i64..100_000_000, now_ms in -1i64..4_000_000_000_000) {
            let grid = Grid::new("rules.yml", &name, interval_ms);
            let slot = grid.newest(now_ms);
            let now_ns = now_ms * NANOS_PER_MILLI;
            prop_assert!(slot.0 <= now_ns && now_ns - slot.0 < grid.interval_ns);
            prop_assert_eq!((slot.0 - grid.offset_ns).rem_euclid(grid.interval_ns), 0);
            let due_ms = grid.due_after_ms(slot);
            prop_assert_eq!(grid.newest(due_ms).0, slot.0 + grid.interval_ns);
            prop_assert_eq!(grid.newest(due_ms - 1), slot);
        }
    }
}
