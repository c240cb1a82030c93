//! Spans, and the bucket indexes that they cover.

use promethium_model::Span;

/// Number of buckets that `spans` cover.
pub(crate) fn bucket_count(spans: &[Span]) -> usize {
    spans.iter().fold(0_usize, |sum, s| sum.saturating_add(s.length as usize))
}

/// The indexes of the buckets that `spans` cover. They may repeat or fall where an offset is negative.
pub(crate) fn indexes(spans: &[Span]) -> impl Iterator<Item = i64> + '_ {
    let mut next = 0_i64;
    spans.iter().flat_map(move |span| {
        let start = next.wrapping_add(span.offset.into());
        next = start.wrapping_add(span.length.into());
        start..next
    })
}

/// The fewest spans that cover what either covers.
pub(crate) fn union(a: &[Span], b: &[Span]) -> Vec<Span> {
    let (mut a, mut b) = (indexes(a).peekable(), indexes(b).peekable());
    let mut merged = Vec::new();
    let mut end = 0_i64;
    loop {
        let index = match (a.peek().copied(), b.peek().copied()) {
            (Some(x), Some(y)) => x.min(y),
            (Some(x), None) | (None, Some(x)) => x,
            (None, None) => return merged,
        };
        a.next_if_eq(&index);
        b.next_if_eq(&index);
        match merged.last_mut() {
            Some(Span { length, .. }) if index == end => *length += 1,
            _ => merged.push(Span { offset: (index - end) as i32, length: 1 }),
        }
        end = index + 1;
    }
}

/// Puts `values` of the buckets of `from` where the same buckets are in `to`, and zeros where `from` has none.
pub(crate) fn spread<T: Copy + Default>(values: &[T], from: &[Span], to: &[Span]) -> Vec<T> {
    let mut have = indexes(from).zip(values).peekable();
    indexes(to).map(|index| have.next_if(|(i, _)| *i == index).map(|(_, v)| *v).unwrap_or_default()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn spans(pairs: &[(i32, u32)]) -> Vec<Span> {
        pairs.iter().map(|(offset, length)| Span { offset: *offset, length: *length }).collect()
    }

    #[test]
    fn a_union_is_in_as_few_spans_as_can_be() {
        let a = spans(&[(-2, 2), (1, 1)]);
        let b = spans(&[(-1, 1), (0, 1), (0, 0), (3, 2)]);
        assert_eq!(indexes(&a).collect::<Vec<_>>(), [-2, -1, 1]);
        assert_eq!(indexes(&b).collect::<Vec<_>>(), [-1, 0, 4, 5]);
        assert_eq!(union(&a, &b), spans(&[(-2, 4), (2, 2)]));
        assert_eq!(union(&[], &[]), []);
        assert_eq!(union(&[], &spans(&[(7, 1), (0, 1)])), spans(&[(7, 2)]));
    }

    #[test]
    fn values_go_where_their_buckets_are() {
        let from = spans(&[(-1, 1), (0, 1), (3, 2)]);
        let to = spans(&[(-2, 4), (2, 2)]);
        assert_eq!(spread(&[1, 2, 3, 4], &from, &to), [0, 1, 2, 0, 3, 4]);
    }
}
