//! Sorting that can be stopped.

use std::cmp::Ordering;
use std::mem::size_of;

use promethium_model::QueryError;

use super::budget::Budget;

/// So many items are sorted, or merged, between two looks at whether the query goes on.
const RUN: usize = 4_096;

/// Sorts in place, equal items in their order. Long lists are sorted run by run, and the runs merged.
///
/// # Errors
///
/// When the query was stopped, or there is no room for a list of positions; the list is then in no particular order.
pub(crate) fn sort_by<T>(
    items: &mut Vec<T>,
    budget: &Budget<'_>,
    compare: impl Fn(&T, &T) -> Ordering,
) -> Result<(), QueryError> {
    let _room = budget.hold(items.len() * size_of::<T>() / 2)?;
    if items.len() <= RUN {
        items.sort_by(compare);
        return budget.check();
    }
    let _order = budget.hold(items.len() * (2 * size_of::<u32>() + size_of::<Option<T>>() + size_of::<T>()))?;
    let order = sorted_positions(items, budget, compare)?;
    let mut slots: Vec<Option<T>> = std::mem::take(items).into_iter().map(Some).collect();
    items.reserve_exact(order.len());
    items.extend(order.into_iter().filter_map(|i| slots[i as usize].take()));
    Ok(())
}

fn sorted_positions<T>(
    items: &[T],
    budget: &Budget<'_>,
    compare: impl Fn(&T, &T) -> Ordering,
) -> Result<Vec<u32>, QueryError> {
    let mut order: Vec<u32> = (0..items.len() as u32).collect();
    for run in order.chunks_mut(RUN) {
        budget.check()?;
        run.sort_by(|a, b| compare(&items[*a as usize], &items[*b as usize]));
    }
    let mut pace = budget.cx().pace(RUN);
    let mut merged = Vec::with_capacity(order.len());
    let mut width = RUN;
    while width < order.len() {
        merged.clear();
        for pair in order.chunks(2 * width) {
            let (mut left, mut right) = pair.split_at(width.min(pair.len()));
            while let ([a, left_rest @ ..], [b, right_rest @ ..]) = (left, right) {
                pace.done(1)?;
                // Of equal ones that of the left run, which came first.
                if compare(&items[*a as usize], &items[*b as usize]).is_le() {
                    merged.push(*a);
                    left = left_rest;
                } else {
                    merged.push(*b);
                    right = right_rest;
                }
            }
            merged.extend_from_slice(left);
            merged.extend_from_slice(right);
        }
        std::mem::swap(&mut order, &mut merged);
        width *= 2;
    }
    Ok(order)
}

#[cfg(test)]
mod tests {
    use super::*;
    use promethium_model::QueryCx;

    #[test]
    fn long_lists_are_sorted_as_short_ones_are() {
        let cx = QueryCx::unlimited();
        let budget = Budget::unlimited(&cx);
        for count in [0, 1, RUN, RUN + 1, 3 * RUN + 7, 8 * RUN] {
            let mut items: Vec<(u64, usize)> = (0..count).map(|i| ((i as u64 * 7_919) % 1_000, i)).collect();
            let mut expected = items.clone();
            expected.sort_by_key(|(key, _)| *key);
            sort_by(&mut items, &budget, |a, b| a.0.cmp(&b.0)).unwrap();
            assert_eq!(items, expected);
        }
    }

    #[test]
    fn a_stopped_query_sorts_no_further() {
        let cx = QueryCx::unlimited();
        cx.cancel();
        let budget = Budget::unlimited(&cx);
        let compared = std::cell::Cell::new(0);
        let mut items: Vec<u64> = (0..100_000).rev().collect();
        let stopped = sort_by(&mut items, &budget, |a, b| {
            compared.set(compared.get() + 1);
            a.cmp(b)
        });
        assert!(matches!(stopped, Err(QueryError::Canceled { .. })));
        assert_eq!(compared.get(), 0);
    }
}
