//! What a line has in common with the line before it.
//!
//! The series of a family stand together, and most of their labels are those of one target: what a line shares with the start
//! of the line before is compared, a few words at a time, and not split again. Which labels those are is known from the lengths
//! of labels of the plain shape, `name="value"` with nothing between them but commas; only such lines are kept. The lexer goes
//! left to right without looking back, so behind the same bytes it stands where it stood: checks that the line before has passed
//! need no second look.
#![deny(
    clippy::indexing_slicing,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::arithmetic_side_effects
)]

use crate::event::RawLabel;

/// The line before, as far as it names the series; its labels are where that series was put. The default shares nothing with any
/// line.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Before<'a> {
    /// The page from where the metric name starts.
    text: &'a [u8],
    /// The length of the name.
    brace: usize,
    /// Where the series ends, behind the closing brace; 0 when its labels are of another shape.
    end: usize,
}

// The equals sign, two quotes, and the comma or the brace behind them.
const PUNCTUATION_BYTES: usize = 4;

impl<'a> Before<'a> {
    /// A series of plain labels, whose name starts the text.
    #[inline(always)]
    pub(crate) fn new(text: &'a [u8], name: &str, series: &[u8]) -> Self {
        Before { text, brace: name.len(), end: series.len() }
    }

    /// This line, and nothing in its place.
    #[inline(always)]
    pub(crate) fn take(&mut self) -> Self {
        let taken = *self;
        self.end = 0;
        taken
    }

    /// How many bytes behind the opening brace are those of `line`, `None` when the name before it is another.
    #[inline(always)]
    pub(crate) fn shared_with_line(&self, line: &[u8]) -> Option<usize> {
        if self.end == 0 {
            return None;
        }
        common_start(self.text, line, self.end).checked_sub(self.brace.wrapping_add(1))
    }

    /// How many bytes behind the opening brace are those of `labels`, which start behind theirs.
    #[inline(always)]
    pub(crate) fn shared_with_labels(&self, labels: &[u8]) -> usize {
        let start = self.brace.wrapping_add(1);
        match self.text.get(start..) {
            Some(own) if self.end > 0 => common_start(own, labels, self.end.wrapping_sub(start)),
            _ => 0,
        }
    }

    /// Keeps those of its labels that end within so many bytes behind the brace; where the last of them ends, and whether that is
    /// behind the closing brace.
    #[inline(always)]
    pub(crate) fn keep_shared(&self, shared: usize, labels: &mut Vec<RawLabel<'a>>) -> (usize, bool) {
        if self.end == 0 {
            labels.clear();
            return (0, false);
        }
        let all = self.end.wrapping_sub(self.brace).wrapping_sub(1);
        let end = keep_labels(labels, PUNCTUATION_BYTES, all, shared);
        (end, end == all)
    }
}

/// Keeps the labels that end within the first `shared` bytes of a run of labels, which are all that lie in it: each takes so many
/// bytes more than its name and its value. Where the last that stays ends.
#[inline(always)]
pub(crate) fn keep_labels(labels: &mut Vec<RawLabel<'_>>, more_bytes: usize, run_bytes: usize, shared: usize) -> usize {
    let mut end = run_bytes;
    let mut count = labels.len();
    for label in labels.iter().rev() {
        if end <= shared {
            break;
        }
        end = end.wrapping_sub(label.name.len()).wrapping_sub(label.value.len()).wrapping_sub(more_bytes);
        count = count.wrapping_sub(1);
    }
    labels.truncate(count);
    end
}

/// How many bytes at the start two texts have in common, at most `limit`.
#[inline(always)]
pub(crate) fn common_start(a: &[u8], b: &[u8], limit: usize) -> usize {
    const WORD: usize = 16;
    let (mut a, mut b) = (a, b);
    let mut common = 0usize;
    while common < limit {
        let (Some((word_a, after_a)), Some((word_b, after_b))) =
            (a.split_first_chunk::<WORD>(), b.split_first_chunk::<WORD>())
        else {
            let rest = a.iter().zip(b).take_while(|(a, b)| a == b).count();
            return common.wrapping_add(rest).min(limit);
        };
        let differing = u128::from_le_bytes(*word_a) ^ u128::from_le_bytes(*word_b);
        if differing != 0 {
            return common.wrapping_add(differing.trailing_zeros() as usize / 8).min(limit);
        }
        common = common.wrapping_add(WORD);
        (a, b) = (after_a, after_b);
    }
    limit
}
