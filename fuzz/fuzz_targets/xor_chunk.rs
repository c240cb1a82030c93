//! An XOR chunk.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| promethium_chunk::fuzzing::xor_chunk(data));
