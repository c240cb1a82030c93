//! A thin server composed from Promethium's crates.
fn main() {}
