//! Which requests are short, by how long their like took before.

use std::hash::{BuildHasher, Hasher, RandomState};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use crate::request::ApiRequest;

/// Requests that are remembered; a table of so many words.
const SLOTS: usize = 4_096;
/// What took longer than this was not short.
const SHORT: Duration = Duration::from_micros(400);
/// Bits of a slot that tell requests apart; the others hold microseconds.
const TAG: u64 = 0xffff_ffff_0000_0000;

/// How long requests took, by all that they say but for the time they ask about. Each slot holds the newest request that
/// fell on it: a collision costs what an unknown request costs.
pub(super) struct Familiar {
    slots: Box<[AtomicU64]>,
    hashes: RandomState,
}

/// A request as the table knows it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Likeness(u64);

impl Familiar {
    pub(super) fn new() -> Self {
        let slots = (0..SLOTS).map(|_| AtomicU64::new(u64::from(u32::MAX))).collect();
        Familiar { slots, hashes: RandomState::new() }
    }

    pub(super) fn likeness(&self, request: &ApiRequest) -> Likeness {
        let mut hasher = self.hashes.build_hasher();
        hasher.write(request.path());
        for (name, value) in request.parameters().filter(|(name, _)| !moves_on(name)) {
            hasher.write(name.as_bytes());
            hasher.write_u8(0xff);
            hasher.write(value.as_bytes());
            hasher.write_u8(0xff);
        }
        Likeness(hasher.finish())
    }

    /// Whether the newest of its like was short.
    pub(super) fn is_short(&self, like: Likeness) -> bool {
        let known = self.slot(like).load(Ordering::Relaxed);
        known & TAG == like.0 & TAG && u128::from(known & !TAG) <= SHORT.as_micros()
    }

    pub(super) fn note(&self, like: Likeness, took: Duration) {
        let micros = u32::try_from(took.as_micros()).unwrap_or(u32::MAX);
        self.slot(like).store(like.0 & TAG | u64::from(micros), Ordering::Relaxed);
    }

    fn slot(&self, like: Likeness) -> &AtomicU64 {
        &self.slots[like.0 as usize % SLOTS]
    }
}

/// What differs each time a dashboard asks the same.
fn moves_on(parameter: &str) -> bool {
    matches!(parameter, "time" | "start" | "end" | "timeout")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::request::Method;

    #[test]
    fn a_request_is_known_by_all_but_its_times() {
        let familiar = Familiar::new();
        let like = |target: &str| familiar.likeness(&ApiRequest::new(Method::Get, target));
        let asked = like("/api/v1/query_range?query=up&start=1&end=2&step=15");
        assert_eq!(asked, like("/api/v1/query_range?query=up&start=5&end=6&step=15"));
        for other in ["query_range?query=up&step=30", "query_range?query=down&step=15", "query?query=up&step=15"] {
            assert_ne!(asked, like(&format!("/api/v1/{other}")), "{other}");
        }
    }

    #[test]
    fn the_newest_time_decides() {
        let familiar = Familiar::new();
        let like = familiar.likeness(&ApiRequest::new(Method::Get, "/api/v1/labels"));
        assert!(!familiar.is_short(like), "unknown");
        familiar.note(like, Duration::from_micros(90));
        assert!(familiar.is_short(like));
        familiar.note(like, Duration::from_millis(3));
        assert!(!familiar.is_short(like));
        familiar.note(like, Duration::from_secs(1 << 40));
        assert!(!familiar.is_short(like));
    }
}
