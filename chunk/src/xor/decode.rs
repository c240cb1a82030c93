//! Reading XOR chunks into columns.
#![deny(
    clippy::indexing_slicing,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::arithmetic_side_effects
)]

use crate::bits::{BitReader, WINDOW, shifted};
use crate::error::Fault;
use crate::value::Window;

/// Time and value of the newest sample, and what the next one is coded against.
struct Cursor {
    t: i64,
    delta: i64,
    value: u64,
    window: Window,
}

/// Fills both columns, which are equally long. The window that the next change may lie in.
pub(crate) fn decode_columns(
    bits: &mut BitReader<'_>,
    timestamps: &mut [i64],
    floats: &mut [f64],
) -> Result<Window, Fault> {
    let mut rows = timestamps.iter_mut().zip(floats);
    let Some((t, v)) = rows.next() else { return Ok(Window::default()) };
    let mut cursor = first(bits);
    (*t, *v) = cursor.sample();
    let Some((t, v)) = rows.next() else { return Ok(cursor.window) };
    second(bits, &mut cursor)?;
    (*t, *v) = cursor.sample();
    while rows.len() > 0 {
        let window = bits.window();
        if window >> 62 != 0 {
            next(window, bits, &mut cursor)?;
            if let Some((t, v)) = rows.next() {
                (*t, *v) = cursor.sample();
            }
            continue;
        }
        let run = unchanged_samples(window).min(rows.len());
        bits.skip((run as u32).wrapping_mul(2));
        for (t, v) in rows.by_ref().take(run) {
            cursor.t = cursor.t.wrapping_add(cursor.delta);
            (*t, *v) = cursor.sample();
        }
    }
    Ok(cursor.window)
}

/// How many of the next samples are in step and have the value before: each is two zeros.
#[inline(always)]
fn unchanged_samples(window: u64) -> usize {
    (window.leading_zeros().min(WINDOW) / 2) as usize
}

impl Cursor {
    #[inline(always)]
    fn step(&mut self, delta_of_delta: i64) {
        self.delta = self.delta.wrapping_add(delta_of_delta);
        self.t = self.t.wrapping_add(self.delta);
    }

    #[inline(always)]
    fn sample(&self) -> (i64, f64) {
        (self.t, f64::from_bits(self.value))
    }
}

fn first(bits: &mut BitReader<'_>) -> Cursor {
    Cursor { t: bits.varint(), delta: 0, value: bits.read(64), window: Window::default() }
}

fn second(bits: &mut BitReader<'_>, cursor: &mut Cursor) -> Result<(), Fault> {
    cursor.step(bits.uvarint() as i64);
    value(bits, cursor)
}

/// Reads one sample, which is not in step or has not the value before.
#[inline(always)]
fn next(window: u64, bits: &mut BitReader<'_>, cursor: &mut Cursor) -> Result<(), Fault> {
    if window >> 63 == 1 {
        let dod = delta_of_delta(window, bits);
        cursor.step(dod);
        return value(bits, cursor);
    }
    cursor.step(0);
    let mut behind = 3;
    if window >> 61 == 3 {
        cursor.window = Window::parse(window << 3)?;
        behind = 14;
    }
    cursor.value ^= cursor.window.read_bits(window, behind, bits);
    Ok(())
}

/// A delta of deltas that is not 0.
#[inline(always)]
fn delta_of_delta(window: u64, bits: &mut BitReader<'_>) -> i64 {
    let (prefix, n): (u32, u32) = match (!window).leading_zeros() {
        1 => (2, 14),
        2 => (3, 17),
        3 => (4, 20),
        _ => {
            bits.skip(4);
            return bits.read(64) as i64;
        }
    };
    bits.skip(n.wrapping_add(prefix));
    shifted(window << prefix >> 64_u32.wrapping_sub(n), n)
}

/// A value with its control bits.
#[inline(always)]
fn value(bits: &mut BitReader<'_>, cursor: &mut Cursor) -> Result<(), Fault> {
    let window = bits.window();
    if window >> 63 == 0 {
        bits.skip(1);
        return Ok(());
    }
    let mut behind = 2;
    if window >> 62 == 3 {
        cursor.window = Window::parse(window << 2)?;
        behind = 13;
    }
    cursor.value ^= cursor.window.read_bits(window, behind, bits);
    Ok(())
}
