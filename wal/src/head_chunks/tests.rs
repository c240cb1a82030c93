use std::path::Path;
use std::sync::Arc;

use super::*;
use crate::WalError;
use promethium_vfs::{Fault, FaultKind, SimVfs, Vfs};

const DIR: &str = "/data/chunks_head";

/// Series, times, encoding, mark, data.
type Row = (u64, i64, i64, u8, bool, Vec<u8>);

fn disk(seed: u64) -> SimVfs {
    let disk = SimVfs::new(seed);
    disk.create_dir(Path::new(DIR)).unwrap();
    for dir in ["/", "/data"] {
        disk.sync_dir(Path::new(dir)).unwrap();
    }
    disk
}

fn open(disk: &SimVfs) -> (HeadChunks, HeadChunkReport, Vec<(HeadChunkRef, Row, bool)>) {
    let mut found = Vec::new();
    let mut visit = |e: HeadChunkEntry<'_>| {
        let row = (e.series, e.min_ms, e.max_ms, e.encoding, e.is_out_of_order, e.data.to_vec());
        found.push((e.reference, row, e.follows_damage));
    };
    let (chunks, report) = HeadChunks::open(Arc::new(disk.clone()), Path::new(DIR), &mut visit).unwrap();
    (chunks, report, found)
}

fn row(i: u64) -> Row {
    let data = (0..40 + i * 37 % 300).map(|b| (b * 7 + i) as u8).collect();
    (1 + i % 50, i as i64 * 1_000, i as i64 * 1_000 + 999, 1 + (i % 6) as u8, i.is_multiple_of(5), data)
}

fn new(row: &Row) -> NewHeadChunk<'_> {
    let (series, min_ms, max_ms, encoding, is_out_of_order, data) = row;
    NewHeadChunk {
        series: *series,
        min_ms: *min_ms,
        max_ms: *max_ms,
        encoding: *encoding,
        is_out_of_order: *is_out_of_order,
        data,
    }
}

fn append(chunks: &HeadChunks, rows: &[Row]) -> Result<Vec<HeadChunkRef>, WalError> {
    let mut references = Vec::new();
    let new: Vec<_> = rows.iter().map(new).collect();
    chunks.append(&new, &mut references).map(|()| references)
}

fn rows(range: std::ops::Range<u64>) -> Vec<Row> {
    range.map(row).collect()
}

#[test]
fn chunks_are_read_back_from_several_files() {
    let disk = disk(1);
    let (chunks, ..) = open(&disk);
    let chunks = chunks.with_max_file_bytes(5_000);
    let all = rows(0..100);
    let references = append(&chunks, &all).unwrap();
    assert!(references.is_sorted() && references.last().unwrap().file() > 3, "{references:?}");
    assert_eq!(references[0], HeadChunkRef::new(1, 8));
    for (reference, row) in references.iter().zip(&all) {
        let chunk = chunks.read(*reference).unwrap();
        assert_eq!((chunk.series, &chunk[..], chunk.is_out_of_order), (row.0, &row.5[..], row.4));
    }
    chunks.sync().unwrap();
    let (again, report, found) = open(&disk);
    assert_eq!((report.chunks, report.damage.len(), report.torn_tail.is_none()), (100, 0, true));
    assert!(found.iter().map(|f| (&f.0, &f.1)).eq(references.iter().zip(&all)));
    // Files that are not needed go, what was read from them stays; a new opening writes a new file.
    let kept = again.read(references[0]).unwrap();
    assert_eq!(again.remove_before(3).unwrap(), 2);
    assert_eq!(&kept[..], &all[0].5[..]);
    assert!(matches!(again.read(references[0]), Err(WalError::NoHeadChunkFile { file: 1, offset: 8 })));
    let next = append(&again, &rows(100..101)).unwrap();
    assert_eq!(next[0].file(), references.last().unwrap().file() + 1);
    assert!(again.bytes().unwrap() > 10_000);
    again.cut().unwrap();
    assert_eq!(append(&again, &rows(101..102)).unwrap()[0].file(), next[0].file() + 1);
}

