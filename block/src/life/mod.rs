//! The life of blocks: which to merge, which to drop, and how they come and go on disk.

mod delete;
mod plan;
mod retention;
mod shelf;
mod snapshot;

pub use plan::{Plan, Reason, compaction_ranges, plan};
pub use retention::{Retention, RetentionReason, Stored, beyond_retention};
pub use shelf::{clean_leftovers, list_blocks, remove_block, set_aside};
pub use snapshot::link_block;
