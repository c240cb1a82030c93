//! Float sample records, with and without start timestamps.

use super::cursor::{push_uvarint, push_varint};
use super::{Cursor, RecordError, RecordType, SampleColumns, body};

/// A sample of a series that an earlier record named.
#[derive(Clone, Copy, Debug)]
pub struct RefSample {
    /// The reference that a series record gave.
    pub series: u64,
    /// Milliseconds since the epoch.
    pub timestamp_ms: i64,
    /// The value, stale markers by their bits.
    pub value: f64,
}

const ACCEPTED: [RecordType; 2] = [RecordType::Samples, RecordType::SamplesV2];

// Two varints of ten bytes and a value: the longest sample without a start timestamp.
const MAX_SAMPLE_BYTES: usize = 28;
// Two of one byte, and a value.
const MIN_SAMPLE_BYTES: usize = 10;
// Memory is taken for so many samples before the first is decoded, at most.
const MAX_EXPECTED: usize = 1 << 14;
// How many samples are decoded before the columns grow.
const BATCH: usize = 64;

/// How the start timestamp of a sample or histogram is stored behind the first one.
pub(super) mod start_marker {
    pub(in crate::record) const NONE: u8 = 0;
    pub(in crate::record) const SAME: u8 = 1;
    pub(in crate::record) const EXPLICIT: u8 = 2;
}

/// Appends the samples of a record of type 2 or 11 to `out`, which is as it was after an error.
///
/// # Errors
///
/// When the record is of another type or cut short.
pub fn decode_sample_columns(record: &[u8], out: &mut SampleColumns) -> Result<(), RecordError> {
    decode_sample_columns_where(record, out, |_, _| true)
}

/// As [`decode_sample_columns`], of the samples for which `keep(reference, timestamp)` holds. The others are walked over:
/// the record is as good or bad as a whole.
///
/// # Errors
///
/// As [`decode_sample_columns`].
pub fn decode_sample_columns_where(
    record: &[u8],
    out: &mut SampleColumns,
    keep: impl Fn(u64, i64) -> bool,
) -> Result<(), RecordError> {
    let mut rest = body(record, "samples", &ACCEPTED)?;
    if rest.is_empty() {
        return Ok(());
    }
    let before = out.len();
    let result = match RecordType::of(record) {
        Some(RecordType::SamplesV2) => decode_v2(&mut rest, out, keep),
        _ => decode_v1(&mut rest, out, keep),
    };
    if result.is_err() {
        out.truncate(before);
    }
    result
}

fn decode_v1(
    rest: &mut Cursor<'_>,
    out: &mut SampleColumns,
    keep: impl Fn(u64, i64) -> bool,
) -> Result<(), RecordError> {
    let base = Base { reference: rest.u64("first reference")?, timestamp_ms: rest.i64("first timestamp")? };
    *rest = Cursor::new(decode_batches(rest.rest(), base, out, &keep));
    // The last few, whose longest form would pass the end, and whatever is malformed.
    while !rest.is_empty() {
        let reference = base.reference.wrapping_add(rest.varint("reference")? as u64);
        let timestamp_ms = base.timestamp_ms.wrapping_add(rest.varint("timestamp")?);
        let value = rest.f64("value")?;
        if keep(reference, timestamp_ms) {
            out.push(reference, 0, timestamp_ms, value);
        }
    }
    Ok(())
}

#[derive(Clone, Copy)]
struct Base {
    reference: u64,
    timestamp_ms: i64,
}

impl Base {
    /// From two numbers in zig-zag, each the difference to those of the record's first sample.
    #[inline(always)]
    fn at(self, reference: u64, timestamp: u64) -> (u64, i64) {
        let reference = self.reference.wrapping_add(unzigzag(reference) as u64);
        (reference, self.timestamp_ms.wrapping_add(unzigzag(timestamp)))
    }
}

