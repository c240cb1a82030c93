//! Samples in step whose values change within one window: each takes as many bits as the one before, so that several are
//! found by one comparison and read from one load.
#![deny(clippy::indexing_slicing, clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use crate::bits::{BitReader, WINDOW};
use crate::value::Window;

/// Bits that say whether and how a sample changes.
const CONTROL_BITS: u32 = 3;
/// Bits of a new window.
const WINDOW_BITS: u32 = 11;
/// After so many changes in one window, further ones are expected in the next: of noisy values, whose runs are short, more would
/// be lost than is won by that.
const LONG_RUN: usize = 8;
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

/// What became of a value, its window and its reader, and the rows that were filled.
pub(super) struct Run<'a> {
    pub(super) bits: BitReader<'a>,
    pub(super) value: u64,
    pub(super) window: Window,
    pub(super) rows: usize,
}

/// Fills rows as long as the samples are in step and change within the window, or set another of which a load holds several
/// changes.
///
/// PERF: apart from the loops over samples, which have use for all registers.
#[inline(never)]
pub(super) fn change<'a, const CONTROL: u64>(
    mut pattern: &'static Pattern,
    bits: BitReader<'a>,
    value: u64,
    window: Window,
    floats: &mut [f64],
) -> Run<'a> {
    let mut run = Run { bits, value, window, rows: 0 };
    loop {
        let Some(left) = floats.get_mut(run.rows..) else { return run };
        let before = run.rows;
        // The number of turns is known to the compiler.
        let filled = match pattern.changes {
            2 => change_each::<CONTROL, 2>(*pattern, run, left),
            3 => change_each::<CONTROL, 3>(*pattern, run, left),
            4 => change_each::<CONTROL, 4>(*pattern, run, left),
            5 => change_each::<CONTROL, 5>(*pattern, run, left),
            _ => change_each::<CONTROL, { MOST as usize }>(*pattern, run, left),
        };
        let is_long = filled.rows.wrapping_sub(before) >= LONG_RUN;
        run = filled;
        if !is_long {
            return run;
        }
        match run.change_window::<CONTROL>(pattern, floats) {
            Some(next) => pattern = next,
            None => return run,
        }
    }
}

/// Fills as many rows at once as a load holds changes, as long as the pattern matches.
#[inline(always)]
fn change_each<'a, const CONTROL: u64, const N: usize>(pattern: Pattern, run: Run<'a>, floats: &mut [f64]) -> Run<'a> {
    let Run { mut bits, mut value, window, mut rows } = run;
    // A change is rotated to where it lies in a value.
    let (rotation, mask) = (window.leading().wrapping_sub(CONTROL_BITS), window.mask());
    for floats in floats.as_chunks_mut::<N>().0 {
        let load = bits.window();
        if !pattern.matches::<CONTROL>(load) {
            break;
        }
        bits.skip(pattern.bits.wrapping_mul(N as u32));
        let mut change = load.rotate_right(rotation);
        for v in floats {
            value ^= change & mask;
            change = change.rotate_left(pattern.bits);
            *v = f64::from_bits(value);
        }
        rows = rows.wrapping_add(N);
    }
    Run { bits, value, window, rows }
}

impl Run<'_> {
    /// Fills the rows of the changes that come before one that sets another window, and of that one; the pattern that it sets.
    /// `None` where something else comes.
    #[inline(always)]
    fn change_window<const CONTROL: u64>(&mut self, pattern: &Pattern, floats: &mut [f64]) -> Option<&'static Pattern> {
        let mut load = self.bits.window();
        let mut change = load.rotate_right(self.window.leading().wrapping_sub(CONTROL_BITS));
        let left = floats.get_mut(self.rows..)?;
        let mut at = 0;
        while load >> (64 - CONTROL_BITS) == CONTROL && at < left.len().min(pattern.changes()) {
            self.value ^= change & self.window.mask();
            (load, change) = (load << pattern.bits, change.rotate_left(pattern.bits));
            *left.get_mut(at)? = f64::from_bits(self.value);
            at += 1;
        }
        self.bits.skip(pattern.bits.wrapping_mul(at as u32));
        self.rows += at;
        let to = left.get_mut(at)?;
        let load = self.bits.window();
        if load >> (64 - CONTROL_BITS) != CONTROL + 1 {
            return None;
        }
        let window = Window::parse(load << CONTROL_BITS).ok()?;
        let pattern = Pattern::of(window)?;
        self.value ^= window.read_bits(load, CONTROL_BITS + WINDOW_BITS, &mut self.bits);
        self.window = window;
        *to = f64::from_bits(self.value);
        self.rows += 1;
        Some(pattern)
    }
}
