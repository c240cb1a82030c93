//! What damage to a segment may do, for the tests (a sample) and for the example `sweep` (all of it).

use std::collections::BTreeSet;
use std::path::Path;

use promethium_vfs::{MemVfs, OpenMode, Vfs};
use promethium_wal::{Compression, Item, PAGE_BYTES, PreparedRecord, RecordType, SegmentReader};

/// A record and the bytes of the segment that it takes.
pub(crate) struct Placed {
    pub(crate) start: u64,
    pub(crate) end: u64,
    pub(crate) record: Vec<u8>,
}

/// A segment with all its records.
pub(crate) struct Segment {
    pub(crate) bytes: Vec<u8>,
    pub(crate) records: Vec<Placed>,
}

/// What a run over many damages found.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Tally {
    pub(crate) cases: u64,
    /// Nothing was lost and nothing reported.
    pub(crate) harmless: u64,
    /// Records that were lost, over all cases.
    pub(crate) lost: u64,
}

impl Segment {
    /// Frames `records` in order.
    pub(crate) fn of(records: impl IntoIterator<Item = Vec<u8>>, compression: Compression) -> Segment {
        let (mut bytes, mut placed) = (Vec::new(), Vec::new());
        for record in records {
            let from = bytes.len() as u64;
            let end = PreparedRecord::new(record.clone(), compression).frame(&mut bytes, from);
            placed.push(Placed { start: from, end, record });
        }
        // A fragment that would not fit behind the padding of a page begins the next one.
        let starts: Vec<u64> = read(&bytes).records.iter().map(|(start, _)| *start).collect();
        assert_eq!(starts.len(), placed.len());
        placed.iter_mut().zip(starts).for_each(|(p, start)| p.start = start);
        Segment { bytes, records: placed }
    }

    /// Cuts the segment to `len` bytes: whole records before the cut are read, nothing else is.
    pub(crate) fn check_truncation(&self, len: usize) {
        let found = read(&self.bytes[..len]);
        let whole = self.records.iter().take_while(|p| p.end <= len as u64);
        assert!(
            found.records.iter().map(|(start, record)| (*start, record)).eq(whole.map(|p| (p.start, &p.record))),
            "a cut at {len} did not leave exactly the records before it"
        );
    }

    /// Flips a bit: nothing is invented, what is lost touches the page, and loss without a report does not happen.
    pub(crate) fn check_flip(&self, at: usize, bit: u8, tally: &mut Tally) {
        let mut bad = self.bytes.clone();
        bad[at] ^= 1 << bit;
        self.check(&bad, at, at, &format!("a flip of bit {bit} at {at}"), tally);
    }

    /// Zeroes a 512-byte sector, as a lost write does.
    pub(crate) fn check_lost_sector(&self, sector: usize, tally: &mut Tally) {
        let mut bad = self.bytes.clone();
        let range = sector * 512..(sector * 512 + 512).min(bad.len());
        bad[range.clone()].fill(0);
        self.check(&bad, range.start, range.end - 1, &format!("sector {sector} zeroed"), tally);
    }

    fn check(&self, bad: &[u8], first: usize, last: usize, what: &str, tally: &mut Tally) {
        let found = read(bad);
        let mut kept = BTreeSet::new();
        for (start, record) in &found.records {
            let original = self.records.iter().find(|p| p.start == *start);
            // A record whose compression flag is gone is of a type that no reader takes for one.
            let is_reported = original.is_some() && RecordType::of(record).is_none();
            let is_original = original.is_some_and(|p| p.record == *record);
            assert!(is_original || is_reported, "{what}: invented a record at {start}");
            if is_original {
                kept.insert(*start);
            }
        }
        let unknown = found.records.iter().any(|(_, record)| RecordType::of(record).is_none());
        let lost: Vec<&Placed> = self.records.iter().filter(|p| !kept.contains(&p.start)).collect();
        assert!(lost.is_empty() || found.damage > 0 || unknown, "{what}: went unnoticed");
        let pages = (first / PAGE_BYTES) as u64..=(last / PAGE_BYTES) as u64;
        let page_of = |at: u64| at / PAGE_BYTES as u64;
        for p in &lost {
            let touches = page_of(p.start) <= *pages.end() && page_of(p.end - 1) >= *pages.start();
            assert!(touches, "{what}: cost the record at {}, which does not touch the page", p.start);
        }
        tally.cases += 1;
        tally.harmless += u64::from(lost.is_empty());
        tally.lost += lost.len() as u64;
    }
}

struct Found {
    records: Vec<(u64, Vec<u8>)>,
    damage: usize,
}

fn read(bytes: &[u8]) -> Found {
    let vfs = MemVfs::new();
    vfs.create_dir(Path::new("/")).unwrap();
    let file = vfs.open(Path::new("/f"), OpenMode::CreateNew).unwrap();
    file.append(bytes).unwrap();
    let mut reader = SegmentReader::new(file);
    let mut found = Found { records: Vec::new(), damage: 0 };
    while let Some(item) = reader.next_item().unwrap() {
        match item {
            Item::Record { start, bytes } => found.records.push((start, bytes.to_vec())),
            _ => found.damage += 1,
        }
    }
    found
}

/// Sample records of a scrape of 30 to 400 series, some series records, and a few that span pages, by seed.
pub(crate) fn workload(len: usize, seed: u64) -> Vec<Vec<u8>> {
    let mut x = seed.wrapping_mul(2) + 1;
    let mut next = move || {
        x = x.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        x >> 33
    };
    let (mut records, mut bytes, mut t) = (Vec::new(), 0, 1_717_200_000_000_i64);
    while bytes < len {
        let kind = next() % 12;
        let record = if kind == 0 {
            let mut record = Vec::new();
            for i in 0..1 + next() % 20 {
                let path = format!("/api/v1/{}", next() % 1000);
                promethium_wal::encode_series_entry(
                    &mut record,
                    i,
                    [("__name__", "hits"), ("path", &path)].into_iter(),
                );
            }
            record
        } else {
            let count = if kind == 1 { 2_000 + next() % 5_000 } else { 30 + next() % 370 };
            let mut columns = promethium_wal::SampleColumns::new();
            (0..count).for_each(|i| columns.push(i, 0, t, f64::from_bits(next() << 31 ^ next())));
            promethium_wal::encode_sample_columns(&columns)
        };
        t += 15_000;
        bytes += record.len();
        records.push(record);
    }
    records
}
