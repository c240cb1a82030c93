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
//! * [`Db`]: a *head* in memory, which answers queries, over a *write-ahead log*, from which it is restored.
//!   It implements [`Queryable`](promethium_model::Queryable) and [`Appendable`](promethium_model::Appendable).
//! * [`Sync`] says what a commit that returned `Ok` survives.
//! * [`chunk`]: the compressed runs of samples, usable alone.
//! * [`vfs`]: the files behind all this, with a simulated disk for tests.
//!
//! # Files
//!
//! ```text
//! <dir>/lock            held while open; removed by a clean close, so that the next opening knows
//! <dir>/wal/00000000 …  the log, as Prometheus has it; each opening starts a segment
//! <dir>/wbl/00000000 …  the log of late samples, where there is an out-of-order window
//! <dir>/01…/            blocks
//! <dir>/blocks.corrupt/ blocks of which nothing could be read
//! <dir>/wal.corrupt/    copies of segments in which damage was found; in wal/ their good records are left
//! ```
//!
//! # What it does not do
//!
//! The head is not flushed to blocks and the log is not truncated: the head holds everything since the newest block.
//! Blocks are read, not written.

#![allow(dead_code, reason = "what the life of blocks uses, which comes next")]

mod batch;
mod db;
mod error;
mod head;
mod options;
mod query;

pub use db::{Damage, Db, DbStats, DeleteReport, MaintainReport, ReplayReport};
pub use error::TsdbError;
pub use options::{DbOptions, FloatEncoding, Sync};
pub use promethium_chunk as chunk;
pub use promethium_vfs as vfs;
pub use promethium_wal::{Compression, MAX_RECORD_BYTES, PAGE_BYTES};
