//! Asking a block: which series matchers select, their labels, and their samples.

mod labels;
mod matching;
mod notes;
mod querier;
mod samples;

pub(crate) use matching::{Selected, select};
pub(crate) use querier::labels_of;
pub(crate) use samples::decode_checked;
