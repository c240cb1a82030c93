//! Writing the log: a state machine that never writes to a file it can no longer trust.

mod retained;
mod segment;

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::frame::{PreparedRecord, left_in_page};
use super::{PAGE_BYTES, WalError};
use crate::head_snapshot::LogPosition;
use promethium_vfs::{Vfs, VfsFile};
use retained::Retained;
use segment::Segment;

/// How far the log was written: bytes since it was opened, over all segments.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Written(pub u64);

/// How many bytes of records are kept until they are synced, so that a failed sync can be made good; a writer that has
/// more syncs by itself before it takes the next batch. See [`WalWriter::with_max_unsynced_bytes`].
pub const DEFAULT_MAX_UNSYNCED_BYTES: usize = 8 << 20;

/// Appends to the newest segment and starts further ones.
///
/// After a failure the writer is in one of two states, and every later call tries to leave the second one:
///
/// | what failed | what the writer does | then |
/// |---|---|---|
/// | a write, for want of space | cuts off what the write left | open: the batch was not taken, the next may be |
/// | any other write | seals the segment, starts the next one, writes the batch there | open, or sealed when that fails too |
/// | a sync | seals the segment, writes all records since the last good sync to the next one, syncs that | open, or sealed |
/// | anything while sealed | keeps the unsynced records | sealed: the next call tries again |
///
/// A sealed segment is never written or synced again: after a failed sync nobody knows which of its pages the system
/// dropped. Once its unsynced records are safe elsewhere it is cut back to what was synced. An append that fails leaves
/// the log as it was before. Segments before the current one are always synced.
pub struct WalWriter {
    vfs: Arc<dyn Vfs>,
    dir: PathBuf,
    segment_bytes: u64,
    segment: Segment,
    is_sealed: bool,
    // The next segment, where it could be created but not yet made the current one.
    draft: Option<Segment>,
    written: Written,
    synced: Written,
    // Records behind `synced`.
    retained: Retained,
    max_unsynced_bytes: usize,
    syncs_in_flight: usize,
    frames: Vec<u8>,
    trouble: WriterTrouble,
}

/// What went wrong in the life of a writer, whether or not it was made good.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct WriterTrouble {
    /// Failed writes.
    pub failed_writes: u64,
    /// Failed syncs.
    pub failed_syncs: u64,
    /// Segments that were given up after a failure.
    pub sealed_segments: u64,
    /// Records that were written again to another segment after a failure.
    pub relogged_records: u64,
    /// The latest failure, with its file.
    pub last_error: Option<String>,
}

/// The right to sync what was written up to a point, without holding the writer: see [`WalWriter::begin_sync`].
#[must_use = "a sync that was begun must be finished"]
pub struct SyncPoint {
    file: Arc<dyn VfsFile>,
    path: PathBuf,
    segment: u64,
    len: u64,
    written: Written,
}

impl SyncPoint {
    /// Syncs. Give the result to [`WalWriter::finish_sync`].
    ///
    /// # Errors
    ///
    /// As the file's sync.
    pub fn sync(&self) -> io::Result<()> {
        self.file.sync()
    }

    /// How far everything is durable once the sync has succeeded.
    #[must_use]
    pub fn written(&self) -> Written {
        self.written
    }

    /// Where that is in the log.
    #[must_use]
    pub fn position(&self) -> LogPosition {
        LogPosition { segment: self.segment, offset: self.len }
    }
}

impl WalWriter {
    /// Starts segment `index` of the log in `dir`.
    ///
    /// # Errors
    ///
    /// When the file exists or cannot be created durably.
    pub fn create(vfs: Arc<dyn Vfs>, dir: &Path, index: u64, segment_bytes: u64) -> Result<Self, WalError> {
        let segment = Segment::create(&*vfs, dir, index)?;
        vfs.sync_dir(dir).map_err(WalError::at(dir))?;
        Ok(WalWriter {
            vfs,
            dir: dir.to_path_buf(),
            segment_bytes,
            segment,
            is_sealed: false,
            draft: None,
            written: Written::default(),
            synced: Written::default(),
            retained: Retained::default(),
            max_unsynced_bytes: DEFAULT_MAX_UNSYNCED_BYTES,
            syncs_in_flight: 0,
            frames: Vec::new(),
            trouble: WriterTrouble::default(),
        })
    }

    /// Keeps at most about `bytes` of unsynced records, beside one batch; [`DEFAULT_MAX_UNSYNCED_BYTES`] otherwise.
    #[must_use]
    pub fn with_max_unsynced_bytes(mut self, bytes: usize) -> Self {
        self.max_unsynced_bytes = bytes;
        self
    }

