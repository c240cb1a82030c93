//! Bit streams, most significant bit first.

mod read;
mod tail;
mod write;

pub(crate) use read::BitReader;
pub(crate) use read::{WINDOW, shifted};
pub(crate) use tail::TailWriter;
pub(crate) use write::BitWriter;

/// What bits are appended to.
pub(crate) trait BitSink {
    /// Appends the low `n` bits of `value`, 1 to 56; the others must be zero.
    fn push(&mut self, value: u64, n: u32);

    /// Appends a header's bits and those that follow it, at most 56 and 64, in one go where that is possible.
    fn push_both(&mut self, header: (u64, u32), value: (u64, u32));
}
