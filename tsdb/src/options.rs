//! How a database behaves.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use promethium_block::Retention;
use promethium_chunk::Encodings;
use promethium_model::Limits;

use crate::error::TsdbError;
use crate::head::cutting::MAX_RANGE_MS;
use promethium_wal::{Compression, PAGE_BYTES};

const DAY_MS: i64 = 24 * 60 * 60 * 1000;
const DEFAULT_RETENTION_MS: i64 = 15 * DAY_MS;
const DEFAULT_HEAD_SNAPSHOT_INTERVAL_MS: i64 = 10 * 60 * 1000;
const MAX_OPEN_THREADS: usize = 256;
const MAX_BLOCK_MS: i64 = 31 * DAY_MS;

/// When the log reaches the medium, and so what a commit that returned `Ok` survives.
///
/// | policy | the process is killed | the power goes |
/// |---|---|---|
/// | [`Always`](Sync::Always) | everything survives | everything survives |
/// | [`Interval(d)`](Sync::Interval) | everything survives | commits of the last `d` may be lost, and that at whose end the sync was due |
/// | [`Never`](Sync::Never) | everything survives | whatever the operating system had not written back, up to a segment |
///
/// What survives a power loss is always a prefix, in the order of commits: a lost commit takes all later ones with it
/// and leaves all earlier ones, within each of the two logs: late samples have a log of their own. Of a commit that the power
/// loss cut short, whole records survive: its floats (up to a million) together, its histograms together. Late samples go with
/// the record of their series, where that is lost.
///
/// The promise for power loss is as good as the medium's: it assumes that `fdatasync` reaches stable storage and that
/// what was synced does not change when later bytes are torn.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sync {
    /// Each commit waits until its bytes are on the medium. Commits that wait at once share one sync.
    Always,
    /// A commit that comes this long after the last sync, or longer, syncs; [`Db::maintain`](crate::Db::maintain) does
    /// so for a tail that no commit follows. Whoever calls `maintain` once per interval loses at most two intervals.
    /// A wall clock that jumps leads to an early sync, never to a late one.
    ///
    /// Deletes, snapshots and clean-ups sync what is due as well, and a delete that reaches blocks, where it is durable at
    /// once, makes everything before it durable first.
    Interval(Duration),
    /// Only the end of a segment, [`Db::sync`](crate::Db::sync) and [`Db::close`](crate::Db::close) sync, and whatever makes
    /// something else durable that came later: deletes, and the moves of chunks to files and of samples to blocks.
    Never,
}

impl Default for Sync {
    fn default() -> Self {
        Sync::Interval(Duration::from_secs(1))
    }
}

/// How a [`Db`](crate::Db) behaves; the defaults suit most.
///
/// ```
/// use promethium_tsdb::{DbOptions, Sync};
/// let options = DbOptions::new().sync(Sync::Always).segment_bytes(32 << 20);
/// assert_eq!(options.sync_policy(), Sync::Always);
/// ```
#[derive(Clone)]
pub struct DbOptions {
    pub(crate) sync: Sync,
    pub(crate) segment_bytes: u64,
    pub(crate) compression: Compression,
    pub(crate) limits: Limits,
    pub(crate) chunk_range_ms: i64,
    pub(crate) out_of_order_window_ms: i64,
    pub(crate) max_exemplars: usize,
    pub(crate) float_encoding: FloatEncoding,
    pub(crate) start_timestamps: bool,
    pub(crate) start_timestamp_zero_samples: bool,
    pub(crate) metadata: bool,
    pub(crate) retention: Retention,
    pub(crate) max_block_ms: Option<i64>,
    pub(crate) stale_series_compaction_threshold: f64,
    pub(crate) head_snapshot: bool,
    pub(crate) head_snapshot_interval_ms: i64,
    pub(crate) open_threads: usize,
    pub(crate) progress: Option<OnProgress>,
}

/// Which long work a report of progress is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ProgressKind {
    /// The log is read at opening; in segments.
    Replay,
    /// The head is written to a block; in series.
    Flush,
    /// Blocks are merged, or one is rid of what is deleted; in series.
    Compaction,
    /// The head is written to a snapshot; in series.
    Snapshot,
    /// Everything is checked: blocks and snapshots in series, logs in segments, head chunk files in chunks.
    Verify,
    /// Samples are written to blocks; in blocks.
    Backfill,
}

/// Is told how far long work is: kind, done, and in all as far as known.
pub(crate) type OnProgress = Arc<dyn Fn(ProgressKind, u64, u64) + Send + std::marker::Sync>;

/// How chunks of floats are written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum FloatEncoding {
    /// XOR chunks, which every Prometheus reads.
    #[default]
    Xor,
    /// XOR2 chunks, which Prometheus reads since 3.11: smaller where scrapes jitter and where series go stale.
    Xor2,
}

impl fmt::Debug for DbOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DbOptions")
            .field("sync", &self.sync)
            .field("segment_bytes", &self.segment_bytes)
            .field("compression", &self.compression)
            .field("chunk_range_ms", &self.chunk_range_ms)
            .field("out_of_order_window_ms", &self.out_of_order_window_ms)
            .field("retention", &self.retention)
            .finish_non_exhaustive()
    }
}

