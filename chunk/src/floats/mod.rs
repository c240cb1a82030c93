//! What reading has in common for both encodings of floats: the newest sample, and the columns that are filled.
#![deny(clippy::indexing_slicing, clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod steady;

use crate::bits::BitReader;
use crate::error::Fault;
use crate::value::Window;

/// Samples that are read one by one before several are looked for that are alike; twice as many after each time that none
/// were found, but the first.
const ONE_BY_ONE: usize = 4;
/// The most often that this is doubled: a chunk counts fewer samples.
const MOST_DOUBLED: u32 = 12;
/// So many samples that are alike are a sign of more.
const MANY_ALIKE: usize = 9;

/// The newest sample, and what the next one is coded against.
#[derive(Clone, Copy, Default)]
pub(crate) struct Cursor {
    t: i64,
    delta: i64,
    /// In XOR2 that of the newest sample that is not stale.
    pub(crate) value: u64,
    /// That of the newest change.
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

    /// A sample that was taken to be in step, and is so much out of it.
    #[inline(always)]
    pub(crate) fn turn_from_step(&mut self, delta_of_delta: i64) {
        self.t = self.t.wrapping_sub(self.delta);
        self.turn(delta_of_delta);
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

/// Columns that are filled row by row: the values as they are read, the times of samples in step once it is known how many
/// these are.
pub(crate) struct Rows<'a> {
    timestamps: &'a mut [i64],
    floats: &'a mut [f64],
    /// Rows that have a value.
    at: usize,
    /// Rows that have a time.
    timed: usize,
}

impl<'a> Rows<'a> {
    /// Columns, which are equally long.
    pub(crate) fn new(timestamps: &'a mut [i64], floats: &'a mut [f64]) -> Self {
        Rows { timestamps, floats, at: 0, timed: 0 }
    }

    /// Rows that are still to be filled; no more are ever filled than there are.
    #[inline(always)]
    pub(crate) fn left(&self) -> usize {
        self.floats.len().wrapping_sub(self.at)
    }

    /// The value of the next row.
    #[inline(always)]
    pub(crate) fn put(&mut self, value: f64) {
        if let Some(v) = self.floats.get_mut(self.at) {
            *v = value;
        }
        self.at = self.at.wrapping_add(1);
    }

    /// Fills `run` rows, of which as many must be left, with one value.
    #[inline(always)]
    pub(crate) fn repeat(&mut self, value: f64, run: usize) {
        let end = self.at.saturating_add(run);
        if let Some(floats) = self.floats.get_mut(self.at..end) {
            fill(floats, value);
        }
        self.at = end;
    }

    /// The time of the next row, to which the cursor has come.
    #[inline(always)]
    pub(crate) fn begin(&mut self, cursor: &Cursor) {
        if let Some(t) = self.timestamps.get_mut(self.at) {
            *t = cursor.t;
        }
        self.timed = self.at.wrapping_add(1);
    }

    /// The time of the next row, which is out of step.
    #[inline]
    pub(crate) fn turn(&mut self, cursor: &mut Cursor, delta_of_delta: i64) {
        self.catch_up(cursor);
        cursor.turn(delta_of_delta);
        self.begin(cursor);
    }

    /// Gives the rows that have a value, and were in step, their times.
    #[inline(always)]
    fn catch_up(&mut self, cursor: &mut Cursor) {
        if self.timed < self.at
            && let Some(timestamps) = self.timestamps.get_mut(self.timed..self.at)
        {
            cursor.t = in_step(cursor.t, cursor.delta, timestamps);
            self.timed = self.at;
        }
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
        let mut misses = 0_u32;
        while self.left() > 0 {
            let until = self.at.saturating_add(ONE_BY_ONE << misses.saturating_sub(1).min(MOST_DOUBLED));
            while self.left() > 0 && self.at < until {
                read_some(bits, cursor, self)?;
            }
            let before = self.at;
            self.change_steadily::<CONTROL>(cursor, bits);
            misses = match self.at.wrapping_sub(before) {
                0 => misses.saturating_add(1),
                1..MANY_ALIKE => misses,
                _ => 0,
            };
        }
        self.catch_up(cursor);
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
        if let Some(floats) = self.floats.get_mut(self.at..) {
            let run = steady::change::<CONTROL>(pattern, bits.clone(), cursor.value, cursor.window, floats);
            (*bits, cursor.value) = (run.bits, run.value);
            cursor.window = run.window;
            self.at = self.at.wrapping_add(run.rows);
        }
    }
}

/// PERF: apart from the loops over samples. Inlined, its preparations for filling with vectors were carried out for each sample
/// that changes, a tenth of the time.
#[inline(never)]
fn fill(floats: &mut [f64], value: f64) {
    floats.fill(value);
}

/// Times in step; gives the last.
///
/// PERF: apart, as [`fill`] is.
#[inline(never)]
fn in_step(mut t: i64, delta: i64, timestamps: &mut [i64]) -> i64 {
    for to in timestamps {
        t = t.wrapping_add(delta);
        *to = t;
    }
    t
}
