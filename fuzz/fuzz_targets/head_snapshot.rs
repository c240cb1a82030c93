//! One head snapshot.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| promethium_wal::fuzzing::head_snapshot(data));