impl Default for DbOptions {
    fn default() -> Self {
        DbOptions {
            sync: Sync::default(),
            segment_bytes: 128 << 20,
            compression: Compression::default(),
            limits: Limits::default(),
            chunk_range_ms: 2 * 60 * 60 * 1000,
            out_of_order_window_ms: 0,
            max_exemplars: 100_000,
            float_encoding: FloatEncoding::default(),
            start_timestamps: false,
            start_timestamp_zero_samples: false,
            metadata: false,
            retention: Retention { time_ms: Some(DEFAULT_RETENTION_MS), bytes: None, percentage: None },
            max_block_ms: None,
            stale_series_compaction_threshold: 0.0,
            head_snapshot: false,
            head_snapshot_interval_ms: DEFAULT_HEAD_SNAPSHOT_INTERVAL_MS,
            open_threads: 1,
            progress: None,
        }
    }
}

impl DbOptions {
    /// The defaults.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// When the log reaches the medium. Default: every second.
    #[must_use]
    pub fn sync(mut self, policy: Sync) -> Self {
        self.sync = policy;
        self
    }

    /// The policy that was set.
    #[must_use]
    pub fn sync_policy(&self) -> Sync {
        self.sync
    }

    /// Bytes of a log segment: a multiple of [`PAGE_BYTES`]. Default: 128 MiB, as in Prometheus.
    #[must_use]
    pub fn segment_bytes(mut self, bytes: u64) -> Self {
        self.segment_bytes = bytes;
        self
    }

    /// How log records are compressed. Default: snappy, as in Prometheus.
    #[must_use]
    pub fn compression(mut self, compression: Compression) -> Self {
        self.compression = compression;
        self
    }

    /// Limits. Those that bind here: `max_series`, `max_transaction_samples`, `max_future_ms`, `max_labels`,
    /// `max_label_name_bytes`, `max_label_value_bytes`.
    #[must_use]
    pub fn limits(mut self, limits: Limits) -> Self {
        self.limits = limits;
        self
    }

    /// Milliseconds of the aligned ranges that no chunk crosses; an append may lie half of it behind the newest sample.
    /// Default: two hours, as in Prometheus.
    #[must_use]
    pub fn chunk_range_ms(mut self, ms: i64) -> Self {
        self.chunk_range_ms = ms;
        self
    }

    /// Milliseconds that a sample may lie behind the newest sample of the head, in whatever order it comes; 0 = samples
    /// come in order. Late samples have a log of their own. Default: 0, as in Prometheus.
    #[must_use]
    pub fn out_of_order_window_ms(mut self, ms: i64) -> Self {
        self.out_of_order_window_ms = ms;
        self
    }

    /// Exemplars that are kept, of all series together; the newest overwrite the oldest. Default: 100,000, as in
    /// Prometheus.
    #[must_use]
    pub fn max_exemplars(mut self, exemplars: usize) -> Self {
        self.max_exemplars = exemplars;
        self
    }

    /// How chunks of floats are written. Default: XOR.
    #[must_use]
    pub fn float_encoding(mut self, encoding: FloatEncoding) -> Self {
        self.float_encoding = encoding;
        self
    }

    /// Keep start timestamps, in XOR2 chunks and in chunks of histograms with start timestamps, and in log records of
    /// types 11 to 13: none of them is read by a Prometheus before 3.14. Default: no; start timestamps are then dropped.
    #[must_use]
    pub fn start_timestamps(mut self, keep: bool) -> Self {
        self.start_timestamps = keep;
        self
    }

    /// Put a zero where a counter says that it started, if no sample of its series lies there or behind it: Prometheus'
    /// `created-timestamp-zero-ingestion`. Default: no.
    #[must_use]
    pub fn start_timestamp_zero_samples(mut self, inject: bool) -> Self {
        self.start_timestamp_zero_samples = inject;
        self
    }

    /// Keep the metadata that comes with samples, in the log too: Prometheus' `metadata-wal-records`. Default: no.
    #[must_use]
    pub fn metadata(mut self, keep: bool) -> Self {
        self.metadata = keep;
        self
    }

    /// What is kept of blocks: so long, so much, or so much of the file system. Checked every minute by
    /// [`Db::maintain`](crate::Db::maintain), over whole blocks. Default: 15 days, as in Prometheus.
    #[must_use]
    pub fn retention(mut self, retention: Retention) -> Self {
        self.retention = retention;
        self
    }

    /// Milliseconds that a block may span after merges. Default: a tenth of the retention by time, at most 31 days.
    #[must_use]
    pub fn max_block_ms(mut self, ms: i64) -> Self {
        self.max_block_ms = Some(ms);
        self
    }

