//! Rows by series.

/// Sorts rows by reference, stably, in two passes over counts: references of one log are dense.
#[derive(Default)]
pub(super) struct Grouping {
    counts: Vec<u32>,
    order: Vec<u32>,
}

// References that spread over more than this many times the rows are sorted by comparison.
const MAX_SPREAD: u64 = 8;

impl Grouping {
    /// Calls `each` with every reference and its rows, which keep their order.
    pub(super) fn each_run(&mut self, references: &[u64], mut each: impl FnMut(u64, &[u32])) {
        let (Some(min), Some(max)) = (references.iter().min(), references.iter().max()) else { return };
        let spread = max - min;
        if spread > MAX_SPREAD * references.len() as u64 + 1024 {
            self.sort(references);
        } else {
            self.count(references, *min, spread as usize + 1);
        }
        for run in self.order.chunk_by(|a, b| references[*a as usize] == references[*b as usize]) {
            each(references[run[0] as usize], run);
        }
    }

    fn sort(&mut self, references: &[u64]) {
        self.order.clear();
        self.order.extend(0..references.len() as u32);
        self.order.sort_by_key(|row| references[*row as usize]);
    }

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
        self.order.clear();
        self.order.resize(references.len(), 0);
        for (row, reference) in references.iter().enumerate() {
            let place = &mut self.counts[(reference - min) as usize];
            self.order[*place as usize] = row as u32;
            *place += 1;
        }
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
        ) {
            let mut found = Vec::new();
            Grouping::default().each_run(&references, |reference, rows| {
                found.extend(rows.iter().map(|row| (reference, *row)));
            });
            let mut expected: Vec<_> = references.iter().enumerate().map(|(row, r)| (*r, row as u32)).collect();
            expected.sort();
            prop_assert_eq!(found, expected);
        }
    }
}
