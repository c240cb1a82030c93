//! Samples on their way from the log to their series.
//!
//! They wait until each series has a few, because a visit to a series costs more than a sample does. Neighbours wait together:
//! what is in one record goes to one place, one behind the other, and whoever applies a neighbourhood sorts no more than that
//! by series.

use std::collections::HashMap;

use foldhash::fast::FixedState;
use promethium_wal::SampleColumns;

/// So many bits of a reference are its place in its neighbourhood.
const PLACE_BITS: u32 = 10;
const PLACES: usize = 1 << PLACE_BITS;
/// Rows that memory is taken for at once, and no more than a byte can number.
const BLOCK_ROWS: usize = 256;

/// Time and value.
pub(super) type Row = (i64, f64);

/// Samples by neighbourhoods.
#[derive(Default)]
pub(super) struct Waiting {
    neighbourhoods: Vec<Neighbourhood>,
    by_number: HashMap<u64, usize, FixedState>,
    len: usize,
}

/// The samples of neighbouring references, in the order of the log.
pub(super) struct Neighbourhood {
    number: u64,
    blocks: Vec<Block>,
}

/// Samples as columns, of one length but for the last: eleven bytes a sample, as long as most have the time of the one before.
struct Block {
    places: Vec<u16>,
    values: Vec<f64>,
    /// The time of each row, by its number.
    time_numbers: Vec<u8>,
    times_ms: Vec<i64>,
    /// Start timestamps; empty where no row has one.
    starts_ms: Vec<i64>,
}

impl Waiting {
    pub(super) fn len(&self) -> usize {
        self.len
    }

    pub(super) fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Adds the samples from row `start` on, as many as there are `references`, under these.
    pub(super) fn add(&mut self, samples: &SampleColumns, start: usize, references: &[u64]) {
        let mut at = start;
        for run in references.chunk_by(|a, b| a >> PLACE_BITS == b >> PLACE_BITS) {
            self.neighbourhood(run[0] >> PLACE_BITS).add(samples, run, at);
            at += run.len();
        }
        self.len += references.len();
    }

    fn neighbourhood(&mut self, number: u64) -> &mut Neighbourhood {
        let neighbourhoods = &mut self.neighbourhoods;
        let at = *self.by_number.entry(number).or_insert_with(|| {
            neighbourhoods.push(Neighbourhood { number, blocks: Vec::new() });
            neighbourhoods.len() - 1
        });
        &mut neighbourhoods[at]
    }

    pub(super) fn into_neighbourhoods(self) -> Vec<Neighbourhood> {
        self.neighbourhoods
    }
}

impl Neighbourhood {
    /// Adds the samples from row `at` on, which are of the references of `run`.
    fn add(&mut self, samples: &SampleColumns, mut run: &[u64], mut at: usize) {
        while !run.is_empty() {
            let block = self.block_with_room();
            let (now, later) = run.split_at(run.len().min(BLOCK_ROWS - block.len()));
            block.add(samples, now, at);
            at += now.len();
            run = later;
        }
    }

    fn block_with_room(&mut self) -> &mut Block {
        if self.blocks.last().is_none_or(|block| block.len() == BLOCK_ROWS) {
            self.blocks.push(Block::new());
        }
        let last = self.blocks.len() - 1;
        &mut self.blocks[last]
    }

    fn len(&self) -> usize {
        self.blocks.iter().map(Block::len).sum()
    }
}

impl Block {
    fn new() -> Self {
        Block {
            places: Vec::with_capacity(BLOCK_ROWS),
            values: Vec::with_capacity(BLOCK_ROWS),
            time_numbers: Vec::with_capacity(BLOCK_ROWS),
            times_ms: Vec::new(),
            starts_ms: Vec::new(),
        }
    }

    fn len(&self) -> usize {
        self.places.len()
    }

    fn add(&mut self, samples: &SampleColumns, references: &[u64], at: usize) {
        let rows = at..at + references.len();
        let starts_ms = samples.start_timestamps_ms().map(|starts_ms| &starts_ms[rows.clone()]);
        if starts_ms.is_some() || !self.starts_ms.is_empty() {
            self.starts_ms.resize(self.len(), 0);
            self.starts_ms.extend_from_slice(starts_ms.unwrap_or_default());
            self.starts_ms.resize(self.len() + references.len(), 0);
        }
        self.places.extend(references.iter().map(|reference| place(*reference)));
        self.values.extend_from_slice(&samples.values()[rows.clone()]);
        for same in samples.timestamps_ms()[rows].chunk_by(|a, b| a == b) {
            if self.times_ms.last() != Some(&same[0]) {
                self.times_ms.push(same[0]);
            }
            let number = (self.times_ms.len() - 1) as u8;
            self.time_numbers.resize(self.time_numbers.len() + same.len(), number);
        }
    }

    /// Place and row of each sample.
    fn rows(&self) -> impl Iterator<Item = (u16, Row)> {
        let times_ms = self.time_numbers.iter().map(|number| self.times_ms[usize::from(*number)]);
        self.places.iter().copied().zip(times_ms.zip(self.values.iter().copied()))
    }
}