    /// The share of the head's series, from 0 to 1, that are stale when they leave it before their time: Prometheus 3.10's
    /// `stale_series_compaction_threshold`. [`Db::maintain`](crate::Db::maintain) looks once a minute, and leaves it at that where
    /// the oldest range is about to go to a block anyway; series with late samples stay. Their samples are then in blocks of their
    /// own, which are merged with their like only. A Prometheus before 3.10 that takes over the directory takes the log's note of
    /// such an eviction for a delete of all that the series got since it came back. Default: 0, never.
    #[must_use]
    pub fn stale_series_compaction_threshold(mut self, share: f64) -> Self {
        self.stale_series_compaction_threshold = share;
        self
    }

    /// Leave snapshots of the head: at a clean [`Db::close`](crate::Db::close), and from time to time by
    /// [`Db::maintain`](crate::Db::maintain), so that the next opening, after a crash too, reads the last one and no more of the log
    /// than came since: a restart takes a fraction of the time. Each writes the chunks that are still open, 200 to 300 bytes a
    /// series, and syncs the log whatever the policy. The log stays whole, and is read where a snapshot does not serve. Prometheus
    /// does not look at it. Default: no.
    #[must_use]
    pub fn head_snapshot(mut self, leave: bool) -> Self {
        self.head_snapshot = leave;
        self
    }

    /// Milliseconds between two snapshots of the head that [`Db::maintain`](crate::Db::maintain) leaves, and so of the log that an
    /// opening after a crash reads at most, more or less. Default: 600,000; at least 1.
    #[must_use]
    pub fn head_snapshot_interval_ms(mut self, ms: i64) -> Self {
        self.head_snapshot_interval_ms = ms;
        self
    }

    /// Threads that [`Db::open`](crate::Db::open) may work on, the caller's among them; the others have ended when it returns. What
    /// it restores does not depend on their number. Default: 1; at most 256.
    #[must_use]
    pub fn open_threads(mut self, threads: usize) -> Self {
        self.open_threads = threads;
        self
    }

    /// Is told how far long work is: replay, flushes, merges, snapshots, checks. It is called from the thread that does the
    /// work, with what is done and, as far as known, what there is in all.
    #[must_use]
    pub fn on_progress(mut self, tell: impl Fn(ProgressKind, u64, u64) + Send + std::marker::Sync + 'static) -> Self {
        self.progress = Some(Arc::new(tell));
        self
    }

    /// How chunks are written.
    pub(crate) fn encodings(&self) -> Encodings {
        let xor2 = self.start_timestamps || self.float_encoding == FloatEncoding::Xor2;
        Encodings { xor2, histogram_start_timestamps: self.start_timestamps }
    }

    pub(crate) fn longest_block_ms(&self) -> i64 {
        self.max_block_ms.unwrap_or_else(|| {
            let tenth = self.retention.time_ms.map_or(MAX_BLOCK_MS, |ms| ms / 10);
            tenth.clamp(self.chunk_range_ms, MAX_BLOCK_MS.max(self.chunk_range_ms))
        })
    }

    pub(crate) fn check(&self) -> Result<(), TsdbError> {
        let pages = self.segment_bytes / PAGE_BYTES as u64;
        if pages == 0 || !self.segment_bytes.is_multiple_of(PAGE_BYTES as u64) {
            let message = format!("{} is not a positive multiple of {PAGE_BYTES}", self.segment_bytes);
            return Err(TsdbError::InvalidOption { name: "segment_bytes", message });
        }
        if !(1..=MAX_RANGE_MS).contains(&self.chunk_range_ms) {
            let message = format!("{} is not between 1 and {MAX_RANGE_MS}", self.chunk_range_ms);
            return Err(TsdbError::InvalidOption { name: "chunk_range_ms", message });
        }
        if self.out_of_order_window_ms < 0 {
            let message = format!("{} is negative", self.out_of_order_window_ms);
            return Err(TsdbError::InvalidOption { name: "out_of_order_window_ms", message });
        }
        if self.head_snapshot_interval_ms < 1 {
            let message = format!("{} is not positive", self.head_snapshot_interval_ms);
            return Err(TsdbError::InvalidOption { name: "head_snapshot_interval_ms", message });
        }
        if !(1..=MAX_OPEN_THREADS).contains(&self.open_threads) {
            let message = format!("{} is not between 1 and {MAX_OPEN_THREADS}", self.open_threads);
            return Err(TsdbError::InvalidOption { name: "open_threads", message });
        }
        if !(0.0..=1.0).contains(&self.stale_series_compaction_threshold) {
            let message = format!("{} is not between 0 and 1", self.stale_series_compaction_threshold);
            return Err(TsdbError::InvalidOption { name: "stale_series_compaction_threshold", message });
        }
        if self.max_exemplars >= u32::MAX as usize {
            let message = format!("{} does not fit into 32 bits", self.max_exemplars);
            return Err(TsdbError::InvalidOption { name: "max_exemplars", message });
        }
        if self.limits.max_series >= u32::MAX as usize {
            let message = format!("{} does not fit into 32 bits", self.limits.max_series);
            return Err(TsdbError::InvalidOption { name: "limits.max_series", message });
        }
        Ok(())
    }
}
