//! When a target is scraped.

use promethium_model::Labels;

const NS_PER_MS: u64 = 1_000_000;
// A scrape that starts at most this much after its time is dated at its time.
const MAX_TOLERANCE_MS: i64 = 2;

/// A grid of scrape times.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Schedule {
    interval_ms: i64,
    due_ms: i64,
}

impl Schedule {
    /// The first scrape is due at the first point after `now_ms` of a grid that the target's hash and the seed shift.
    pub(crate) fn spread(interval_ms: i64, hash: u64, now_ms: i64) -> Self {
        let interval_ns = interval_ms.unsigned_abs().saturating_mul(NS_PER_MS).max(1);
        let offset_ms = i64::try_from(hash % interval_ns / NS_PER_MS).unwrap_or(0);
        let since_point = now_ms.saturating_sub(offset_ms).rem_euclid(interval_ms);
        Schedule { interval_ms, due_ms: now_ms.saturating_sub(since_point).saturating_add(interval_ms) }
    }

    /// The first scrape is due at `now_ms`.
    pub(crate) fn at_once(interval_ms: i64, now_ms: i64) -> Self {
        Schedule { interval_ms, due_ms: now_ms }
    }

    pub(crate) fn due_ms(&self) -> i64 {
        self.due_ms
    }

    /// The timestamp of a scrape that starts now: its due time when it is barely late.
    pub(crate) fn timestamp_ms(&self, now_ms: i64) -> i64 {
        let late_ms = now_ms.saturating_sub(self.due_ms);
        let tolerance_ms = (self.interval_ms / 100).min(MAX_TOLERANCE_MS);
        if (0..=tolerance_ms).contains(&late_ms) { self.due_ms } else { now_ms }
    }

    /// Goes on to the first point after `now_ms`; points that were missed are not made up for.
    pub(crate) fn pass(&mut self, now_ms: i64) {
        if now_ms < self.due_ms {
            return;
        }
        let since_point = now_ms.saturating_sub(self.due_ms).rem_euclid(self.interval_ms);
        self.due_ms = now_ms.saturating_sub(since_point).saturating_add(self.interval_ms);
    }
}

/// The hash that places a target in the interval: FNV-1a 64 of the label hash in decimal, padded to sixteen digits,
/// and the URL, as in Prometheus. `labels` are all of the target's.
pub(crate) fn target_hash(labels: &Labels, url: &str) -> u64 {
    fnv1a(format!("{:016}{url}", labels.hash()).as_bytes())
}

fn fnv1a(bytes: &[u8]) -> u64 {
    let step = |hash: u64, byte: &u8| (hash ^ u64::from(*byte)).wrapping_mul(0x0000_0100_0000_01b3);
    bytes.iter().fold(0xcbf2_9ce4_8422_2325, step)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fnv_vectors() {
        assert_eq!(fnv1a(b""), 0xcbf2_9ce4_8422_2325);
        assert_eq!(fnv1a(b"a"), 0xaf63_dc4c_8601_ec8c);
        assert_eq!(fnv1a(b"foobar"), 0x8594_4171_f739_67e8);
    }

    #[test]
    fn the_grid_depends_on_the_hash_and_not_on_the_start() {
        // 3.7 ms into each 10 ms.
        let hash = 10_000_000 * 12 + 3_700_000;
        for time_ms in 13..23 {
            assert_eq!(Schedule::spread(10, hash, time_ms).due_ms(), 23, "{time_ms}");
        }
        assert_eq!(Schedule::spread(10, hash, 23).due_ms(), 33);
        assert_eq!(Schedule::spread(10, hash, -8).due_ms(), -7);
    }

    #[test]
    fn missed_points_are_not_made_up() {
        let mut schedule = Schedule::at_once(1_000, 5_000);
        schedule.pass(5_000);
        assert_eq!(schedule.due_ms(), 6_000);
        schedule.pass(5_500);
        assert_eq!(schedule.due_ms(), 6_000);
        schedule.pass(9_100);
        assert_eq!(schedule.due_ms(), 10_000);
    }

    #[test]
    fn barely_late_scrapes_keep_to_the_grid() {
        let schedule = Schedule::at_once(1_000, 5_000);
        assert_eq!(schedule.timestamp_ms(5_000), 5_000);
        assert_eq!(schedule.timestamp_ms(5_002), 5_000);
        assert_eq!(schedule.timestamp_ms(5_003), 5_003);
        assert_eq!(Schedule::at_once(100, 5_000).timestamp_ms(5_002), 5_002);
    }
}
