//! Time-series storage in Prometheus' own data directory, with stated durability.
//!
//! # Should I use this?
//!
//! Yes, when your program should keep metrics by itself: samples of labelled series, appended in transactions, read back
//! by label matchers, safe across crashes. The directory is Prometheus' own, so that Prometheus and promtool read what
//! this writes, and this reads what they wrote. Whoever wants PromQL, scraping and rules around it takes the
//! `promethium` facade, where this is the storage.
//!
//! No, when values are text, when history is rewritten, or when the newest samples must outlive the machine they are on.
//!
//! ```
//! use promethium_model::{AppendOptions, Appendable, Labels, Point, QueryableExt, SeriesKey, TimeRange};
//! use promethium_tsdb::{Db, DbOptions};
//!
//! let db = Db::in_memory(DbOptions::default())?;
//! let mut tx = db.appender();
//! let series = Labels::from_pairs([("__name__", "temperature"), ("room", "kitchen")]);
//! tx.append(SeriesKey::Labels(&series), Point::float(1_000, 20.5), &AppendOptions::default())?;
//! tx.commit()?;
//! assert_eq!(db.read_all(TimeRange::ALL, &[])?.len(), 1);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # What is inside
//!
//! * [`Db`]: a *head* in memory, which answers queries, over a *write-ahead log*, from which it is restored; older data in
//!   *blocks*. It implements [`Queryable`](promethium_model::Queryable) and [`Appendable`](promethium_model::Appendable).
//! * [`Db::maintain`] is the life of data: head to blocks, blocks to larger blocks, retention, the log's end. It is a pump:
//!   nothing happens between two calls, and no thread is started.
//! * [`Sync`] says what a commit that returned `Ok` survives.
//! * [`Db::delete`], [`Db::clean_tombstones`], [`Db::snapshot`], [`Db::open_read_only`].
//! * [`Db::verify`] reads every byte of the directory that somebody may want back, while the store works, and says what is damaged.
//! * [`chunk`], [`block`] and [`vfs`] are usable alone; `vfs` has a simulated disk for tests.
//!
//! # Files
//!
//! ```text
//! <dir>/lock            held while open; removed by a clean close, so that the next opening knows
//! <dir>/wal/00000000 …  the log, as Prometheus has it; each opening starts a segment
//! <dir>/wal/checkpoint.00000005/  what older segments were folded into
//! <dir>/wbl/00000000 …  the log of late samples, where there is an out-of-order window
//! <dir>/chunks_head/    full chunks of the head: a cache of what the log says too
//! <dir>/chunk_snapshot.000001.0000032768/  the head as a Prometheus left it: taken by the next opening, and removed
//! <dir>/head_snapshot   the head some minutes ago, where `DbOptions::head_snapshot` asks for it: a short cut past the log
//! <dir>/01…/            blocks
//! <dir>/snapshots/      copies that were asked for
//! <dir>/wal.corrupt/    copies of segments in which damage was found; in wal/ their good records are left
//! <dir>/blocks.corrupt/ blocks of which nothing could be read, and merged ones in which damage was met
//! ```

mod batch;
mod db;
mod error;
mod head;
mod options;
mod prefetch;
mod query;

pub use db::{
    BackfillReport, BackfillSample, BackfillValue, Damage, Db, DbStats, DeleteReport, MaintainReport, ReplayReport,
    VerifyReport, backfill,
};
pub use error::TsdbError;
pub use head::cardinality::Cardinality;
pub use options::{DbOptions, FloatEncoding, ProgressKind, Sync};
pub use promethium_block as block;
pub use promethium_block::Retention;
pub use promethium_chunk as chunk;
pub use promethium_vfs as vfs;
pub use promethium_wal::{Compression, MAX_RECORD_BYTES, PAGE_BYTES};