fn place(reference: u64) -> u16 {
    (reference % PLACES as u64) as u16
}

/// The samples of one neighbourhood, those of each reference together and in the order of the log.
#[derive(Default)]
pub(super) struct Grouped {
    counts: Vec<u32>,
    rows: Vec<Row>,
    /// One a row; empty where no row has one.
    starts_ms: Vec<i64>,
    runs: Vec<Run>,
}

struct Run {
    reference: u64,
    start: u32,
    end: u32,
}

/// The samples of one reference.
pub(super) struct Samples<'g> {
    pub(super) reference: u64,
    pub(super) rows: &'g [Row],
    /// One a row, or none.
    pub(super) starts_ms: &'g [i64],
}

impl Grouped {
    /// Takes the samples of a neighbourhood in place of those before: sorts them stably in two passes over counts.
    pub(super) fn group(&mut self, of: &Neighbourhood) {
        self.find_places(of);
        self.rows.resize(of.len(), (0, 0.0));
        self.starts_ms.clear();
        if of.blocks.iter().any(|block| !block.starts_ms.is_empty()) {
            self.group_starts(of);
        }
        let Grouped { counts, rows, .. } = self;
        for (at, row) in of.blocks.iter().flat_map(Block::rows) {
            let next = &mut counts[usize::from(at)];
            rows[*next as usize] = row;
            *next += 1;
        }
    }

    /// As the rows will be.
    fn group_starts(&mut self, of: &Neighbourhood) {
        self.starts_ms.resize(of.len(), 0);
        let mut next = self.counts.clone();
        for block in &of.blocks {
            for (i, at) in block.places.iter().enumerate() {
                let next = &mut next[usize::from(*at)];
                self.starts_ms[*next as usize] = block.starts_ms.get(i).copied().unwrap_or(0);
                *next += 1;
            }
        }
    }

    /// Where the rows of each reference begin, in place of their counts.
    fn find_places(&mut self, of: &Neighbourhood) {
        self.counts.clear();
        self.counts.resize(PLACES, 0);
        for at in of.blocks.iter().flat_map(|block| &block.places) {
            self.counts[usize::from(*at)] += 1;
        }
        self.runs.clear();
        let first = of.number << PLACE_BITS;
        let mut start = 0;
        for (at, count) in self.counts.iter_mut().enumerate() {
            let end = start + *count;
            if *count > 0 {
                self.runs.push(Run { reference: first | at as u64, start, end });
            }
            *count = start;
            start = end;
        }
    }

    /// The references, ascending.
    pub(super) fn references(&self) -> impl Iterator<Item = u64> {
        self.runs.iter().map(|run| run.reference)
    }

    /// The references with their samples.
    pub(super) fn iter(&self) -> impl Iterator<Item = Samples<'_>> {
        self.runs.iter().map(|run| {
            let rows = run.start as usize..run.end as usize;
            let starts_ms = self.starts_ms.get(rows.clone()).unwrap_or_default();
            Samples { reference: run.reference, rows: &self.rows[rows], starts_ms }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// What comes out, reference by reference: time, value, start timestamp.
    fn grouped(waiting: Waiting) -> Vec<(u64, i64, f64, i64)> {
        let mut grouped = Grouped::default();
        let mut found = Vec::new();
        let mut neighbourhoods = waiting.into_neighbourhoods();
        neighbourhoods.sort_by_key(|neighbourhood| neighbourhood.number);
        for neighbourhood in neighbourhoods {
            grouped.group(&neighbourhood);
            assert!(grouped.references().eq(grouped.iter().map(|samples| samples.reference)));
            for samples in grouped.iter() {
                for (i, (t_ms, value)) in samples.rows.iter().enumerate() {
                    let start_ms = samples.starts_ms.get(i).copied().unwrap_or(0);
                    found.push((samples.reference, *t_ms, *value, start_ms));
                }
            }
        }
        found
    }

    proptest! {
        #[test]
        fn samples_come_out_by_reference_in_the_order_of_the_log(
            records in prop::collection::vec(
                (
                    prop::collection::vec(prop_oneof![0_u64..20, 1020_u64..1030, Just(u64::MAX), 1_u64 << 40..1 << 41], 0..700),
                    any::<bool>(),
                ),
                0..5,
            ),
        ) {
            let (mut waiting, mut expected) = (Waiting::default(), Vec::new());
            for (references, has_starts) in records {
                let mut samples = SampleColumns::new();
                for reference in references {
                    let t_ms = expected.len() as i64;
                    let start_ms = if has_starts { t_ms + 7 } else { 0 };
                    samples.push(reference, start_ms, t_ms, 0.5 * t_ms as f64);
                    expected.push((reference, t_ms, 0.5 * t_ms as f64, start_ms));
                }
                let cut = samples.len() / 3;
                waiting.add(&samples, 0, &samples.references()[..cut]);
                waiting.add(&samples, cut, &samples.references()[cut..]);
            }
            prop_assert_eq!(waiting.len(), expected.len());
            expected.sort_by_key(|(reference, t_ms, ..)| (*reference, *t_ms));
            prop_assert_eq!(grouped(waiting), expected);
        }
    }
}
