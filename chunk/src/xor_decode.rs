//! Reading XOR chunks into columns.
#![deny(
    clippy::indexing_slicing,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::arithmetic_side_effects
)]

use promethium_model::SampleBatch;

use super::bits::BitReader;
use super::{ChunkError, NO_WINDOW};

/// The sample count in the header; 0 when there is no header.
#[must_use]
pub fn xor_sample_count(chunk: &[u8]) -> usize {
    chunk.first_chunk::<2>().map_or(0, |b| usize::from(u16::from_be_bytes(*b)))
}

/// Appends all samples of a chunk to `out`. Spare bytes at the end are ignored.
///
/// # Errors
///
/// When the bytes are not a chunk; `out` is then as it was.
pub fn decode_xor(chunk: &[u8], out: &mut SampleBatch) -> Result<(), ChunkError> {
    decode_xor_prefix(chunk, usize::MAX, out)
}

/// As [`decode_xor`], but only the first `at_most` samples.
///
/// # Errors
///
/// When the bytes are not a chunk; `out` is then as it was.
pub fn decode_xor_prefix(chunk: &[u8], at_most: usize, out: &mut SampleBatch) -> Result<(), ChunkError> {
    let samples = xor_sample_count(chunk);
    let wanted = samples.min(at_most);
    let Some(stream) = chunk.get(2..) else {
        return Err(ChunkError::Truncated { len: chunk.len(), samples });
    };
    // A sample takes at least two bits: a header that counts more than that lies.
    if samples > stream.len().saturating_mul(4) {
        return Err(ChunkError::Truncated { len: chunk.len(), samples });
    }
    let base = out.timestamps.len();
    let end = base.saturating_add(wanted);
    out.timestamps.resize(end, 0);
    out.floats.resize(end, 0.0);
    if !out.start_timestamps.is_empty() {
        out.start_timestamps.resize(end, 0);
    }
    let (Some(timestamps), Some(floats)) = (out.timestamps.get_mut(base..), out.floats.get_mut(base..)) else {
        return Ok(());
    };
    let decoded = decode_columns(stream, timestamps, floats);
    decoded.map_err(|fault| {
        out.timestamps.truncate(base);
        out.floats.truncate(base);
        out.start_timestamps.truncate(base);
        fault.into_error(chunk.len(), samples)
    })
}

enum Fault {
    Overrun,
    NotAscending,
    Window { leading: u32, significant: u32 },
}

impl Fault {
    fn into_error(self, len: usize, samples: usize) -> ChunkError {
        match self {
            Fault::Overrun => ChunkError::Truncated { len, samples },
            Fault::NotAscending => ChunkError::NotAscending { samples },
            Fault::Window { leading, significant } => ChunkError::BadWindow { leading, significant },
        }
    }
}

/// The value coder's state.
struct Window {
    value: u64,
    leading: u32,
    trailing: u32,
}

/// Fills both columns, which are equally long.
fn decode_columns(stream: &[u8], timestamps: &mut [i64], floats: &mut [f64]) -> Result<(), Fault> {
    let mut bits = BitReader::new(stream);
    let mut rows = timestamps.iter_mut().zip(floats);
    let Some((t_out, v_out)) = rows.next() else { return Ok(()) };
    let mut t = bits.varint();
    let mut window = Window { value: bits.read(64), leading: u32::from(NO_WINDOW), trailing: 0 };
    *t_out = t;
    *v_out = f64::from_bits(window.value);
    let Some((t_out, v_out)) = rows.next() else { return end(&bits, true) };
    let mut delta = bits.uvarint() as i64;
    let mut ascending = delta > 0;
    t = t.wrapping_add(delta);
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
    match (bits.is_overrun(), ascending) {
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

/// Two's complement of `n` bits, but with the range shifted by one: the largest positive is 2^(n−1).
#[inline(always)]
fn shifted(raw: u64, n: u32) -> i64 {
    let positive_max = 1_u64 << n.wrapping_sub(1);
    let wrap = if raw > positive_max { 1_i64 << n } else { 0 };
    (raw as i64).wrapping_sub(wrap)
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
    } else if window.leading == u32::from(NO_WINDOW) {
        // An appender that was rebuilt from a chunk without any change writes its first change as a reuse of 64 bits.
        window.leading = 0;
    }
    let significant = 64_u32.wrapping_sub(window.leading).wrapping_sub(window.trailing);
    window.value ^= bits.read(significant) << window.trailing;
    Ok(())
}
