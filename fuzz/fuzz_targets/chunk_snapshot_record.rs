//! One record of a memory snapshot.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| promethium_wal::fuzzing::chunk_snapshot_record(data));
