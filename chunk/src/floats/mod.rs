//! What reading has in common for both encodings of floats: the newest sample, and the columns that are filled.
#![deny(clippy::indexing_slicing, clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod steady;

use crate::bits::BitReader;
use crate::error::Fault;
use crate::value::Window;

/// Samples that are read one by one before several are looked for that are alike.
const ONE_BY_ONE: usize = 4;

/// The newest sample, and what the next one is coded against.
#[derive(Clone, Copy, Default)]
pub(crate) struct Cursor {
    t: i64,
    delta: i64,
    /// In XOR2 that of the newest sample that is not stale.
    pub(crate) value: u64,
    pub(crate) window: Window,
    /// The largest difference so far, less one: zero and negative ones are beyond all others.
    widest: u64,
}

impl Cursor {
    /// The first sample.
    #[inline(always)]
    pub(crate) fn first(bits: &mut BitReader<'_>) -> Self {
        Cursor { t: bits.varint(), value: bits.read(64), ..Cursor::default() }
    }

    /// A sample in step.
    #[inline(always)]
    pub(crate) fn step(&mut self) {
        self.t = self.t.wrapping_add(self.delta);
    }

    /// A sample that is so much out of step.
    #[inline(always)]
    pub(crate) fn turn(&mut self, delta_of_delta: i64) {
        self.delta = self.delta.wrapping_add(delta_of_delta);
        self.widest = self.widest.max((self.delta as u64).wrapping_sub(1));
        self.step();
    }

    #[inline(always)]
    pub(crate) fn timestamp(&self) -> i64 {
        self.t
    }

    #[inline(always)]
    pub(crate) fn value(&self) -> f64 {
        f64::from_bits(self.value)
    }

    /// Whether the timestamps ascend from the first one on, which is known where no difference was too small or so large that
    /// times may have wrapped around.
    pub(crate) fn surely_ascends(&self, first: i64) -> bool {
        // A chunk counts fewer than 2^16 samples.
        const WIDEST: u64 = 1 << 46;
        const FARTHEST: u64 = 1 << 62;
        self.widest < WIDEST && first.unsigned_abs() < FARTHEST
    }
}

/// Columns that are filled row by row.
pub(crate) struct Rows<'a> {
    timestamps: &'a mut [i64],
    floats: &'a mut [f64],
    at: usize,
    len: usize,
}

impl<'a> Rows<'a> {
    /// Columns, which are equally long.
    pub(crate) fn new(timestamps: &'a mut [i64], floats: &'a mut [f64]) -> Self {
        let len = timestamps.len().min(floats.len());
        Rows { timestamps, floats, at: 0, len }
    }

    /// Rows that are still to be filled.
    #[inline(always)]
    pub(crate) fn left(&self) -> usize {
        self.len.saturating_sub(self.at)
    }

    #[inline(always)]
    pub(crate) fn put(&mut self, timestamp: i64, value: f64) {
        if let (Some(t), Some(v)) = (self.timestamps.get_mut(self.at), self.floats.get_mut(self.at)) {
            (*t, *v) = (timestamp, value);
        }
        self.at = self.at.wrapping_add(1);
    }

    /// Fills `run` rows, of which as many must be left, with samples in step that have the cursor's value.
    #[inline(always)]
    pub(crate) fn repeat(&mut self, cursor: &mut Cursor, run: usize) {
        let end = self.at.saturating_add(run);
        if let (Some(t), Some(v)) = (self.timestamps.get_mut(self.at..end), self.floats.get_mut(self.at..end)) {
            cursor.t = repeat(cursor.t, cursor.delta, cursor.value(), t, v);
        }
        self.at = end;
    }

    /// Fills all rows that are left. `read_some` reads a sample, or a run of samples that change nothing; `CONTROL` is the three
    /// bits of a sample in step that changes the value in the same window.
    #[inline(always)]
    pub(crate) fn fill<const CONTROL: u64>(
        &mut self,
        cursor: &mut Cursor,
        bits: &mut BitReader<'_>,
        mut read_some: impl FnMut(&mut BitReader<'_>, &mut Cursor, &mut Rows<'_>) -> Result<(), Fault>,
    ) -> Result<(), Fault> {
        while self.left() > 0 {
            let then_left = self.left().saturating_sub(ONE_BY_ONE);
            while self.left() > then_left {
                read_some(bits, cursor, self)?;
            }
            self.change_steadily::<CONTROL>(cursor, bits);
        }
        Ok(())
    }

    /// Fills rows with samples in step, each of which changes the value within the cursor's window, as long as the bits say so
    /// for several at once.
    #[inline(always)]
    fn change_steadily<const CONTROL: u64>(&mut self, cursor: &mut Cursor, bits: &mut BitReader<'_>) {
        let Some(pattern) = steady::Pattern::of(cursor.window) else { return };
        if self.left() < pattern.changes() || !pattern.matches::<CONTROL>(bits.window()) {
            return;
        }
        let left = (self.timestamps.get_mut(self.at..self.len), self.floats.get_mut(self.at..self.len));
        if let (Some(t), Some(v)) = left {
            let run = steady::change::<CONTROL>(pattern, bits.clone(), *cursor, t, v);
            (*bits, cursor.t, cursor.value) = (run.bits, run.t, run.value);
            self.at = self.at.wrapping_add(run.rows);
        }
    }
}

/// Gives the last timestamp.
///
/// PERF: apart from the loops over samples. Inlined, its preparations for filling with vectors were carried out for each sample
/// that changes, a tenth of the time.
#[inline(never)]
fn repeat(mut t: i64, delta: i64, value: f64, timestamps: &mut [i64], floats: &mut [f64]) -> i64 {
    floats.fill(value);
    for to in timestamps {
        t = t.wrapping_add(delta);
        *to = t;
    }
    t
}
