//! Bit streams, most significant bit first.

mod read;
mod write;

pub(crate) use read::BitReader;
pub(crate) use read::{WINDOW, shifted};
pub(crate) use write::BitWriter;
