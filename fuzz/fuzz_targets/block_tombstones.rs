//! The tombstones of a block.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| promethium_block::fuzzing::tombstones(data));
