//! Records on their way from what is stored to what they say.

use std::io;
use std::ops::Range;

use parking_lot::Mutex;
use promethium_wal::{
    Decompressor, RecordError, RecordType, SampleColumns, SegmentReader, StoredAs, StoredItem,
    decode_sample_columns_where,
};

use super::team::{Task, Team};

// What is read ahead, and what somebody takes of it at once, in stored bytes: enough that few have to be shared out, little beside
// a head.
const BATCH_BYTES: usize = 256 << 10;
const SHARE_BYTES: usize = 32 << 10;

/// Records as they are stored, one behind the other in the log.
#[derive(Default)]
pub(super) struct Batch {
    bytes: Vec<u8>,
    records: Vec<Stored>,
    /// Where the log could not be read on: offset, and what is wrong.
    pub(super) damage: Option<(u64, String)>,
    pub(super) is_last: bool,
}

/// A record of a batch.
pub(super) struct Stored {
    pub(super) start: u64,
    pub(super) end: u64,
    stored_as: StoredAs,
    bytes: Range<usize>,
}

/// What a record turned out to be.
pub(super) enum Decoded {
    /// Of floats: those that no file has, as rows of the share.
    Samples(Range<usize>),
    /// Of anything else.
    Other(Vec<u8>),
    /// The bytes are as they were written, but are no record.
    Unreadable(RecordError),
}

/// Records that are being decoded.
pub(super) struct Decoding {
    pub(super) batch: Batch,
    shares: Vec<(Range<usize>, Mutex<DecodedShare>)>,
    /// What was known of files when this began.
    pub(super) files_version: u64,
}

/// What some consecutive records turned out to be.
#[derive(Default)]
pub(super) struct DecodedShare {
    /// `Err` where the bytes do not decompress.
    pub(super) records: Vec<Result<Decoded, String>>,
    pub(super) samples: SampleColumns,
}

impl Batch {
    /// The next records of a segment.
    pub(super) fn read(reader: &mut SegmentReader) -> io::Result<Batch> {
        let bytes = Vec::with_capacity(BATCH_BYTES + SHARE_BYTES);
        let mut batch = Batch { bytes, ..Batch::default() };
        while batch.bytes.len() < BATCH_BYTES {
            match reader.next_stored()? {
                Some(StoredItem::Record(record)) => {
                    let at = batch.bytes.len();
                    batch.bytes.extend_from_slice(record.bytes);
                    let (start, end, stored_as) = (record.start, record.end, record.stored_as);
                    batch.records.push(Stored { start, end, stored_as, bytes: at..batch.bytes.len() });
                }
                Some(StoredItem::Damage { offset, message }) => {
                    batch.damage = Some((offset, message));
                    return Ok(batch);
                }
                None => {
                    batch.is_last = true;
                    return Ok(batch);
                }
            }
        }
        Ok(batch)
    }

    /// The bytes of a record.
    pub(super) fn decompress<'d>(
        &'d self,
        record: usize,
        decompressor: &'d mut Decompressor,
    ) -> Result<&'d [u8], String> {
        let Stored { stored_as, bytes, .. } = &self.records[record];
        decompressor.decompress(*stored_as, &self.bytes[bytes.clone()])
    }

    pub(super) fn records(&self) -> &[Stored] {
        &self.records
    }

    /// Whether a record from this one on can be read.
    pub(super) fn has_record(&self, from: usize) -> bool {
        let mut decompressor = Decompressor::default();
        (from..self.records.len()).any(|record| self.decompress(record, &mut decompressor).is_ok())
    }

    /// Consecutive records of about [`SHARE_BYTES`] each.
    fn shares(&self) -> Vec<Range<usize>> {
        let (mut shares, mut first) = (Vec::new(), 0);
        while first < self.records.len() {
            let until = self.records[first].bytes.start + SHARE_BYTES;
            let end = first + self.records[first..].partition_point(|record| record.bytes.start < until);
            shares.push(first..end);
            first = end;
        }
        shares
    }
}

impl Decoding {
    pub(super) fn new(batch: Batch, files_version: u64) -> Self {
        let shares = batch.shares().into_iter().map(|records| (records, Mutex::default())).collect();
        Decoding { batch, shares, files_version }
    }

    /// The records of each share, and what they turned out to be.
    pub(super) fn decoded(&self) -> impl Iterator<Item = (Range<usize>, DecodedShare)> {
        self.shares.iter().map(|(records, decoded)| (records.clone(), std::mem::take(&mut *decoded.lock())))
    }
}

impl Task for Decoding {
    type Tools = Decompressor;
    /// The log is read on only behind records that are decoded; samples may wait.
    const IS_FIRST: bool = true;

    fn shares(&self) -> usize {
        self.shares.len()
    }

    fn do_share(&self, share: usize, team: &Team<'_>, decompressor: &mut Decompressor) {
        let (records, decoded) = &self.shares[share];
        let mut found = DecodedShare::default();
        for record in records.clone() {
            let bytes = self.batch.decompress(record, decompressor);
            found.records.push(bytes.map(|bytes| decode(bytes, team, &mut found.samples)));
        }
        *decoded.lock() = found;
    }
}

fn decode(record: &[u8], team: &Team<'_>, samples: &mut SampleColumns) -> Decoded {
    if !RecordType::of(record).is_some_and(RecordType::is_samples) {
        return Decoded::Other(record.to_vec());
    }
    let before = samples.len();
    let in_files = team.in_files.read();
    match decode_sample_columns_where(record, samples, |reference, t_ms| !in_files.has(reference, t_ms)) {
        Ok(()) => Decoded::Samples(before..samples.len()),
        Err(error) => Decoded::Unreadable(error),
    }
}
