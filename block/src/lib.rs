//! Blocks: the immutable directories of a Prometheus data directory.
//!
//! # Should I use this?
//!
//! Yes, when you read or write blocks by themselves: tools, exporters, back-fillers. Whoever wants a store takes
//! `promethium-tsdb`.
//!
//! [`Block::open`] opens a block that Prometheus or anybody else wrote (index versions 1, 2 and 3); it is a
//! [`Queryable`](promethium_model::Queryable). Its table says what is checked when, and what damage costs.
//! [`postings`] is the algebra of series ids.
#![allow(dead_code, reason = "what the writer uses, which comes next")]

mod block;
mod bytes;
mod chunks;
mod damage;
mod error;
mod index;
mod meta;
pub mod postings;
mod query;
mod rows;
mod tombstones;
mod ulid;
mod walk;

pub use block::Block;
pub use error::{BlockError, Damage, Part};
pub use index::{ChunkMeta, INDEX_FILE};
pub use meta::{BlockMeta, BlockStats, Compaction, MAX_META_BYTES, META_FILE, Parent, hint};
pub use tombstones::{Interval, Intervals, TOMBSTONES_FILE, Tombstones};
pub use ulid::{NotAUlid, Ulid, UlidSource};
