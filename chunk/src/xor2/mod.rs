//! XOR2 chunks: floats with start timestamps. One prefix codes time and value together, and stale markers move neither
//! the value that others are compared with nor its window.

mod decode;
mod encode;

pub(crate) use decode::decode_columns;
pub use encode::Xor2Appender;
