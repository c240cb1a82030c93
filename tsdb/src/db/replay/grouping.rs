//! Samples by series.

use std::ops::Range;

use promethium_wal::SampleColumns;

/// Sorts samples by reference, stably, in two passes over counts: references of one log are dense.
#[derive(Default)]
pub(super) struct Grouping {
    counts: Vec<u32>,
}

/// Samples, those of each reference together and in the order of the log.
#[derive(Default)]
pub(super) struct Grouped {
    rows: Vec<Row>,
    /// Start timestamps, one a row; empty where no row has one.
    starts_ms: Vec<i64>,
    runs: Vec<Run>,
}

/// Time and value.
pub(super) type Row = (i64, f64);

struct Run {
    reference: u64,
    /// Behind its last row.
    end: u32,
}

/// The samples of one reference.
pub(super) struct Samples<'g> {
    pub(super) reference: u64,
    pub(super) rows: &'g [Row],
    /// One a row, or none.
    pub(super) starts_ms: &'g [i64],
}

// References that spread over more than this many times the rows are sorted by comparison.
const MAX_SPREAD: u64 = 8;

impl Grouping {
    /// Groups samples by `references`, one a sample.
    ///
    /// PERF: rows are moved, not pointed at: writing each to its place is waiting for many of them at once, reading a series'
    /// rows one by one out of three columns is waiting for one after the other.
    pub(super) fn group(&mut self, samples: &SampleColumns, references: &[u64], grouped: &mut Grouped) {
        let (Some(min), Some(max)) = (references.iter().min(), references.iter().max()) else {
            return grouped.make_room(0, false);
        };
        grouped.make_room(references.len(), samples.start_timestamps_ms().is_some());
        let spread = max - min;
        if spread > MAX_SPREAD * references.len() as u64 + 1024 {
            grouped.sort(samples, references);
        } else {
            self.count(references, *min, spread as usize + 1);
            self.place(samples, references, *min, grouped);
        }
    }

    /// Where the rows of each reference begin.
    fn count(&mut self, references: &[u64], min: u64, width: usize) {
        self.counts.clear();
        self.counts.resize(width, 0);
        for reference in references {
            self.counts[(reference - min) as usize] += 1;
        }
        let mut sum = 0;
        for count in &mut self.counts {
            sum += std::mem::replace(count, sum);
        }
    }

    fn place(&mut self, samples: &SampleColumns, references: &[u64], min: u64, grouped: &mut Grouped) {
        let rows = samples.timestamps_ms().iter().copied().zip(samples.values().iter().copied());
        for (i, (reference, row)) in references.iter().zip(rows).enumerate() {
            let place = &mut self.counts[(reference - min) as usize];
            let at = *place as usize;
            *place += 1;
            grouped.rows[at] = row;
            if let Some(start_ms) = grouped.starts_ms.get_mut(at) {
                *start_ms = samples.start_timestamps_ms().map_or(0, |starts_ms| starts_ms[i]);
            }
        }
        // Each place is now where the next reference begins.
        let mut start = 0;
        for (reference, end) in (min..).zip(&self.counts) {
            if *end > std::mem::replace(&mut start, *end) {
                grouped.runs.push(Run { reference, end: *end });
            }
        }
    }
}

impl Grouped {
    fn make_room(&mut self, rows: usize, has_starts: bool) {
        self.runs.clear();
        self.rows.clear();
        self.rows.resize(rows, (0, 0.0));
        self.starts_ms.clear();
        if has_starts {
            self.starts_ms.resize(rows, 0);
        }
    }

    fn sort(&mut self, samples: &SampleColumns, references: &[u64]) {
        let mut order: Vec<u32> = (0..references.len() as u32).collect();
        order.sort_by_key(|row| references[*row as usize]);
        for (at, row) in order.iter().enumerate() {
            let row = *row as usize;
            self.rows[at] = (samples.timestamps_ms()[row], samples.values()[row]);
            if let Some(start_ms) = self.starts_ms.get_mut(at) {
                *start_ms = samples.start_timestamps_ms().map_or(0, |starts_ms| starts_ms[row]);
            }
        }
        for run in order.chunk_by(|a, b| references[*a as usize] == references[*b as usize]) {
            let end = self.runs.last().map_or(0, |run| run.end) + run.len() as u32;
            self.runs.push(Run { reference: references[run[0] as usize], end });
        }
    }

    /// How many references there are.
    pub(super) fn len(&self) -> usize {
        self.runs.len()
    }

    /// Some of the references with their samples.
    pub(super) fn some(&self, runs: Range<usize>) -> impl Iterator<Item = Samples<'_>> {
        let mut start = runs.start.checked_sub(1).map_or(0, |before| self.runs[before].end as usize);
        self.runs[runs].iter().map(move |run| {
            let rows = start..run.end as usize;
            start = rows.end;
            let starts_ms = self.starts_ms.get(rows.clone()).unwrap_or_default();
            Samples { reference: run.reference, rows: &self.rows[rows], starts_ms }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn runs_are_the_rows_of_each_reference_in_order(
            references in prop::collection::vec(prop_oneof![0_u64..20, 1_000_000_u64..1_000_010], 0..200),
            has_starts in any::<bool>(),
            cut in 0_usize..30,
        ) {
            let mut samples = SampleColumns::new();
            let start_ms = |row: usize| if has_starts { 7 + row as i64 } else { 0 };
            for (row, reference) in references.iter().enumerate() {
                samples.push(*reference, start_ms(row), row as i64, row as f64);
            }
            let mut grouped = Grouped::default();
            Grouping::default().group(&samples, samples.references(), &mut grouped);
            let mut found = Vec::new();
            let cut = cut.min(grouped.len());
            for samples in grouped.some(0..cut).chain(grouped.some(cut..grouped.len())) {
                for (i, (t_ms, value)) in samples.rows.iter().enumerate() {
                    prop_assert_eq!(*t_ms as f64, *value);
                    let expected = has_starts.then(|| start_ms(*t_ms as usize));
                    prop_assert_eq!(samples.starts_ms.get(i).copied(), expected);
                    found.push((samples.reference, *t_ms));
                }
            }
            let mut expected: Vec<_> = references.iter().enumerate().map(|(row, r)| (*r, row as i64)).collect();
            expected.sort();
            prop_assert_eq!(found, expected);
        }
    }
}