    /// Writes a batch of records with one append. A batch goes into one segment, even one that is longer than a segment
    /// should be.
    ///
    /// # Errors
    ///
    /// When the batch could not be written, nor to a new segment; none of it is in the log then.
    pub fn append(&mut self, records: &[PreparedRecord]) -> Result<Written, WalError> {
        self.reopen()?;
        if self.retained.bytes() >= self.max_unsynced_bytes {
            self.sync()?;
        }
        let mut end = self.frame(records);
        if end > self.segment_bytes && self.segment.len > 0 {
            self.cut()?;
            end = self.frame(records);
        }
        if let Err(error) = self.write_framed(records, end) {
            // A full medium is no reason to give up the segment, as long as it is known what is in it.
            if error.is_out_of_space() && !self.is_sealed {
                return Err(error);
            }
            self.seal();
            self.reopen()?;
            self.write(records)?;
        }
        self.frames.shrink_to(PAGE_BYTES * 32);
        Ok(self.written)
    }

    fn frame(&mut self, records: &[PreparedRecord]) -> u64 {
        self.frames.clear();
        records.iter().fold(self.segment.len, |at, record| record.frame(&mut self.frames, at))
    }

    fn write(&mut self, records: &[PreparedRecord]) -> Result<(), WalError> {
        let end = self.frame(records);
        self.write_framed(records, end)
    }

    /// Writes records that were framed for where the segment ends.
    fn write_framed(&mut self, records: &[PreparedRecord], end: u64) -> Result<(), WalError> {
        let frames = std::mem::take(&mut self.frames);
        let result = self.append_or_roll_back(&frames);
        self.frames = frames;
        result?;
        self.advance(end);
        self.retained.keep(records, self.written);
        Ok(())
    }

    fn advance(&mut self, end: u64) {
        self.written.0 += end - self.segment.len;
        self.segment.len = end;
    }

    /// Appends to the segment; when that fails, cuts off what it left, and seals the segment when that fails too.
    fn append_or_roll_back(&mut self, data: &[u8]) -> Result<(), WalError> {
        self.segment.append(data).inspect_err(|error| {
            self.trouble.failed_writes += 1;
            self.trouble.last_error = Some(error.to_string());
            if self.segment.file.truncate(self.segment.len).is_err() {
                self.is_sealed = true;
                self.trouble.sealed_segments += 1;
            }
        })
    }

    fn seal(&mut self) {
        // An empty segment that could be cut to nothing is as good as a new one.
        if !self.is_sealed && self.segment.len > 0 {
            self.is_sealed = true;
            self.trouble.sealed_segments += 1;
        }
    }

    /// Leaves the sealed state: a new segment gets everything that was not synced.
    fn reopen(&mut self) -> Result<(), WalError> {
        if !self.is_sealed {
            return Ok(());
        }
        let mut next = self.next_segment()?;
        if let Err(error) = self.retained.relog(&mut next) {
            self.trouble.last_error = Some(error.to_string());
            self.draft = Some(next);
            return Err(error);
        }
        self.trouble.relogged_records += self.retained.len() as u64;
        let sealed = std::mem::replace(&mut self.segment, next);
        self.is_sealed = false;
        self.mark_synced(self.written);
        // Left as it is, its records would be read twice, which costs time and nothing else.
        let _ = sealed.file.truncate(sealed.synced_len);
        Ok(())
    }

    /// The segment behind the current one, durably created and empty.
    fn next_segment(&mut self) -> Result<Segment, WalError> {
        let mut next = match self.draft.take() {
            Some(draft) => draft,
            None => Segment::create(&*self.vfs, &self.dir, self.segment.index + 1)?,
        };
        let ready = next.clear().and_then(|()| self.vfs.sync_dir(&self.dir).map_err(WalError::at(&self.dir)));
        match ready {
            Ok(()) => Ok(next),
            Err(error) => {
                self.draft = Some(next);
                Err(error)
            }
        }
    }

    /// Ends the segment, synced, and starts the next.
    ///
    /// # Errors
    ///
    /// When the segment cannot be written or synced, or the next one not be created. The log goes on in the old one.
    pub fn cut(&mut self) -> Result<(), WalError> {
        let before = self.segment.index;
        self.pad()?;
        self.sync()?;
        // A failed sync has already led to a new segment.
        if self.segment.index == before {
            self.segment = self.next_segment()?;
        }
        Ok(())
    }

