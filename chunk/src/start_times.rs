//! The start timestamps that follow the samples of XOR2 and of the ST histogram encodings.
//!
//! A byte of the header says whether the first sample has one (its top bit), and from which sample on each one carries
//! its difference to the timestamp before (the other bits; 0 = none does).
#![deny(clippy::indexing_slicing, clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use crate::bits::BitReader;

const FIRST_HAS_ONE: u8 = 0x80;
/// The last sample that the header can name: differences start there at the latest.
const LAST_NAMED: usize = 0x7f;

/// Reads start timestamps in step with the samples.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct StartReader {
    header: u8,
    start: i64,
    difference: i64,
}

impl StartReader {
    pub(crate) fn new(header: u8) -> Self {
        StartReader { header, ..StartReader::default() }
    }

    /// Whether no sample has one.
    #[inline]
    pub(crate) fn is_idle(self) -> bool {
        self.header == 0
    }

    /// After the first sample.
    pub(crate) fn first(&mut self, timestamp: i64, bits: &mut BitReader<'_>) -> i64 {
        if self.header & FIRST_HAS_ONE != 0 {
            self.start = timestamp.wrapping_sub(bits.varint());
        }
        self.start
    }

    /// After the sample number `row`, 1 or more.
    #[inline]
    pub(crate) fn next(&mut self, row: usize, timestamp_before: i64, bits: &mut BitReader<'_>) -> i64 {
        let from = usize::from(self.header & !FIRST_HAS_ONE);
        if from != 0 && row >= from {
            self.difference = self.difference.wrapping_add(bits.signed());
            self.start = timestamp_before.wrapping_sub(self.difference);
        }
        self.start
    }
}

/// Writes start timestamps. The header byte is the chunk's; it is handed in with each call.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct StartWriter {
    start: i64,
    difference: i64,
}

impl StartWriter {
    /// The newest sample's.
    pub(crate) fn newest(self) -> i64 {
        self.start
    }

    /// After the first sample: the number that is to be written as a varint, if any.
    pub(crate) fn first(&mut self, start: i64, timestamp: i64, header: &mut u8) -> Option<i64> {
        self.start = start;
        if start == 0 {
            return None;
        }
        *header |= FIRST_HAS_ONE;
        Some(timestamp.wrapping_sub(start))
    }

    /// After the sample number `row`, 1 or more: the signed number that is to be written, if any.
    #[inline]
    pub(crate) fn next(&mut self, row: usize, start: i64, timestamp_before: i64, header: &mut u8) -> Option<i64> {
        let started = *header & !FIRST_HAS_ONE != 0;
        if !started {
            if start == self.start && row != LAST_NAMED {
                return None;
            }
            *header |= row.min(LAST_NAMED) as u8;
        }
        let difference = timestamp_before.wrapping_sub(start);
        let change = difference.wrapping_sub(self.difference);
        (self.start, self.difference) = (start, difference);
        Some(change)
    }
}
