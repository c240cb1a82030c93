//! A series that the log names more than once.

use std::path::Path;
use std::sync::Arc;

use promethium_chunk::{Encoding, XorAppender};
use promethium_model::{QueryableExt, TimeRange};
use promethium_tsdb::vfs::{SimVfs, Vfs};
use promethium_wal::head_chunks::{HeadChunks, NewHeadChunk};
use promethium_wal::{Compression, Compressor, RefSample, WalWriter, encode_samples, encode_series_entry};

use crate::support::{START_MS, always, labels, open};

const SEGMENT_BYTES: u64 = 128 << 10;

fn write_log(vfs: &Arc<dyn Vfs>, records: Vec<Vec<u8>>) {
    let dir = Path::new("/data/wal");
    vfs.create_dir(dir).unwrap();
    let mut writer = WalWriter::create(Arc::clone(vfs), dir, 0, SEGMENT_BYTES).unwrap();
    let mut compressor = Compressor::default();
    let prepared: Vec<_> = records.into_iter().map(|r| compressor.prepare(r, Compression::None)).collect();
    writer.append(&prepared).unwrap();
    writer.sync().unwrap();
}

/// A full chunk for each time, under the reference beside it.
fn write_chunks(vfs: &Arc<dyn Vfs>, chunks: &[(u64, i64)]) {
    let (files, _) = HeadChunks::open(Arc::clone(vfs), Path::new("/data/chunks_head"), &mut |_| ()).unwrap();
    for (series, at_ms) in chunks {
        let mut chunk = XorAppender::new();
        chunk.push(*at_ms, *at_ms as f64);
        let (min_ms, max_ms, data) = (*at_ms, *at_ms, &chunk.to_bytes()[..]);
        let new = NewHeadChunk {
            series: *series,
            min_ms,
            max_ms,
            encoding: Encoding::Xor as u8,
            is_out_of_order: false,
            data,
        };
        files.append(&[new], &mut Vec::new()).unwrap();
    }
    files.sync().unwrap();
}

#[test]
fn chunks_under_all_references_of_a_series_come_together() {
    let at = |n: i64| START_MS + n * 1_000;
    // It was 17 first, then 30, then, once the log had been read again, 17.
    for in_files in [&[(30, at(1)), (17, at(2))][..], &[(30, at(1))], &[]] {
        let disk = SimVfs::new(3);
        let vfs: Arc<dyn Vfs> = Arc::new(disk.clone());
        let mut series = Vec::new();
        let names = labels(1);
        for reference in [17, 30] {
            let pairs: Vec<_> = names.iter().collect();
            encode_series_entry(&mut series, reference, pairs.into_iter());
        }
        let logged = [(30, 1), (17, 2), (17, 3)];
        let sample = |(series, n): (u64, i64)| RefSample { series, timestamp_ms: at(n), value: at(n) as f64 };
        write_log(&vfs, vec![series, encode_samples(logged.into_iter().map(sample))]);
        write_chunks(&vfs, in_files);
        // From the log, then from the snapshot that a close leaves.
        for is_from_snapshot in [false, true] {
            let db = open(&disk, always().segment_bytes(SEGMENT_BYTES).head_snapshot(true)).unwrap();
            assert_eq!(db.replay_report().from_snapshot, is_from_snapshot, "{in_files:?}");
            assert_eq!(db.replay_report().damage_count, 0);
            let found = db.read_all(TimeRange::ALL, &[]).unwrap();
            let times: Vec<_> = found.iter().flat_map(|(_, batch)| batch.timestamps.clone()).collect();
            assert_eq!(times, [1, 2, 3].map(at), "{in_files:?}");
            db.close().unwrap();
        }
    }
}
