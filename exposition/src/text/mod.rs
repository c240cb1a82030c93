//! The Prometheus text format, versions 0.0.4 and 1.0.0.
//!
//! The grammar is that of Prometheus' own lexer, with its corners: blanks and tabs between any two tokens, a
//! tolerated missing comma, line breaks inside label values, and a NUL at the start of a line that ends the page.

mod decoder;
mod diagnose;
mod encode;
mod metadata;
mod sample;

pub use decoder::Decoder;
pub use encode::{Encoder, Family};
