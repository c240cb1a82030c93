//! XOR chunks: floats, after Facebook's Gorilla.

mod decode;
mod encode;

pub(crate) use decode::decode_columns;
pub use encode::XorAppender;
