//! Blocks: the immutable directories of a Prometheus data directory.
//!
//! # Should I use this?
//!
//! Yes, when you read or write blocks by themselves: tools, exporters, back-fillers. Whoever wants a store takes
//! `promethium-tsdb`.
//!
//! ```
//! use std::{ops::ControlFlow, path::Path};
//! use promethium_block::{Block, BlockMeta, MemorySource, Ulid, WriteOptions, write_block};
//! use promethium_chunk::{Encodings, SplitRule, encode};
//! use promethium_model::{Labels, Matcher, QueryableExt, SampleBatch, TimeRange};
//! use promethium_vfs::{MemVfs, Vfs};
//!
//! let (vfs, data, ulid) = (MemVfs::new(), Path::new("/data"), Ulid::from_parts(1_000, 42));
//! vfs.create_dir(data)?;
//! let mut samples = SampleBatch::new();
//! samples.push_float(10, 1.5);
//! let up = Labels::from_pairs([("__name__", "up"), ("job", "node")]);
//! let mut source = MemorySource::new([(up, encode(&samples, Encodings::CLASSIC, SplitRule::MERGE))]);
//! let meta = BlockMeta::of_level_one(ulid, 0, 1_000);
//! write_block(&vfs, data, meta, &mut [&mut source], &WriteOptions::default(), &mut |_| ControlFlow::Continue(()))?;
//!
//! let block = Block::open(&vfs, &data.join(ulid.to_string()))?;
//! let found = block.read_all(TimeRange::ALL, &[Matcher::equal("job", "node")])?;
//! assert_eq!(found[0].1.floats, [1.5]);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! [`Block::open`] opens a block that Prometheus or anybody else wrote (index versions 1, 2 and 3); it is a
//! [`Queryable`](promethium_model::Queryable). Its table says what is checked when, and what damage costs.
//! [`BlockWriter`] writes one series by series; [`write_block`] writes one of any [`SeriesSource`]s, which is what flushing,
//! compacting ([`compact`]), cleaning and back-filling are. [`plan`] and [`beyond_retention`] decide what to merge and what to
//! drop. [`postings`] is the algebra of series ids.

mod block;
mod bytes;
mod cardinality;
mod chunks;
mod damage;
mod error;
#[doc(hidden)]
pub mod fuzzing;
mod index;
mod life;
mod merge;
mod meta;
pub mod postings;
mod query;
mod rows;
mod source;
mod tombstones;
mod ulid;
mod verify;
mod walk;
mod write;

pub use block::Block;
pub use cardinality::{Cardinality, CardinalityCounter, Ranked};
pub use chunks::DEFAULT_CHUNK_FILE_BYTES;
pub use error::{BlockError, Damage, Part};
pub use index::{ChunkMeta, INDEX_FILE};
pub use life::{
    Plan, Reason, Retention, RetentionReason, Stored, beyond_retention, clean_leftovers, compaction_ranges, link_block,
    list_blocks, plan, remove_block, set_aside,
};
pub use merge::{OnProgress, Progress, WriteOptions, Written, clean_tombstones, compact, merged_meta, write_block};
pub use meta::{BlockMeta, BlockStats, Compaction, MAX_META_BYTES, META_FILE, Parent, hint};
pub use source::{BlockSource, MemorySource, SeriesSource, SourceChunk, SourceSeries};
pub use tombstones::{Interval, Intervals, TOMBSTONES_FILE, Tombstones};
pub use ulid::{NotAUlid, Ulid, UlidSource};
pub use verify::Verified;
pub use write::BlockWriter;
