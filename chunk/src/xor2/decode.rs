//! Reading XOR2 chunks into columns.
#![deny(clippy::indexing_slicing, clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use promethium_model::STALE_NAN;

use crate::bits::{BitReader, WINDOW};
use crate::error::Fault;
use crate::start_times::StartReader;
use crate::value::Window;

/// Time of the newest sample, the value that others are compared with, and what the next sample is coded against.
struct Cursor {
    t: i64,
    delta: i64,
    baseline: u64,
    window: Window,
}

/// Fills the columns, which are equally long; that of start timestamps may be empty where no sample has one.
pub(crate) fn decode_columns(
    bits: &mut BitReader<'_>,
    starts: StartReader,
    timestamps: &mut [i64],
    floats: &mut [f64],
    start_timestamps: &mut [i64],
) -> Result<(), Fault> {
    if starts.is_idle() {
        return decode_without_starts(bits, timestamps, floats);
    }
    let rows = timestamps.iter_mut().zip(floats).zip(start_timestamps);
    let mut starts = starts;
    decode_rows(bits, rows, |((t, v), start), sample, row, before, bits| {
        (*t, *v) = sample;
        *start = if row == 0 { starts.first(sample.0, bits) } else { starts.next(row, before, bits) };
    })
}

/// Fills both columns, which are equally long, where no sample has a start timestamp.
fn decode_without_starts(bits: &mut BitReader<'_>, timestamps: &mut [i64], floats: &mut [f64]) -> Result<(), Fault> {
    let mut rows = timestamps.iter_mut().zip(floats);
    let Some((t, v)) = rows.next() else { return Ok(()) };
    let (mut cursor, value) = first(bits);
    (*t, *v) = (cursor.t, value);
    let Some((t, v)) = rows.next() else { return Ok(()) };
    let value = second(bits, &mut cursor)?;
    (*t, *v) = (cursor.t, value);
    while rows.len() > 0 {
        let window = bits.window();
        if window >> 63 != 0 {
            let value = next(window, bits, &mut cursor)?;
            if let Some((t, v)) = rows.next() {
                (*t, *v) = (cursor.t, value);
            }
            continue;
        }
        // Samples that are in step and have the baseline's value are a zero each.
        let run = (window.leading_zeros().min(WINDOW) as usize).min(rows.len());
        bits.skip(run as u32);
        for (t, v) in rows.by_ref().take(run) {
            cursor.step(0);
            (*t, *v) = (cursor.t, cursor.value());
        }
    }
    Ok(())
}

/// Hands each sample to `put`, with its number, the timestamp before, and the reader behind it.
#[inline(always)]
fn decode_rows<'a, R>(
    bits: &mut BitReader<'a>,
    rows: impl Iterator<Item = R>,
    mut put: impl FnMut(R, (i64, f64), usize, i64, &mut BitReader<'a>),
) -> Result<(), Fault> {
    let mut rows = rows.enumerate();
    let Some((_, out)) = rows.next() else { return Ok(()) };
    let (mut cursor, value) = first(bits);
    put(out, (cursor.t, value), 0, 0, bits);
    let Some((_, out)) = rows.next() else { return Ok(()) };
    let before = cursor.t;
    let value = second(bits, &mut cursor)?;
    put(out, (cursor.t, value), 1, before, bits);
    for (row, out) in rows {
        let before = cursor.t;
        let value = next(bits.window(), bits, &mut cursor)?;
        put(out, (cursor.t, value), row, before, bits);
    }
    Ok(())
}

impl Cursor {
    #[inline(always)]
    fn step(&mut self, delta_of_delta: i64) {
        self.delta = self.delta.wrapping_add(delta_of_delta);
        self.t = self.t.wrapping_add(self.delta);
    }

    #[inline(always)]
    fn value(&self) -> f64 {
        f64::from_bits(self.baseline)
    }
}

fn first(bits: &mut BitReader<'_>) -> (Cursor, f64) {
    let t = bits.varint();
    let value = f64::from_bits(bits.read(64));
    // Before there is a value that is not stale, others are compared with 0.
    let baseline = if promethium_model::is_stale(value) { 0 } else { value.to_bits() };
    (Cursor { t, delta: 0, baseline, window: Window::default() }, value)
}

fn second(bits: &mut BitReader<'_>, cursor: &mut Cursor) -> Result<f64, Fault> {
    cursor.step(bits.uvarint() as i64);
    read_value(bits, cursor)
}

/// Reads the third sample or a later one.
#[inline(always)]
fn next(window: u64, bits: &mut BitReader<'_>, cursor: &mut Cursor) -> Result<f64, Fault> {
    if window >> 63 == 0 {
        bits.skip(1);
        cursor.step(0);
        return Ok(cursor.value());
    }
    if window >> 62 == 2 {
        cursor.step(0);
        let mut behind = 3;
        if window >> 61 == 5 {
            cursor.window = Window::parse(window << 3)?;
            behind = 14;
        }
        cursor.baseline ^= cursor.window.read_bits(window, behind, bits);
        return Ok(cursor.value());
    }
    if window >> 59 == 0b11111 {
        bits.skip(5);
        cursor.step(0);
        return Ok(STALE_NAN);
    }
    let dod = delta_of_delta(window, bits);
    cursor.step(dod);
    read_value(bits, cursor)
}

/// A delta of deltas of a sample out of step, in plain two's complement.
#[inline(always)]
fn delta_of_delta(window: u64, bits: &mut BitReader<'_>) -> i64 {
    match (!window).leading_zeros() {
        2 => {
            bits.skip(16);
            ((window << 3) as i64) >> (64 - 13)
        }
        3 => {
            bits.skip(24);
            ((window << 4) as i64) >> (64 - 20)
        }
        _ => {
            bits.skip(5);
            bits.read(64) as i64
        }
    }
}

/// A value with control bits of its own.
#[inline(always)]
fn read_value(bits: &mut BitReader<'_>, cursor: &mut Cursor) -> Result<f64, Fault> {
    let window = bits.window();
    match (!window).leading_zeros() {
        0 => bits.skip(1),
        1 => cursor.baseline ^= cursor.window.read_bits(window, 2, bits),
        2 => {
            cursor.window = Window::parse(window << 3)?;
            cursor.baseline ^= cursor.window.read_bits(window, 14, bits);
        }
        _ => {
            bits.skip(3);
            return Ok(STALE_NAN);
        }
    }
    Ok(cursor.value())
}