#[test]
fn the_layout_is_that_of_prometheus() {
    let disk = disk(1);
    let (chunks, ..) = open(&disk);
    let data = vec![0xab, 0xcd];
    append(&chunks, &[(0x0102, 5, 6, 1, true, data)]).unwrap();
    let bytes = disk.contents(&Path::new(DIR).join("000001")).unwrap();
    assert_eq!(bytes[..8], [0x01, 0x30, 0xbc, 0x91, 1, 0, 0, 0]);
    assert_eq!(bytes[8..32], [[0, 0, 0, 0, 0, 0, 1, 2], [0, 0, 0, 0, 0, 0, 0, 5], [0, 0, 0, 0, 0, 0, 0, 6]].concat());
    assert_eq!(bytes[32..36], [0x81, 2, 0xab, 0xcd]);
    assert_eq!(bytes[36..], crc32c::crc32c(&bytes[8..36]).to_be_bytes());
}

#[test]
fn a_flipped_bit_costs_one_chunk() {
    let all = rows(0..30);
    let pristine = {
        let disk = disk(1);
        append(&open(&disk).0, &all).unwrap();
        disk.contents(&Path::new(DIR).join("000001")).unwrap()
    };
    let mut cases = 0;
    for at in 0..pristine.len() {
        let disk = disk(1);
        let mut bad = pristine.clone();
        bad[at] ^= 1 << (at % 8);
        disk.put(&Path::new(DIR).join("000001"), bad);
        // Not the last file, so that nothing is cut off.
        disk.put(&Path::new(DIR).join("000002"), pristine[..8].to_vec());
        let (_, report, found) = open(&disk);
        let is_in_header = at < 8;
        let lost = if is_in_header { 0 } else { 1 };
        // Three bytes of the header mean nothing.
        assert_eq!(report.damage.len(), usize::from(!(5..8).contains(&at)), "{at}: {:?}", report.damage);
        assert_eq!(found.len(), all.len() - lost, "a flip at {at}");
        assert!(found.iter().all(|f| all.contains(&f.1)), "a flip at {at} invented a chunk");
        cases += 1;
    }
    assert!(cases > 5_000, "{cases}");
}

#[test]
fn a_torn_end_is_cut_off_and_what_is_before_it_stays() {
    let all = rows(0..12);
    let pristine = {
        let disk = disk(1);
        append(&open(&disk).0, &all).unwrap();
        disk.contents(&Path::new(DIR).join("000001")).unwrap()
    };
    for len in 0..=pristine.len() {
        for zeros in [0, 40, 4_000] {
            let disk = disk(1);
            let path = Path::new(DIR).join("000001");
            let mut cut = pristine[..len].to_vec();
            cut.resize(len + zeros, 0);
            disk.put(&path, cut);
            let (_, report, found) = open(&disk);
            assert!(found.iter().map(|f| &f.1).eq(&all[..found.len()]), "{len} and {zeros} zeros");
            assert_eq!(report.removed.len(), usize::from(len < 1 || len + zeros < 4), "{len} and {zeros} zeros");
            assert!(len < pristine.len() || found.len() == all.len());
            // A second opening finds nothing to say, unless the file has no header.
            let (_, report, again) = open(&disk);
            assert!(len < 8 || report.damage.is_empty() && report.torn_tail.is_none(), "{len} and {zeros} zeros");
            assert_eq!(again.len(), found.len());
        }
    }
}

#[test]
fn gaps_and_foreign_files_are_reported_and_passed_over() {
    let disk = disk(1);
    let (chunks, ..) = open(&disk);
    let chunks = chunks.with_max_file_bytes(2_000);
    append(&chunks, &rows(0..40)).unwrap();
    let files = chunks.file_numbers();
    assert!(files.len() >= 4, "{files:?}");
    disk.remove(&Path::new(DIR).join("000002")).unwrap();
    disk.put(&Path::new(DIR).join("000003"), b"not a head chunk file at all, but text of some length".to_vec());
    disk.put(&Path::new(DIR).join("notes.txt"), b"x".to_vec());
    let (_, report, found) = open(&disk);
    assert_eq!(report.files, files.len() - 1);
    assert_eq!(report.damage.len(), 3, "{:?}", report.damage);
    assert!(report.damage[0].message.contains("000002"), "{}", report.damage[0]);
    assert!(found.iter().any(|f| f.0.file() == 1 && !f.2) && found.iter().any(|f| f.0.file() == 4 && f.2));
}

