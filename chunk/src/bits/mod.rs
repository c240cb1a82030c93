//! Bit streams, most significant bit first.

mod classes;
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

    /// A LEB128 number, byte by byte: ten at most.
    fn push_uvarint(&mut self, mut value: u64) {
        while value >= 0x80 {
            self.push(value & 0x7f | 0x80, 8);
            value >>= 7;
        }
        self.push(value, 8);
    }

    /// A zig-zag LEB128 number.
    fn push_varint(&mut self, value: i64) {
        self.push_uvarint(((value << 1) ^ (value >> 63)) as u64);
    }
}
