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
use crate::floats::{Cursor, Rows};
use crate::value::Window;

/// Fills both columns, which are equally long. The newest sample, and the reader behind it.
pub(crate) fn decode_columns<'a>(
    bits: BitReader<'a>,
    timestamps: &mut [i64],
    floats: &mut [f64],
) -> Result<(Cursor, BitReader<'a>), Fault> {
    let mut rows = Rows::new(timestamps, floats);
    if rows.left() == 0 {
        return Ok((Cursor::default(), bits));
    }
    // PERF: a copy of our own stays in registers.
    let mut bits = bits.clone();
    let mut cursor = Cursor::first(&mut bits);
    rows.begin(&cursor);
    rows.put(cursor.value());
    if rows.left() > 0 {
        let delta = bits.uvarint() as i64;
        rows.turn(&mut cursor, delta);
        value(&mut bits, &mut cursor)?;
        rows.put(cursor.value());
    }
    // In step, the value changes in the same window.
    rows.fill::<0b010>(&mut cursor, &mut bits, read_some)?;
    Ok((cursor, bits))
}

/// Of a sample in step that changes: whether it sets another window.
const NEW_WINDOW: u64 = 1 << 61;

/// Reads one sample, or a run of samples that are in step and have the value before: each is two zeros.
#[inline(always)]
fn read_some(bits: &mut BitReader<'_>, cursor: &mut Cursor, rows: &mut Rows<'_>) -> Result<(), Fault> {
    let window = bits.window();
    if window >> 62 == 0 {
        let run = ((window.leading_zeros().min(WINDOW) / 2) as usize).min(rows.left());
        bits.skip((run as u32).wrapping_mul(2));
        rows.repeat(cursor.value(), run);
        return Ok(());
    }
    if window >> 63 == 1 {
        let dod = delta_of_delta(window, bits);
        rows.turn(cursor, dod);
        value(bits, cursor)?;
    } else if window & NEW_WINDOW == 0 {
        cursor.value ^= cursor.window.read_bits(window, 3, bits);
    } else {
        cursor.window = Window::parse(window << 3)?;
        cursor.value ^= cursor.window.read_bits(window, 14, bits);
    }
    rows.put(cursor.value());
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