/// Decodes as long as any sample would fit into what is left, and returns the rest. Stops before a malformed sample.
///
/// PERF: of a log whose samples are mostly known from elsewhere, hardly a value is loaded, and no column grows.
fn decode_batches<'a>(
    rest: &'a [u8],
    base: Base,
    out: &mut SampleColumns,
    keep: &impl Fn(u64, i64) -> bool,
) -> &'a [u8] {
    let mut rest = skip(rest, base, keep);
    out.reserve((rest.len() / MIN_SAMPLE_BYTES).min(MAX_EXPECTED));
    let mut batch = Batch { references: [0; BATCH], timestamps_ms: [0; BATCH], values: [0.0; BATCH] };
    loop {
        let (kept, after, is_over) = decode_batch(rest, base, &mut batch, keep);
        rest = after;
        if let (Some(references), Some(timestamps_ms), Some(values)) =
            (batch.references.get(..kept), batch.timestamps_ms.get(..kept), batch.values.get(..kept))
        {
            out.extend(references, timestamps_ms, values);
        }
        if is_over {
            return rest;
        }
    }
}

/// Passes over the samples that are not to be kept, up to the first that is, or that is not of the common form.
fn skip<'a>(mut rest: &'a [u8], base: Base, keep: &impl Fn(u64, i64) -> bool) -> &'a [u8] {
    while let Some(short) = Short::read(rest) {
        let (reference, timestamp_ms) = base.at(short.reference, short.timestamp);
        if keep(reference, timestamp_ms) {
            break;
        }
        let Some(after) = rest.get(short.len..) else { break };
        rest = after;
    }
    rest
}

struct Batch {
    references: [u64; BATCH],
    timestamps_ms: [i64; BATCH],
    values: [f64; BATCH],
}

/// Reads as many samples as a batch has room for. How many of them are kept, what follows, and whether nothing can be read of that.
#[expect(clippy::indexing_slicing, reason = "of as many samples as there are places, fewer were kept before the last")]
fn decode_batch<'a>(
    mut rest: &'a [u8],
    base: Base,
    batch: &mut Batch,
    keep: &impl Fn(u64, i64) -> bool,
) -> (usize, &'a [u8], bool) {
    let mut kept = 0_usize;
    for _ in 0..BATCH {
        let read = match Short::read(rest) {
            Some(short) => rest.get(short.len..).map(|after| (short.reference, short.timestamp, short.value, after)),
            None => decode_long(rest),
        };
        let Some((reference, timestamp, value, after)) = read else { return (kept, rest, true) };
        rest = after;
        let (reference, timestamp_ms) = base.at(reference, timestamp);
        let at = kept % BATCH;
        batch.references[at] = reference;
        batch.timestamps_ms[at] = timestamp_ms;
        batch.values[at] = f64::from_bits(value);
        kept = kept.wrapping_add(usize::from(keep(reference, timestamp_ms)));
    }
    (kept, rest, false)
}

/// A sample of the common form: a reference of at most three bytes and a timestamp of one, both still in zig-zag.
struct Short {
    reference: u64,
    timestamp: u64,
    value: u64,
    /// Bytes of all three.
    len: usize,
}

impl Short {
    /// The sample at the start of bytes that could hold any.
    #[inline(always)]
    fn read(bytes: &[u8]) -> Option<Short> {
        const WORD: usize = 16;
        if bytes.len() < MAX_SAMPLE_BYTES {
            return None;
        }
        let word = u128::from_be_bytes(*bytes.first_chunk::<WORD>()?);
        let byte = |at: u32| (word >> (120_u32.wrapping_sub(at.wrapping_mul(8)))) as u64 & 0xff;
        let low = |at: u32| byte(at) & 0x7f;
        let (reference, bytes_of_reference) = if byte(0) < 0x80 {
            (low(0), 1_u32)
        } else if byte(1) < 0x80 {
            (low(0) | low(1) << 7, 2)
        } else if byte(2) < 0x80 {
            (low(0) | low(1) << 7 | low(2) << 14, 3)
        } else {
            return None;
        };
        let timestamp = byte(bytes_of_reference);
        let value = (word >> (48_u32.wrapping_sub(bytes_of_reference.wrapping_sub(1).wrapping_mul(8)))) as u64;
        let len = (bytes_of_reference as usize).wrapping_add(9);
        (timestamp < 0x80).then_some(Short { reference, timestamp, value, len })
    }
}

