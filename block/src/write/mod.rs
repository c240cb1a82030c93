//! Writing blocks.

mod block_writer;
mod out;

pub use block_writer::BlockWriter;
pub(crate) use out::Out;

/// The suffix of a block's directory while it is written.
pub(crate) const TMP_CREATE_SUFFIX: &str = ".tmp-for-creation";
/// The suffix of a block's directory while it is removed.
pub(crate) const TMP_DELETE_SUFFIX: &str = ".tmp-for-deletion";
/// The suffix that Prometheus used before 2.21.
pub(crate) const TMP_OLD_SUFFIX: &str = ".tmp";
