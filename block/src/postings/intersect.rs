//! What two lists have in common.

use super::{Id, gallop};

/// When one list is so many times as long as the other, the longer one is galloped through, else both are walked.
const GALLOP_RATIO: usize = 4;

/// Appends the ids that are in both lists to `out`.
///
/// Costs `O(short · log(long / short))` for lists of unlike lengths, and one pass over both else.
///
/// ```
/// use promethium_block::postings::intersect;
/// let mut out = Vec::new();
/// intersect(&[1_u32, 3, 5, 9], &[3_u32.to_be_bytes(), 9_u32.to_be_bytes()], &mut out);
/// assert_eq!(out, [3, 9]);
/// ```
pub fn intersect<A: Id, B: Id>(a: &[A], b: &[B], out: &mut Vec<u32>) {
    if a.len() > b.len() {
        return intersect(b, a, out);
    }
    if a.len().saturating_mul(GALLOP_RATIO) < b.len() {
        by_galloping(a, b, |id| out.push(id));
    } else {
        by_walking(a, b, out);
    }
}

fn by_galloping<A: Id, B: Id>(short: &[A], long: &[B], mut hit: impl FnMut(u32)) {
    let mut at = 0;
    for id in short.iter().map(|id| id.id()) {
        at = gallop(long, at, id);
        match long.get(at) {
            Some(other) if other.id() == id => hit(id),
            Some(_) => {}
            None => return,
        }
    }
}

/// Without a branch that cannot be foreseen: which list goes on is reckoned, not decided.
fn by_walking<A: Id, B: Id>(a: &[A], b: &[B], out: &mut Vec<u32>) {
    let base = out.len();
    out.resize(base + a.len(), 0);
    let kept = &mut out[base..];
    let (mut i, mut j, mut n) = (0, 0, 0);
    while i < a.len() && j < b.len() {
        let (x, y) = (a[i].id(), b[j].id());
        kept[n] = x;
        n += usize::from(x == y);
        i += usize::from(x <= y);
        j += usize::from(y <= x);
    }
    out.truncate(base + n);
}

/// Keeps of `ids` those that are in `list` too.
pub fn intersect_in_place<B: Id>(ids: &mut Vec<u32>, list: &[B]) {
    let (mut at, mut kept) = (0, 0);
    for i in 0..ids.len() {
        let id = ids[i];
        at = gallop(list, at, id);
        let Some(found) = list.get(at) else { break };
        ids[kept] = id;
        kept += usize::from(found.id() == id);
    }
    ids.truncate(kept);
}

/// Appends the ids of `list` that are in `within` to `out`, galloping through the longer one.
pub fn retain_common<A: Id, B: Id>(within: &[A], list: &[B], out: &mut Vec<u32>) {
    if within.len() < list.len() {
        by_galloping(within, list, |id| out.push(id));
    } else {
        by_galloping(list, within, |id| out.push(id));
    }
}

/// Whether two lists have an id in common; ends at the first.
#[must_use]
pub fn intersects<A: Id, B: Id>(a: &[A], b: &[B]) -> bool {
    let (mut i, mut j) = (0, 0);
    while let (Some(x), Some(y)) = (a.get(i), b.get(j)) {
        match x.id().cmp(&y.id()) {
            std::cmp::Ordering::Equal => return true,
            std::cmp::Ordering::Less => i = gallop(a, i, y.id()),
            std::cmp::Ordering::Greater => j = gallop(b, j, x.id()),
        }
    }
    false
}
