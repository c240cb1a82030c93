//! Series with neighbouring references, side by side: what appends need of each of them.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicI64, Ordering};

use parking_lot::{MappedMutexGuard, Mutex, MutexGuard};

use super::directory::PAGE_SERIES;
use super::series::SeriesState;
use crate::prefetch::prefetch;

/// The samples of 256 series with neighbouring references, and the time of the newest in order of each.
///
/// PERF: a transaction asks thousands of series in turn, and each has left the cache since the last time. The times are eight to a
/// cache line, and what lies side by side is fetched ahead by the processor. A lock of its own for each series, taken and given back
/// in turn, was a sixth of an append: the processor finishes with one series before it begins with the next.
pub(crate) struct Neighbours {
    newest: [AtomicI64; PAGE_SERIES],
    /// Made as they are needed: references of which most are gone leave few.
    rows: [OnceLock<Box<Row>>; PAGE_SERIES / ROW_SERIES],
}

pub(crate) const ROW_SERIES: usize = 16;

/// The samples of a few series, behind one lock. Nobody locks two series at a time.
pub(crate) type Row = Mutex<[SeriesState; ROW_SERIES]>;
pub(crate) type SamplesGuard<'a> = MappedMutexGuard<'a, SeriesState>;

/// No sample has this time.
const NEVER: i64 = i64::MIN;

impl Default for Neighbours {
    fn default() -> Self {
        Neighbours {
            newest: [const { AtomicI64::new(NEVER) }; PAGE_SERIES],
            rows: [const { OnceLock::new() }; PAGE_SERIES / ROW_SERIES],
        }
    }
}

impl Neighbours {
    /// Whether a series has samples in order, all of which are older than `t_ms`; surely so where it says yes.
    #[inline(always)]
    pub(crate) fn is_before(&self, at: u8, t_ms: i64) -> bool {
        let newest_ms = self.newest[usize::from(at)].load(Ordering::Acquire);
        newest_ms != NEVER && newest_ms < t_ms
    }

    /// The time of the newest sample in order of one series.
    #[inline]
    pub(crate) fn newest_ms(&self, at: u8) -> Option<i64> {
        Some(self.newest[usize::from(at)].load(Ordering::Acquire)).filter(|t_ms| *t_ms != NEVER)
    }

    #[inline(always)]
    pub(crate) fn set_newest(&self, at: u8, newest_ms: Option<i64>) {
        self.newest[usize::from(at)].store(newest_ms.unwrap_or(NEVER), Ordering::Release);
    }

    /// The row that a series is in; `None` where none of it was ever there.
    #[inline(always)]
    pub(crate) fn row(&self, at: u8) -> Option<&Row> {
        self.rows[usize::from(at) / ROW_SERIES].get().map(|row| &**row)
    }

    /// Asks for the memory of a series' samples.
    #[inline(always)]
    pub(crate) fn prefetch(row: &Row, at: u8) {
        prefetch(row.data_ptr().cast::<SeriesState>().wrapping_add(usize::from(at) % ROW_SERIES));
    }

    /// The samples of a series; `None` where neither it nor a close neighbour was ever there.
    pub(crate) fn lock(&self, at: u8) -> Option<SamplesGuard<'_>> {
        let row = self.row(at)?.lock();
        Some(MutexGuard::map(row, |row| &mut row[usize::from(at) % ROW_SERIES]))
    }

    /// Makes room for a series.
    pub(crate) fn add(&self, at: u8) {
        let row = usize::from(at) / ROW_SERIES;
        self.rows[row].get_or_init(Box::default);
    }
}