#[test]
fn a_full_disk_fails_cleanly_and_ends_by_itself() {
    let disk = disk(1);
    let (chunks, ..) = open(&disk);
    disk.set_capacity(Some(3_000));
    let all = rows(0..40);
    let mut written = Vec::new();
    for (i, row) in all.iter().enumerate() {
        match append(&chunks, std::slice::from_ref(row)) {
            Ok(references) => written.push((references[0], row.clone())),
            Err(error) => assert!(error.is_out_of_space(), "{error}"),
        }
        if i == 30 {
            disk.set_capacity(None);
        }
    }
    assert!(written.len() > 10 && written.len() < 40, "{}", written.len());
    let (_, report, found) = open(&disk);
    assert!(report.damage.is_empty() && report.torn_tail.is_none());
    assert!(found.into_iter().map(|f| (f.0, f.1)).eq(written));
}

#[test]
fn the_power_may_go_and_calls_may_fail_at_any_point() {
    let mut cases = 0;
    for kind in [FaultKind::PowerLoss, FaultKind::Error, FaultKind::ShortWrite(30)] {
        for call in 1..=40 {
            for persistent in [true, false] {
                let disk = disk(call);
                let (chunks, ..) = open(&disk);
                let chunks = chunks.with_max_file_bytes(2_000);
                disk.plan(Some(Fault { call: disk.calls() + call, persistent, kind }));
                let (mut written, mut durable) = (Vec::new(), 0);
                for i in 0..30 {
                    if let Ok(references) = append(&chunks, &[row(i)]) {
                        written.push((references[0], row(i)));
                    }
                    if i % 8 == 7 && chunks.sync().is_ok() && chunks.doubtful_files().is_empty() {
                        durable = written.len();
                    }
                }
                disk.plan(None);
                if kind == FaultKind::PowerLoss {
                    disk.restart();
                }
                let (_, _, found) = open(&disk);
                let found: Vec<_> = found.into_iter().map(|f| (f.0, f.1)).collect();
                let owed = if kind == FaultKind::PowerLoss { &written[..durable] } else { &written[..] };
                assert!(owed.iter().all(|w| found.contains(w)), "{kind:?} at {call}, persistent {persistent}");
                assert!(found.iter().all(|f| rows(0..30).contains(&f.1)), "{kind:?} at {call}");
                cases += 1;
            }
        }
    }
    assert_eq!(cases, 240);
}

#[test]
fn a_check_reads_what_is_written_and_changes_nothing() {
    let disk = disk(1);
    let chunks = open(&disk).0.with_max_file_bytes(2_500);
    let references = append(&chunks, &rows(0..60)).unwrap();
    let (first, last) = (references[0].file(), references[59].file());
    let path = |number: u32| Path::new(DIR).join(format!("{number:06}"));
    // What is behind the last chunk is still being written, and what is removed meanwhile is not missed.
    let whole = disk.contents(&path(last)).unwrap();
    disk.put(&path(last), [&whole[..], b"half a chunk"].concat());
    let (mut seen, mut removed) = (0, 0);
    let mut check = |_: &HeadChunkEntry<'_>| {
        seen += 1;
        removed += if seen == 1 { chunks.remove_before(first + 2).unwrap() } else { 0 };
        if seen == 7 { Err("the seventh".to_owned()) } else { Ok(()) }
    };
    let report = chunks.verify(&mut check).unwrap();
    assert_eq!((report.chunks, removed), (seen, 2), "{report:?}");
    let of_first = references.iter().filter(|r| r.file() == first).count();
    let passed_over = references.iter().filter(|r| r.file() == first + 1).count();
    assert!(of_first > 7 && passed_over > 0, "{of_first} {passed_over}");
    assert_eq!(seen, 60 - passed_over as u64);
    let damage: Vec<_> = report.damage.iter().map(|d| (d.offset, d.message.as_str())).collect();
    assert_eq!(damage, [(references[6].offset().into(), "the seventh")]);
    // Who does not write them takes the end for what it is, and a file between others is missed.
    disk.remove(&path(last - 1)).unwrap();
    let report = verify_head_chunks(&disk, Path::new(DIR), &mut |_| Ok(())).unwrap();
    assert_eq!(report.torn_tail.unwrap().offset, whole.len() as u64);
    assert_eq!(report.damage.iter().map(|d| &d.path).collect::<Vec<_>>(), [&path(last - 1)]);
    assert_eq!(disk.contents(&path(last)).unwrap().len(), whole.len() + 12);
    let none = verify_head_chunks(&disk, Path::new("/nowhere"), &mut |_| Ok(())).unwrap();
    assert_eq!((none.files, none.damage.len()), (0, 0));
}
