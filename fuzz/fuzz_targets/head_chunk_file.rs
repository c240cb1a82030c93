//! One head chunk file.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| promethium_wal::fuzzing::head_chunk_file(data));
