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

/// The value coder's state. At first the window is all 64 bits: an appender that was rebuilt from a chunk without any
/// change writes its first change as a reuse of it.
struct Window {
    value: u64,
    leading: u32,
    trailing: u32,
}

/// Fills both columns, which are equally long.
pub(crate) fn decode_columns(mut bits: BitReader<'_>, timestamps: &mut [i64], floats: &mut [f64]) -> Result<(), Fault> {
    let mut rows = timestamps.iter_mut().zip(floats);
    let Some((t_out, v_out)) = rows.next() else { return Ok(()) };
    let mut t = bits.varint();
    let mut window = Window { value: bits.read(64), leading: 0, trailing: 0 };
    *t_out = t;
    *v_out = f64::from_bits(window.value);
    let Some((t_out, v_out)) = rows.next() else { return end(&bits, true) };
    let mut delta = bits.uvarint() as i64;
    let before = t;
    t = t.wrapping_add(delta);
    let mut ascending = t > before;
    bits.refill();
    next_value(&mut bits, &mut window)?;
    *t_out = t;
    *v_out = f64::from_bits(window.value);
    for (t_out, v_out) in rows {
        bits.refill();
        delta = delta.wrapping_add(delta_of_delta(&mut bits));
        let next = t.wrapping_add(delta);
        ascending &= next > t;
        t = next;
        next_value(&mut bits, &mut window)?;
        *t_out = t;
        *v_out = f64::from_bits(window.value);
    }
    end(&bits, ascending)
}

fn end(bits: &BitReader<'_>, ascending: bool) -> Result<(), Fault> {
    match (bits.left() < 0, ascending) {
        (true, _) => Err(Fault::Overrun),
        (_, false) => Err(Fault::NotAscending),
        _ => Ok(()),
    }
}

/// Takes at most 24 bits of the refilled window, unless 64 raw ones follow; leaves at least 32.
#[inline(always)]
fn delta_of_delta(bits: &mut BitReader<'_>) -> i64 {
    let ones = (!bits.peek()).leading_zeros().min(4);
    let n = match ones {
        0 => {
            bits.skip(1);
            return 0;
        }
        1 => 14,
        2 => 17,
        3 => 20,
        _ => {
            bits.skip(4);
            let raw = bits.read(64) as i64;
            bits.refill();
            return raw;
        }
    };
    bits.skip(ones.wrapping_add(1));
    shifted(bits.take(n), n)
}

/// Takes the control bits from the refilled window and the significant bits after a refill of its own.
#[inline(always)]
fn next_value(bits: &mut BitReader<'_>, window: &mut Window) -> Result<(), Fault> {
    let control = bits.peek() >> 62;
    if control < 2 {
        bits.skip(1);
        return Ok(());
    }
    bits.skip(2);
    if control == 3 {
        window.leading = bits.take(5) as u32;
        let stored = bits.take(6) as u32;
        let significant = if stored == 0 { 64 } else { stored };
        let used = window.leading.wrapping_add(significant);
        if used > 64 {
            return Err(Fault::Window { leading: window.leading, significant });
        }
        window.trailing = 64_u32.wrapping_sub(used);
    }
    let significant = 64_u32.wrapping_sub(window.leading).wrapping_sub(window.trailing);
    window.value ^= bits.read(significant) << window.trailing;
    Ok(())
}