/// A sample of any form at the start of bytes that could hold any: reference, timestamp, value, and the bytes behind it.
#[cold]
#[inline(never)]
fn decode_long(bytes: &[u8]) -> Option<(u64, u64, u64, &[u8])> {
    if bytes.len() < MAX_SAMPLE_BYTES {
        return None;
    }
    let mut rest = Cursor::new(bytes);
    let (reference, timestamp) = (rest.uvarint("reference").ok()?, rest.uvarint("timestamp").ok()?);
    Some((reference, timestamp, rest.u64("value").ok()?, rest.rest()))
}

fn decode_v2(
    rest: &mut Cursor<'_>,
    out: &mut SampleColumns,
    keep: impl Fn(u64, i64) -> bool,
) -> Result<(), RecordError> {
    let mut frame = V2Frame::first(rest)?;
    loop {
        let value = rest.f64("value")?;
        if keep(frame.reference, frame.timestamp_ms) {
            out.push(frame.reference, frame.start_ms, frame.timestamp_ms, value);
        }
        if rest.is_empty() {
            return Ok(());
        }
        frame.next(rest)?;
    }
}

/// What the samples and histograms of the records with start timestamps have in common: reference relative to the
/// previous one, timestamp relative to the first one, start timestamp by its marker.
#[derive(Clone, Copy, Debug)]
pub(super) struct V2Frame {
    pub(super) reference: u64,
    pub(super) timestamp_ms: i64,
    pub(super) start_ms: i64,
    first_timestamp_ms: i64,
    first_start_ms: i64,
}

impl V2Frame {
    pub(super) fn first(rest: &mut Cursor<'_>) -> Result<V2Frame, RecordError> {
        let reference = rest.varint("first reference")? as u64;
        let timestamp_ms = rest.varint("first timestamp")?;
        let start_ms = rest.varint("first start timestamp")?;
        Ok(V2Frame { reference, timestamp_ms, start_ms, first_timestamp_ms: timestamp_ms, first_start_ms: start_ms })
    }

    pub(super) fn next(&mut self, rest: &mut Cursor<'_>) -> Result<(), RecordError> {
        self.reference = self.reference.wrapping_add(rest.varint("reference")? as u64);
        self.timestamp_ms = self.first_timestamp_ms.wrapping_add(rest.varint("timestamp")?);
        match rest.u8("start timestamp marker")? {
            start_marker::NONE => self.start_ms = 0,
            start_marker::SAME => {}
            _ => self.start_ms = self.first_start_ms.wrapping_add(rest.varint("start timestamp")?),
        }
        Ok(())
    }

    pub(super) fn write_first(out: &mut Vec<u8>, reference: u64, start_ms: i64, timestamp_ms: i64) -> V2Frame {
        push_varint(out, reference as i64);
        push_varint(out, timestamp_ms);
        push_varint(out, start_ms);
        V2Frame { reference, timestamp_ms, start_ms, first_timestamp_ms: timestamp_ms, first_start_ms: start_ms }
    }

    pub(super) fn write_next(&mut self, out: &mut Vec<u8>, reference: u64, start_ms: i64, timestamp_ms: i64) {
        push_varint(out, reference.wrapping_sub(self.reference) as i64);
        push_varint(out, timestamp_ms.wrapping_sub(self.first_timestamp_ms));
        if start_ms == 0 {
            out.push(start_marker::NONE);
        } else if start_ms == self.start_ms {
            out.push(start_marker::SAME);
        } else {
            out.push(start_marker::EXPLICIT);
            push_varint(out, start_ms.wrapping_sub(self.first_start_ms));
        }
        *self = V2Frame { reference, timestamp_ms, start_ms, ..*self };
    }
}

/// Distributes the samples of `columns` over `shards` by `reference % shards.len()`, so that each shard can be applied
/// by a thread of its own: a series is always in the same shard, and its samples keep their order.
pub fn scatter_samples(columns: &SampleColumns, shards: &mut [SampleColumns]) {
    let count = shards.len().max(1) as u64;
    let mask = count.is_power_of_two().then(|| count.wrapping_sub(1));
    for (reference, start_ms, timestamp_ms, value) in columns.iter() {
        // A division costs as much as all the rest.
        let index = mask.map_or_else(|| reference.checked_rem(count).unwrap_or(0), |mask| reference & mask);
        if let Some(shard) = shards.get_mut(index as usize) {
            shard.push(reference, start_ms, timestamp_ms, value);
        }
    }
}