    /// Fills the last page with zeros, as a clean end of a segment has it.
    ///
    /// # Errors
    ///
    /// When the write fails.
    pub fn pad(&mut self) -> Result<(), WalError> {
        self.reopen()?;
        let left = left_in_page(self.segment.len);
        if left < PAGE_BYTES {
            self.append_or_roll_back(&vec![0; left])?;
            self.advance(self.segment.len + left as u64);
        }
        Ok(())
    }

    /// Makes everything written so far durable, holding the writer.
    ///
    /// # Errors
    ///
    /// When the sync fails and the unsynced records cannot be written to another segment either. They are kept.
    pub fn sync(&mut self) -> Result<(), WalError> {
        self.reopen()?;
        let result = self.segment.file.sync();
        let point = self.point();
        // A failure may be told to one of two callers only: that of the other one is still to come.
        if result.is_ok() && self.syncs_in_flight > 0 {
            return Ok(());
        }
        self.settle(&point, result)
    }

    /// Begins a sync that does not hold the writer: take the point under the lock, [`SyncPoint::sync`] without it, and
    /// [`WalWriter::finish_sync`] under the lock again.
    ///
    /// # Errors
    ///
    /// When the log is sealed and still cannot be opened again.
    pub fn begin_sync(&mut self) -> Result<SyncPoint, WalError> {
        self.reopen()?;
        self.syncs_in_flight += 1;
        Ok(self.point())
    }

    /// Ends a sync that [`WalWriter::begin_sync`] began, and says how far everything is durable now. A failed one is made
    /// good here, by writing all unsynced records to a new segment.
    ///
    /// # Errors
    ///
    /// When the sync failed and could not be made good. The records are kept, and every later call tries again; a caller
    /// that tells its own callers that their records were not taken says so with [`WalWriter::discard_unsynced`].
    pub fn finish_sync(&mut self, point: &SyncPoint, result: io::Result<()>) -> Result<Written, WalError> {
        self.syncs_in_flight = self.syncs_in_flight.saturating_sub(1);
        self.settle(point, result)?;
        Ok(self.synced)
    }

    fn settle(&mut self, point: &SyncPoint, result: io::Result<()>) -> Result<(), WalError> {
        let Err(source) = result else {
            if self.segment.index == point.segment && !self.is_sealed {
                self.segment.synced_len = self.segment.synced_len.max(point.len);
            }
            self.mark_synced(point.written);
            return Ok(());
        };
        let error = WalError::Io { path: point.path.clone(), source };
        self.trouble.failed_syncs += 1;
        self.trouble.last_error = Some(error.to_string());
        if self.retained.is_empty() && self.synced >= point.written {
            return Ok(());
        }
        self.is_sealed = true;
        self.trouble.sealed_segments += 1;
        self.reopen()
    }

    fn mark_synced(&mut self, up_to: Written) {
        self.synced = self.synced.max(up_to);
        self.retained.forget(self.synced);
    }

    fn point(&self) -> SyncPoint {
        SyncPoint {
            file: Arc::clone(&self.segment.file),
            path: self.segment.path.clone(),
            segment: self.segment.index,
            len: self.segment.len,
            written: self.written,
        }
    }

    /// Forgets the records that are not synced, while the log is sealed, and says how many they were: for a caller that
    /// acknowledges nothing before it is durable, and has told its own callers that these are not. Without effect
    /// otherwise.
    pub fn discard_unsynced(&mut self) -> usize {
        if !self.is_sealed {
            return 0;
        }
        let discarded = self.retained.len();
        self.retained.forget(self.written);
        discarded
    }

    /// The file to sync, and how far everything is then durable. For callers that end with the first failure; others
    /// take [`WalWriter::begin_sync`].
    pub fn sync_point(&self) -> (Arc<dyn VfsFile>, PathBuf, Written) {
        (Arc::clone(&self.segment.file), self.segment.path.clone(), self.written)
    }

    /// The number of the segment that is written.
    #[must_use]
    pub fn segment_index(&self) -> u64 {
        self.segment.index
    }

    /// Bytes of the segment that is written: together with its number, the place where the log ends.
    #[must_use]
    pub fn segment_len(&self) -> u64 {
        self.segment.len
    }

    /// How far the log was written.
    #[must_use]
    pub fn written(&self) -> Written {
        self.written
    }

    /// How far the log is known to be durable.
    #[must_use]
    pub fn synced(&self) -> Written {
        self.synced
    }

    /// Whether a failure is not made good yet. Appends and syncs try that first, and fail as long as it fails.
    #[must_use]
    pub fn is_sealed(&self) -> bool {
        self.is_sealed
    }

    /// What went wrong so far.
    #[must_use]
    pub fn trouble(&self) -> &WriterTrouble {
        &self.trouble
    }
}

#[cfg(test)]
mod tests;
