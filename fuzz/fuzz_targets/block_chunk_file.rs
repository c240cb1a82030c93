//! A chunk file of a block.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| promethium_block::fuzzing::chunk_file(data));
