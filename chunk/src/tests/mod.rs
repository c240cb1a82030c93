//! Tests of the crate as a whole.

mod examples;
mod generate;
mod placement;
mod properties;
mod steady;
mod xor;

fn hex(s: &str) -> Vec<u8> {
    s.split_whitespace().map(|b| u8::from_str_radix(b, 16).unwrap()).collect()
}
