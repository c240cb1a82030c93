//! Reading histogram chunks row by row, both kinds alike.
#![deny(clippy::indexing_slicing, clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use promethium_model::histogram::{CUSTOM_BUCKETS_SCHEMA, MAX_EXPONENTIAL_SCHEMA};
use promethium_model::{CounterResetHint, SampleBatch, is_stale};

use super::layout::Layout;
use super::native::Native;
use super::native::sealed::State;
use crate::CounterResetHeader;
use crate::bits::BitReader;
use crate::error::Fault;
use crate::start_times::StartReader;

/// A chunk whose header was read.
pub(crate) struct Rows<'a> {
    pub(crate) bits: BitReader<'a>,
    pub(crate) starts: StartReader,
    pub(crate) header: CounterResetHeader,
    /// In the header.
    pub(crate) samples: usize,
    /// At most so many, from the first.
    pub(crate) wanted: usize,
}

/// A sample that was read, its numbers still in the reader's state.
pub(crate) struct Row<'a, H: Native> {
    pub(crate) timestamp: i64,
    pub(crate) start_timestamp: i64,
    layout: &'a Layout,
    pub(crate) numbers: &'a H::State,
    hint: CounterResetHint,
}

impl<H: Native> Row<'_, H> {
    /// The sample as it was written; of a stale one the sum is left.
    pub(crate) fn histogram(&self) -> H {
        let sum = self.numbers.sum();
        if is_stale(sum) { H::stale(sum) } else { self.numbers.histogram(self.layout, self.hint) }
    }
}

impl Rows<'_> {
    /// Hands out each row, with its buckets or without.
    pub(crate) fn read<H: Native, const BUCKETS: bool>(
        mut self,
        mut take: impl FnMut(&Row<'_, H>),
    ) -> Result<(), Fault> {
        if self.wanted == 0 {
            return Ok(());
        }
        let bits = &mut self.bits;
        let layout = Layout::read(bits, self.samples)?;
        let mut timestamp = bits.signed();
        let mut numbers = H::State::read_first(layout.buckets(), bits)?;
        let (first_hint, next_hint) = hints(self.header);
        let start_timestamp = self.starts.first(timestamp, bits);
        take(&Row { timestamp, start_timestamp, layout: &layout, numbers: &numbers, hint: first_hint });
        let mut delta = 0_i64;
        for row in 1..self.wanted {
            let before = timestamp;
            delta = delta.wrapping_add(bits.signed());
            timestamp = timestamp.wrapping_add(delta);
            numbers.read_next::<BUCKETS>(bits)?;
            let start_timestamp = self.starts.next(row, before, bits);
            // Asked of each row: what lies behind the end would be rows without end of zeros.
            if bits.left() < 0 {
                return Err(Fault::Overrun);
            }
            if timestamp <= before {
                return Err(Fault::NotAscending);
            }
            take(&Row { timestamp, start_timestamp, layout: &layout, numbers: &numbers, hint: next_hint });
        }
        if bits.left() < 0 { Err(Fault::Overrun) } else { Ok(()) }
    }
}

/// What is known of counter resets before the first sample, and before each further one.
///
/// The header tells of the chunk before, which need not be what a reader saw before: the first is unknown.
fn hints(header: CounterResetHeader) -> (CounterResetHint, CounterResetHint) {
    match header {
        CounterResetHeader::Gauge => (CounterResetHint::Gauge, CounterResetHint::Gauge),
        _ => (CounterResetHint::Unknown, CounterResetHint::NotReset),
    }
}

/// Appends the rows to `out`; an error leaves those before it.
pub(crate) fn decode_rows<H: Native>(rows: Rows<'_>, out: &mut SampleBatch) -> Result<(), Fault> {
    rows.read::<H, true>(|row| {
        let mut histogram = row.histogram();
        let schema = histogram.layout().schema;
        if schema > MAX_EXPONENTIAL_SCHEMA && schema != CUSTOM_BUCKETS_SCHEMA {
            histogram = histogram.reduced(MAX_EXPONENTIAL_SCHEMA);
        }
        out.push_histogram(row.timestamp, histogram.into_value());
        out.set_start_timestamp(row.start_timestamp);
    })
}
