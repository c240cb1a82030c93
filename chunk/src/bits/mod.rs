//! Bit streams, most significant bit first.

mod read;
mod write;

pub(crate) use read::{BitReader, shifted};
pub(crate) use write::{BitWriter, push_bits, push_uvarint, push_varint, push_wide, signed_code};
