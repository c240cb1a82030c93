//! Records of m-map markers, in a WBL: `repeat: u64 reference · u64 head chunk reference`.

use super::{RecordError, RecordType, all_or_nothing, body};
use crate::head_chunks::HeadChunkRef;

/// Everything that the WBL said about this series before this record is in the head chunk files, up to this chunk.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MmapMarker {
    /// The reference that a series record gave.
    pub series: u64,
    /// The chunk; [`HeadChunkRef::NONE`] when the first out-of-order chunk begins and nothing is on disk yet.
    pub chunk: HeadChunkRef,
}

/// A record of type 5.
#[must_use]
pub fn encode_mmap_markers(markers: &[MmapMarker]) -> Vec<u8> {
    let mut record = vec![RecordType::MmapMarkers as u8];
    for marker in markers {
        record.extend_from_slice(&marker.series.to_be_bytes());
        record.extend_from_slice(&marker.chunk.0.to_be_bytes());
    }
    record
}

/// Appends the markers of a record of type 5 to `out`.
///
/// # Errors
///
/// When the record is of another type or cut short.
pub fn decode_mmap_markers(record: &[u8], out: &mut Vec<MmapMarker>) -> Result<(), RecordError> {
    all_or_nothing(out, |out| {
        let mut rest = body(record, "m-map markers", &[RecordType::MmapMarkers])?;
        while !rest.is_empty() {
            let series = rest.u64("reference")?;
            out.push(MmapMarker { series, chunk: HeadChunkRef(rest.u64("chunk reference")?) });
        }
        Ok(())
    })
}
