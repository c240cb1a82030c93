//! Exposition text: decode, and encode what was read.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| promethium_exposition::fuzzing::text_lenient(data));
