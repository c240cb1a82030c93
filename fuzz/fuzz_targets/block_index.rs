//! The index of a block: symbols, series, postings.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| promethium_block::fuzzing::index(data));
