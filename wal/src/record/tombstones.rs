//! Tombstone records: `repeat: u64 reference · varint min · varint max`.

use super::cursor::push_varint;
use super::{RecordError, RecordType, all_or_nothing, body};

/// A deleted interval of a series.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RefTombstone {
    /// The reference that a series record gave.
    pub series: u64,
    /// First deleted time, milliseconds since the epoch.
    pub min_ms: i64,
    /// Last deleted time, inclusive.
    pub max_ms: i64,
}

impl RefTombstone {
    /// The interval by which Prometheus 3 says that a series was evicted from the head: replay drops the series.
    #[must_use]
    pub fn evicts_series(&self) -> bool {
        (self.min_ms, self.max_ms) == (i64::MIN, i64::MAX)
    }
}

/// A record of type 3.
#[must_use]
pub fn encode_tombstones(tombstones: &[RefTombstone]) -> Vec<u8> {
    let mut record = vec![RecordType::Tombstones as u8];
    for stone in tombstones {
        record.extend_from_slice(&stone.series.to_be_bytes());
        push_varint(&mut record, stone.min_ms);
        push_varint(&mut record, stone.max_ms);
    }
    record
}

/// Appends the intervals of a record of type 3 to `out`.
///
/// # Errors
///
/// When the record is of another type or cut short.
pub fn decode_tombstones(record: &[u8], out: &mut Vec<RefTombstone>) -> Result<(), RecordError> {
    all_or_nothing(out, |out| {
        let mut rest = body(record, "tombstones", &[RecordType::Tombstones])?;
        while !rest.is_empty() {
            let (series, min_ms, max_ms) = (rest.u64("reference")?, rest.varint("min time")?, rest.varint("max time")?);
            out.push(RefTombstone { series, min_ms, max_ms });
        }
        Ok(())
    })
}