/// A record of type 2. Start timestamps are left out: [`encode_samples_v2`] has them.
#[must_use]
pub fn encode_sample_columns(columns: &SampleColumns) -> Vec<u8> {
    encode_samples(columns.iter().map(|(series, _, timestamp_ms, value)| RefSample { series, timestamp_ms, value }))
}

/// A record of type 2.
#[must_use]
pub fn encode_samples(mut samples: impl Iterator<Item = RefSample>) -> Vec<u8> {
    let (least, most) = samples.size_hint();
    let mut record = Vec::with_capacity(most.unwrap_or(least).saturating_mul(12).saturating_add(17));
    record.push(RecordType::Samples as u8);
    let Some(base) = samples.next() else { return record };
    record.extend_from_slice(&base.series.to_be_bytes());
    record.extend_from_slice(&base.timestamp_ms.to_be_bytes());
    push_sample(&mut record, 0, 0, base.value);
    samples.for_each(|sample| {
        let reference = sample.series.wrapping_sub(base.series) as i64;
        let timestamp = sample.timestamp_ms.wrapping_sub(base.timestamp_ms);
        push_sample(&mut record, reference, timestamp, sample.value);
    });
    record
}

fn zigzag(value: i64) -> u64 {
    ((value << 1) ^ (value >> 63)) as u64
}

#[inline(always)]
fn unzigzag(raw: u64) -> i64 {
    ((raw >> 1) as i64) ^ ((raw & 1) as i64).wrapping_neg()
}

/// Appends a sample's two numbers and its value: by one write where the numbers are as short as those of one scrape.
#[inline(always)]
fn push_sample(record: &mut Vec<u8>, reference: i64, timestamp: i64, value: f64) {
    let (reference, timestamp, value) = (zigzag(reference), zigzag(timestamp), value.to_bits().to_be_bytes());
    if reference >= 1 << 14 || timestamp >= 1 << 7 {
        return push_long_sample(record, reference, timestamp, value);
    }
    let [a, b, c, d, e, f, g, h] = value;
    let low = (reference & 0x7f) as u8;
    if reference < 1 << 7 {
        record.extend_from_slice(&[low, timestamp as u8, a, b, c, d, e, f, g, h]);
    } else {
        let high = (reference >> 7) as u8;
        record.extend_from_slice(&[low | 0x80, high, timestamp as u8, a, b, c, d, e, f, g, h]);
    }
}

#[cold]
#[inline(never)]
fn push_long_sample(record: &mut Vec<u8>, reference: u64, timestamp: u64, value: [u8; 8]) {
    push_uvarint(record, reference);
    push_uvarint(record, timestamp);
    record.extend_from_slice(&value);
}

/// A record of type 11, with start timestamps. Prometheus reads it since 3.11; older ones pass over it in silence.
#[must_use]
pub fn encode_samples_v2(columns: &SampleColumns) -> Vec<u8> {
    let mut record = vec![RecordType::SamplesV2 as u8];
    let mut frame: Option<V2Frame> = None;
    for (reference, start_ms, timestamp_ms, value) in columns.iter() {
        match &mut frame {
            None => frame = Some(V2Frame::write_first(&mut record, reference, start_ms, timestamp_ms)),
            Some(frame) => frame.write_next(&mut record, reference, start_ms, timestamp_ms),
        }
        record.extend_from_slice(&value.to_bits().to_be_bytes());
    }
    record
}

/// Appends the samples of a record of type 2 or 11 to `out`, without their start timestamps: the row form of
/// [`decode_sample_columns`].
///
/// # Errors
///
/// As [`decode_sample_columns`].
pub fn decode_samples(record: &[u8], out: &mut Vec<RefSample>) -> Result<(), RecordError> {
    let mut columns = SampleColumns::new();
    decode_sample_columns(record, &mut columns)?;
    out.extend(columns.iter().map(|(series, _, timestamp_ms, value)| RefSample { series, timestamp_ms, value }));
    Ok(())
}
