//! Wider buckets: two neighbours of a schema are one of the schema below it.

use promethium_model::{Span, Spans};

use super::spans::indexes;

/// The buckets of one side, `by` schemas lower.
pub(crate) fn reduced_side<T: Copy>(spans: &[Span], counts: &[T], by: u32, add: impl Fn(T, T) -> T) -> (Spans, Vec<T>) {
    let (mut wide, mut sums) = (Vec::new(), Vec::new());
    let mut end = 0_i64;
    for (index, count) in indexes(spans).zip(counts.iter().copied()) {
        // Bucket i ends at base^i: those that end at or below the wider bucket's end belong to it.
        let index = (index.wrapping_sub(1) >> by.min(63)).wrapping_add(1);
        match (wide.last_mut(), sums.last_mut()) {
            (Some(_), Some(sum)) if index < end => *sum = add(*sum, count),
            (Some(Span { length, .. }), _) if index == end => {
                *length += 1;
                sums.push(count);
                end += 1;
            }
            _ => {
                wide.push(Span { offset: (index - end) as i32, length: 1 });
                sums.push(count);
                end = index + 1;
            }
        }
    }
    (wide.into(), sums)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_neighbours_become_one() {
        // Buckets 1, 2, 3, 7 and 8: one schema lower they are 1, 1, 2, 4 and 4.
        let spans = [Span { offset: 1, length: 3 }, Span { offset: 3, length: 2 }];
        let (wide, sums) = reduced_side(&spans, &[1, 2, 3, 4, 5], 1, |a, b| a + b);
        assert_eq!(*wide, [Span { offset: 1, length: 2 }, Span { offset: 1, length: 1 }]);
        assert_eq!(sums, [3, 3, 9]);
    }

    #[test]
    fn below_zero_buckets_round_up_too() {
        let spans = [Span { offset: -3, length: 4 }];
        let (wide, sums) = reduced_side(&spans, &[1, 2, 3, 4], 2, |a, b| a + b);
        assert_eq!((wide, sums), ([Span { offset: 0, length: 1 }].into(), vec![10]));
    }
}
