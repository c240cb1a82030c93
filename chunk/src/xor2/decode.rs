//! Reading XOR2 chunks into columns.
#![deny(clippy::indexing_slicing, clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use promethium_model::STALE_NAN;

use crate::bits::BitReader;
use crate::error::Fault;
use crate::start_times::StartReader;
use crate::value::Window;

/// The value that others are compared with, and the window of its bits.
#[derive(Default)]
struct Baseline {
    bits: u64,
    window: Window,
}

/// Fills the columns, which are equally long; that of start timestamps may be empty where no sample has one.
pub(crate) fn decode_columns(
    mut bits: BitReader<'_>,
    mut starts: StartReader,
    timestamps: &mut [i64],
    floats: &mut [f64],
    start_timestamps: &mut [i64],
) -> Result<(), Fault> {
    let mut starts_out = start_timestamps.iter_mut();
    let mut rows = timestamps.iter_mut().zip(floats);
    let Some((t_out, v_out)) = rows.next() else { return Ok(()) };
    let mut t = bits.varint();
    let mut base = Baseline::default();
    let first = f64::from_bits(bits.read(64));
    if !promethium_model::is_stale(first) {
        base.bits = first.to_bits();
    }
    (*t_out, *v_out) = (t, first);
    let start = starts.first(t, &mut bits);
    if let Some(out) = starts_out.next() {
        *out = start;
    }
    let Some((t_out, v_out)) = rows.next() else { return end(&bits, true) };
    let mut delta = bits.uvarint() as i64;
    let mut ascending = true;
    let mut before = t;
    t = t.wrapping_add(delta);
    (*t_out, *v_out) = (t, value(&mut bits, &mut base)?);
    let mut row = 1;
    loop {
        ascending &= t > before;
        if !starts.is_idle() {
            let start = starts.next(row, before, &mut bits);
            if let Some(out) = starts_out.next() {
                *out = start;
            }
        }
        let Some((t_out, v_out)) = rows.next() else { return end(&bits, ascending) };
        before = t;
        row += 1;
        let (dod, v) = sample(&mut bits, &mut base)?;
        delta = delta.wrapping_add(dod);
        t = t.wrapping_add(delta);
        (*t_out, *v_out) = (t, v);
    }
}

fn end(bits: &BitReader<'_>, ascending: bool) -> Result<(), Fault> {
    match (bits.left() < 0, ascending) {
        (true, _) => Err(Fault::Overrun),
        (_, false) => Err(Fault::NotAscending),
        _ => Ok(()),
    }
}

/// Delta of deltas and value of the third sample or a later one.
#[inline(always)]
fn sample(bits: &mut BitReader<'_>, base: &mut Baseline) -> Result<(i64, f64), Fault> {
    bits.refill();
    match (!bits.peek()).leading_zeros() {
        0 => {
            bits.skip(1);
            Ok((0, f64::from_bits(base.bits)))
        }
        1 => {
            let is_new = bits.take(3) & 1 == 1;
            change(bits, base, is_new)?;
            Ok((0, f64::from_bits(base.bits)))
        }
        2 => {
            let dod = sign_extended(bits.take(16), 13);
            Ok((dod, value(bits, base)?))
        }
        3 => {
            let dod = sign_extended(bits.take(24), 20);
            Ok((dod, value(bits, base)?))
        }
        4 => {
            bits.skip(5);
            let dod = bits.read(64) as i64;
            Ok((dod, value(bits, base)?))
        }
        _ => {
            bits.skip(5);
            Ok((0, STALE_NAN))
        }
    }
}

/// The low `n` bits in two's complement.
#[inline(always)]
fn sign_extended(raw: u64, n: u32) -> i64 {
    ((raw << (64 - n)) as i64) >> (64 - n)
}

/// A value with control bits of its own.
#[inline(always)]
fn value(bits: &mut BitReader<'_>, base: &mut Baseline) -> Result<f64, Fault> {
    bits.refill();
    match (!bits.peek()).leading_zeros() {
        0 => bits.skip(1),
        1 => {
            bits.skip(2);
            change(bits, base, false)?;
        }
        2 => {
            bits.skip(3);
            change(bits, base, true)?;
        }
        _ => {
            bits.skip(3);
            return Ok(STALE_NAN);
        }
    }
    Ok(f64::from_bits(base.bits))
}

#[inline(always)]
fn change(bits: &mut BitReader<'_>, base: &mut Baseline, is_new: bool) -> Result<(), Fault> {
    if is_new {
        base.window = Window::read(bits)?;
    }
    base.bits ^= base.window.read_bits(bits);
    Ok(())
}
