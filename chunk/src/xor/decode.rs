//! Reading XOR chunks into columns.
#![deny(
    clippy::indexing_slicing,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::arithmetic_side_effects
)]

use crate::bits::{BitReader, shifted};
use crate::error::Fault;
use crate::value::Window;

/// Time and value of the newest sample, and what the next one is coded against.
struct Cursor {
    t: i64,
    delta: i64,
    value: u64,
    window: Window,
    ascending: bool,
}

/// Fills both columns, which are equally long.
pub(crate) fn decode_columns(mut bits: BitReader<'_>, timestamps: &mut [i64], floats: &mut [f64]) -> Result<(), Fault> {
    let mut left = timestamps.len();
    let mut rows = timestamps.iter_mut().zip(floats);
    let mut put = |cursor: &Cursor| {
        if let Some((t, v)) = rows.next() {
            (*t, *v) = (cursor.t, f64::from_bits(cursor.value));
        }
    };
    if left == 0 {
        return Ok(());
    }
    let mut cursor = first(&mut bits);
    put(&cursor);
    if left > 1 {
        second(&mut bits, &mut cursor)?;
        put(&cursor);
    }
    left = left.saturating_sub(2);
    while left > 0 {
        bits.refill();
        let unchanged = unchanged_samples(&bits).min(left);
        if unchanged == 0 {
            next(&mut bits, &mut cursor)?;
            put(&cursor);
            left = left.wrapping_sub(1);
            continue;
        }
        bits.skip((unchanged as u32).wrapping_mul(2));
        left = left.wrapping_sub(unchanged);
        for _ in 0..unchanged {
            cursor.step(0);
            put(&cursor);
        }
    }
    match (bits.left() < 0, cursor.ascending) {
        (true, _) => Err(Fault::Overrun),
        (_, false) => Err(Fault::NotAscending),
        _ => Ok(()),
    }
}

/// How many of the next samples are in step and have the value before: each is two zeros. Asks of the refilled bits.
#[inline(always)]
fn unchanged_samples(bits: &BitReader<'_>) -> usize {
    (bits.peek().leading_zeros().min(BitReader::REFILLED) / 2) as usize
}

impl Cursor {
    #[inline(always)]
    fn step(&mut self, delta_of_delta: i64) {
        self.delta = self.delta.wrapping_add(delta_of_delta);
        let next = self.t.wrapping_add(self.delta);
        self.ascending &= next > self.t;
        self.t = next;
    }
}

fn first(bits: &mut BitReader<'_>) -> Cursor {
    Cursor { t: bits.varint(), delta: 0, value: bits.read(64), window: Window::default(), ascending: true }
}

fn second(bits: &mut BitReader<'_>, cursor: &mut Cursor) -> Result<(), Fault> {
    cursor.step(bits.uvarint() as i64);
    bits.refill();
    value(bits, cursor)
}

/// Reads one sample of the refilled bits.
#[inline(always)]
fn next(bits: &mut BitReader<'_>, cursor: &mut Cursor) -> Result<(), Fault> {
    if bits.peek() >> 63 == 0 {
        // In step, and the value changed: three bits are known.
        let is_new = bits.take(3) & 1 == 1;
        cursor.step(0);
        return change(bits, cursor, is_new);
    }
    let dod = delta_of_delta(bits);
    cursor.step(dod);
    bits.refill();
    value(bits, cursor)
}

/// Takes at most 24 bits of the refilled window, unless 64 raw ones follow; it is not 0.
#[inline(always)]
fn delta_of_delta(bits: &mut BitReader<'_>) -> i64 {
    let n = match (!bits.peek()).leading_zeros() {
        1 => 14,
        2 => 17,
        3 => 20,
        _ => {
            bits.skip(4);
            return bits.read(64) as i64;
        }
    };
    bits.skip(n / 3 - 2);
    shifted(bits.take(n), n)
}

/// A value with its control bits; they were refilled.
#[inline(always)]
fn value(bits: &mut BitReader<'_>, cursor: &mut Cursor) -> Result<(), Fault> {
    let control = bits.peek() >> 62;
    if control < 2 {
        bits.skip(1);
        return Ok(());
    }
    bits.skip(2);
    change(bits, cursor, control == 3)
}

#[inline(always)]
fn change(bits: &mut BitReader<'_>, cursor: &mut Cursor, is_new: bool) -> Result<(), Fault> {
    if is_new {
        cursor.window = Window::read(bits)?;
    }
    cursor.value ^= cursor.window.read_bits(bits);
    Ok(())
}
