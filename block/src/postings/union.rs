//! What one list or the other has, and what one has without the other.

use super::{Id, gallop};

/// Above this many ids for each 64 of their span, a bitmap is cheaper than sorting.
const DENSE: usize = 1;

/// The ids of all lists, sorted, each once.
///
/// ```
/// use promethium_block::postings::union_of;
/// assert_eq!(union_of(vec![5_u32, 9, 1, 5, 7]), [1, 5, 7, 9]);
/// ```
#[must_use]
pub fn union_of(mut concatenated: Vec<u32>) -> Vec<u32> {
    if concatenated.is_sorted_by(|a, b| a < b) {
        return concatenated;
    }
    let (min, max) = concatenated.iter().fold((u32::MAX, 0), |(min, max), id| (min.min(*id), max.max(*id)));
    let span = (max - min) as usize + 1;
    if span / 64 <= concatenated.len().saturating_mul(DENSE) && concatenated.len() > 64 {
        through_bitmap(&mut concatenated, min, span);
    } else {
        concatenated.sort_unstable();
        concatenated.dedup();
    }
    concatenated
}

fn through_bitmap(ids: &mut Vec<u32>, min: u32, span: usize) {
    let mut bits = vec![0_u64; span.div_ceil(64)];
    for id in ids.iter() {
        let bit = (id - min) as usize;
        bits[bit / 64] |= 1 << (bit % 64);
    }
    ids.clear();
    for (word, start) in bits.iter().zip((0_u32..).step_by(64)) {
        let mut left = *word;
        while left != 0 {
            ids.push(min + start + left.trailing_zeros());
            left &= left - 1;
        }
    }
}

/// Drops from `ids` those that are in `list`.
pub fn subtract<B: Id>(ids: &mut Vec<u32>, list: &[B]) {
    let (mut at, mut kept) = (0, 0);
    for i in 0..ids.len() {
        let id = ids[i];
        at = gallop(list, at, id);
        ids[kept] = id;
        kept += usize::from(list.get(at).is_none_or(|found| found.id() != id));
    }
    ids.truncate(kept);
}
