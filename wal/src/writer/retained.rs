//! Records that were written and not yet synced.

use std::collections::VecDeque;

use super::segment::Segment;
use super::{WalError, Written};
use crate::frame::PreparedRecord;

/// Keeps records until they are durable.
#[derive(Default)]
pub(super) struct Retained {
    // Each with the place in the log behind its batch.
    records: VecDeque<(PreparedRecord, Written)>,
    bytes: usize,
}

impl Retained {
    pub(super) fn len(&self) -> usize {
        self.records.len()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.records.is_empty()
    }

    /// Bytes of the records as stored.
    pub(super) fn bytes(&self) -> usize {
        self.bytes
    }

    pub(super) fn keep(&mut self, records: &[PreparedRecord], end: Written) {
        self.bytes += records.iter().map(|r| r.stored.len()).sum::<usize>();
        self.records.extend(records.iter().map(|r| (r.clone(), end)));
    }

    /// Forgets what ends at `synced` or before.
    pub(super) fn forget(&mut self, synced: Written) {
        while self.records.front().is_some_and(|(_, end)| *end <= synced) {
            self.bytes -= self.records.pop_front().map_or(0, |(record, _)| record.stored.len());
        }
    }

    /// Writes all records to an empty segment and syncs it.
    pub(super) fn relog(&self, segment: &mut Segment) -> Result<(), WalError> {
        let mut frames = Vec::new();
        let end = self.records.iter().fold(0, |at, (record, _)| record.frame(&mut frames, at));
        segment.append(&frames)?;
        segment.len = end;
        segment.sync()
    }
}
