//! Samples in step whose values change within one window: each takes as many bits as the one before, so that several are
//! found by one comparison and read from one load.
#![deny(clippy::indexing_slicing, clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use super::Cursor;
use crate::bits::{BitReader, WINDOW};
use crate::value::Window;

/// Bits that say whether and how a sample changes.
const CONTROL_BITS: u32 = 3;
/// Changes that are read from one load: at least two, and no more than so many.
const MOST: u32 = 6;
/// The most significant bits of which a load holds two.
const WIDEST: usize = (WINDOW / 2 - CONTROL_BITS) as usize;

/// Where changes of one width begin in a load.
#[derive(Clone, Copy)]
pub(super) struct Pattern {
    /// The last control bit of each change.
    ones: u64,
    /// Bits of a change.
    bits: u32,
    changes: u32,
}

/// By significant bits.
static PATTERNS: [Pattern; WIDEST + 1] = patterns();

#[expect(clippy::indexing_slicing, reason = "evaluated by the compiler")]
const fn patterns() -> [Pattern; WIDEST + 1] {
    let mut patterns = [Pattern { ones: 0, bits: 0, changes: 0 }; WIDEST + 1];
    let mut significant = 0;
    while significant <= WIDEST {
        let bits = CONTROL_BITS + significant as u32;
        let mut pattern = Pattern { ones: 0, bits, changes: 0 };
        while pattern.changes < MOST && (pattern.changes + 1) * bits <= WINDOW {
            pattern.ones |= 1 << (64 - CONTROL_BITS - pattern.changes * bits);
            pattern.changes += 1;
        }
        patterns[significant] = pattern;
        significant += 1;
    }
    patterns
}

impl Pattern {
    /// `None` where a load does not hold several changes.
    #[inline(always)]
    pub(super) fn of(window: Window) -> Option<&'static Pattern> {
        PATTERNS.get(window.significant() as usize)
    }

    #[inline(always)]
    pub(super) fn changes(&self) -> usize {
        self.changes as usize
    }

    /// Whether all changes that the bits hold begin with `CONTROL`.
    #[inline(always)]
    pub(super) fn matches<const CONTROL: u64>(&self, bits: u64) -> bool {
        let all = (1 << CONTROL_BITS) - 1;
        bits & self.ones.wrapping_mul(all) == self.ones.wrapping_mul(CONTROL)
    }
}

/// What became of a cursor and its reader, and the rows that were filled.
pub(super) struct Run<'a> {
    pub(super) bits: BitReader<'a>,
    pub(super) t: i64,
    pub(super) value: u64,
    pub(super) rows: usize,
}

/// Fills the rows, which are equally many in both columns, as long as the pattern matches.
///
/// PERF: apart from the loops over samples, which have use for all registers.
#[inline(never)]
pub(super) fn change<'a, const CONTROL: u64>(
    pattern: &Pattern,
    bits: BitReader<'a>,
    cursor: Cursor,
    timestamps: &mut [i64],
    floats: &mut [f64],
) -> Run<'a> {
    // The number of turns is known to the compiler.
    match pattern.changes {
        2 => change_each::<CONTROL, 2>(pattern, bits, cursor, timestamps, floats),
        3 => change_each::<CONTROL, 3>(pattern, bits, cursor, timestamps, floats),
        4 => change_each::<CONTROL, 4>(pattern, bits, cursor, timestamps, floats),
        5 => change_each::<CONTROL, 5>(pattern, bits, cursor, timestamps, floats),
        _ => change_each::<CONTROL, { MOST as usize }>(pattern, bits, cursor, timestamps, floats),
    }
}

#[inline(always)]
fn change_each<'a, const CONTROL: u64, const N: usize>(
    pattern: &Pattern,
    mut bits: BitReader<'a>,
    Cursor { mut t, delta, mut value, window, .. }: Cursor,
    timestamps: &mut [i64],
    floats: &mut [f64],
) -> Run<'a> {
    // A change is rotated to where it lies in a value.
    let (rotation, mask) = (window.leading().wrapping_sub(CONTROL_BITS), window.mask());
    let mut rows = 0_usize;
    for (timestamps, floats) in timestamps.as_chunks_mut::<N>().0.iter_mut().zip(floats.as_chunks_mut::<N>().0) {
        let load = bits.window();
        if !pattern.matches::<CONTROL>(load) {
            break;
        }
        bits.skip(pattern.bits.wrapping_mul(N as u32));
        let mut change = load.rotate_right(rotation);
        for (to, v) in timestamps.iter_mut().zip(floats) {
            t = t.wrapping_add(delta);
            value ^= change & mask;
            change = change.rotate_left(pattern.bits);
            (*to, *v) = (t, f64::from_bits(value));
        }
        rows = rows.wrapping_add(N);
    }
    Run { bits, t, value, rows }
}
