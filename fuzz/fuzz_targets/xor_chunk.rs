//! An XOR chunk.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| promethium_tsdb::fuzzing::xor_chunk(data));
