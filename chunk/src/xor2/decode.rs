//! Reading XOR2 chunks into columns.
#![deny(clippy::indexing_slicing, clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use promethium_model::STALE_NAN;

use crate::bits::{BitReader, WINDOW};
use crate::error::Fault;
use crate::floats::{Cursor, Rows};
use crate::start_times::StartReader;
use crate::value::Window;

/// Fills the columns, which are equally long; that of start timestamps may be empty where no sample has one. The newest sample,
/// and the reader behind it.
pub(crate) fn decode_columns<'a>(
    bits: BitReader<'a>,
    starts: StartReader,
    timestamps: &mut [i64],
    floats: &mut [f64],
    start_timestamps: &mut [i64],
) -> Result<(Cursor, BitReader<'a>), Fault> {
    if starts.is_idle() {
        return decode_without_starts(bits, Rows::new(timestamps, floats));
    }
    let rows = timestamps.iter_mut().zip(floats).zip(start_timestamps);
    let (mut starts, mut bits) = (starts, bits);
    let cursor = decode_rows(&mut bits, rows, |((t, v), start), sample, row, before, bits| {
        (*t, *v) = sample;
        *start = if row == 0 { starts.first(sample.0, bits) } else { starts.next(row, before, bits) };
    })?;
    Ok((cursor, bits))
}

fn decode_without_starts<'a>(bits: BitReader<'a>, mut rows: Rows<'_>) -> Result<(Cursor, BitReader<'a>), Fault> {
    if rows.left() == 0 {
        return Ok((Cursor::default(), bits));
    }
    // PERF: a copy of our own stays in registers.
    let mut bits = bits.clone();
    let (mut cursor, value) = first(&mut bits);
    rows.begin(&cursor);
    rows.put(value);
    if rows.left() > 0 {
        let delta = bits.uvarint() as i64;
        rows.turn(&mut cursor, delta);
        rows.put(read_value(&mut bits, &mut cursor)?);
    }
    // In step, the value changes in the same window.
    rows.fill::<0b100>(&mut cursor, &mut bits, read_some)?;
    Ok((cursor, bits))
}

/// Reads one sample, or a run of samples that are in step and have the baseline's value: each is a zero.
#[inline(always)]
fn read_some(bits: &mut BitReader<'_>, cursor: &mut Cursor, rows: &mut Rows<'_>) -> Result<(), Fault> {
    let window = bits.window();
    if window >> 63 != 0 {
        let value = next(window, bits, cursor, |cursor, dod| rows.turn(cursor, dod))?;
        rows.put(value);
        return Ok(());
    }
    let run = (window.leading_zeros().min(WINDOW) as usize).min(rows.left());
    bits.skip(run as u32);
    rows.repeat(cursor.value(), run);
    Ok(())
}

/// Hands each sample to `put`, with its number, the timestamp before, and the reader behind it.
#[inline(always)]
fn decode_rows<'a, R>(
    bits: &mut BitReader<'a>,
    rows: impl Iterator<Item = R>,
    mut put: impl FnMut(R, (i64, f64), usize, i64, &mut BitReader<'a>),
) -> Result<Cursor, Fault> {
    let mut rows = rows.enumerate();
    let Some((_, out)) = rows.next() else { return Ok(Cursor::default()) };
    let (mut cursor, value) = first(bits);
    put(out, (cursor.timestamp(), value), 0, 0, bits);
    let Some((_, out)) = rows.next() else { return Ok(cursor) };
    let before = cursor.timestamp();
    cursor.turn(bits.uvarint() as i64);
    let value = read_value(bits, &mut cursor)?;
    put(out, (cursor.timestamp(), value), 1, before, bits);
    for (row, out) in rows {
        let before = cursor.timestamp();
        cursor.step();
        let value = next(bits.window(), bits, &mut cursor, Cursor::turn_from_step)?;
        put(out, (cursor.timestamp(), value), row, before, bits);
    }
    Ok(cursor)
}

#[inline(always)]
fn first(bits: &mut BitReader<'_>) -> (Cursor, f64) {
    let mut cursor = Cursor::first(bits);
    let value = cursor.value();
    // Before there is a value that is not stale, others are compared with 0.
    if promethium_model::is_stale(value) {
        cursor.value = 0;
    }
    (cursor, value)
}

/// Of a sample in step that changes: whether it sets another window.
const NEW_WINDOW: u64 = 1 << 61;

/// Reads the third sample or a later one. What is out of step is handed to `turn`; else the time is as it was.
#[inline(always)]
fn next(
    window: u64,
    bits: &mut BitReader<'_>,
    cursor: &mut Cursor,
    mut turn: impl FnMut(&mut Cursor, i64),
) -> Result<f64, Fault> {
    if window >> 63 == 0 {
        bits.skip(1);
        return Ok(cursor.value());
    }
    if window >> 62 == 2 {
        if window & NEW_WINDOW == 0 {
            cursor.value ^= cursor.window.read_bits(window, 3, bits);
        } else {
            cursor.window = Window::parse(window << 3)?;
            cursor.value ^= cursor.window.read_bits(window, 14, bits);
        }
        return Ok(cursor.value());
    }
    if window >> 59 == 0b11111 {
        bits.skip(5);
        return Ok(STALE_NAN);
    }
    let dod = delta_of_delta(window, bits);
    turn(cursor, dod);
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
        1 => cursor.value ^= cursor.window.read_bits(window, 2, bits),
        2 => {
            cursor.window = Window::parse(window << 3)?;
            cursor.value ^= cursor.window.read_bits(window, 14, bits);
        }
        _ => {
            bits.skip(3);
            return Ok(STALE_NAN);
        }
    }
    Ok(cursor.value())
}
