//! Native histograms as they are stored: without empty buckets, and with spans that say so.
#![deny(
    clippy::indexing_slicing,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::arithmetic_side_effects
)]

use promethium_model::{CounterResetHint, Span};

use super::histogram::{HistogramMessage, Side};
use crate::event::NativeHistogram;

/// The histogram of a message. Storage changes hands: the message gets that of the histogram before, and a spare
/// one keeps that of the other kind.
///
/// # Errors
///
/// The message when spans and buckets do not fit.
pub(super) fn native(
    message: &mut HistogramMessage<'_>,
    gauge: bool,
    out: (&mut NativeHistogram, &mut NativeHistogram),
) -> Result<(), String> {
    let hint = if gauge { CounterResetHint::Gauge } else { CounterResetHint::Unknown };
    if message.is_float() { float(message, hint, out) } else { integer(message, hint, out) }
}

fn integer(
    message: &mut HistogramMessage<'_>,
    hint: CounterResetHint,
    (histogram, spare): (&mut NativeHistogram, &mut NativeHistogram),
) -> Result<(), String> {
    histogram.become_integer(spare);
    let NativeHistogram::Integer(h) = histogram else { return Ok(()) };
    h.counter_reset_hint = hint;
    (h.schema, h.zero_threshold, h.zero_count) = (message.schema, message.zero_threshold, message.zero_count);
    (h.count, h.sum) = (message.count, message.sum);
    take_deltas("positive", &mut message.positive, h.positive_spans.to_mut(), &mut h.positive_deltas)?;
    take_deltas("negative", &mut message.negative, h.negative_spans.to_mut(), &mut h.negative_deltas)
}

fn float(
    message: &mut HistogramMessage<'_>,
    hint: CounterResetHint,
    (histogram, spare): (&mut NativeHistogram, &mut NativeHistogram),
) -> Result<(), String> {
    histogram.become_float(spare);
    let NativeHistogram::Float(h) = histogram else { return Ok(()) };
    h.counter_reset_hint = hint;
    (h.schema, h.zero_threshold, h.zero_count) = (message.schema, message.zero_threshold, message.zero_count_float);
    (h.count, h.sum) = (message.count_float, message.sum);
    take_counts("positive", &mut message.positive, h.positive_spans.to_mut(), &mut h.positive_buckets)?;
    take_counts("negative", &mut message.negative, h.negative_spans.to_mut(), &mut h.negative_buckets)
}

fn check_side(side: &str, spans: &[Span], buckets: usize) -> Result<(), String> {
    let need: u64 = spans.iter().map(|span| u64::from(span.length)).fold(0, u64::wrapping_add);
    if need == buckets as u64 {
        return Ok(());
    }
    Err(format!("{side} side: spans require {need} buckets, have {buckets}"))
}

fn take_deltas(name: &str, side: &mut Side, spans: &mut Vec<Span>, deltas: &mut Vec<i64>) -> Result<(), String> {
    check_side(name, &side.spans, side.deltas.len())?;
    if spans_are_compact(&side.spans) && !has_empty_bucket(&side.deltas) {
        std::mem::swap(spans, &mut side.spans);
        std::mem::swap(deltas, &mut side.deltas);
        return Ok(());
    }
    deltas.clear();
    let mut absolute = 0i64;
    let counts = side.deltas.iter().map(|delta| {
        absolute = absolute.wrapping_add(*delta);
        absolute
    });
    let mut before = 0i64;
    compact(
        &side.spans,
        counts,
        |count| count == 0,
        0,
        spans,
        |count: Option<i64>| {
            let count = count.unwrap_or(0);
            deltas.push(count.wrapping_sub(before));
            before = count;
        },
    );
    Ok(())
}

fn take_counts(name: &str, side: &mut Side, spans: &mut Vec<Span>, counts: &mut Vec<f64>) -> Result<(), String> {
    check_side(name, &side.spans, side.counts.len())?;
    if spans_are_compact(&side.spans) && !side.counts.contains(&0.0) {
        std::mem::swap(spans, &mut side.spans);
        std::mem::swap(counts, &mut side.counts);
        return Ok(());
    }
    counts.clear();
    let kept = side.counts.iter().copied();
    compact(&side.spans, kept, |count| count == 0.0, 0, spans, |count| counts.push(count.unwrap_or(0.0)));
    Ok(())
}

/// No span is empty or touches the one before it.
fn spans_are_compact(spans: &[Span]) -> bool {
    spans.iter().all(|span| span.length > 0) && spans.iter().skip(1).all(|span| span.offset != 0)
}

fn has_empty_bucket(deltas: &[i64]) -> bool {
    let mut absolute = 0i64;
    let mut empty = false;
    for delta in deltas {
        absolute = absolute.wrapping_add(*delta);
        empty |= absolute == 0;
    }
    empty
}

/// Leaves out empty buckets, but fills gaps of at most `max_gap` buckets between others. `counts` are absolute, in the
/// order of the spans; `push` gets those that stay, `None` for one that fills a gap.
pub(crate) fn compact<T: Copy>(
    spans: &[Span],
    counts: impl Iterator<Item = T>,
    is_empty: impl Fn(T) -> bool,
    max_gap: i64,
    out: &mut Vec<Span>,
    mut push: impl FnMut(Option<T>),
) {
    out.clear();
    let mut counts = counts;
    let (mut index, mut next) = (0i64, 0i64);
    for span in spans {
        index = index.wrapping_add(i64::from(span.offset));
        for count in counts.by_ref().take(span.length as usize) {
            if !is_empty(count) {
                let gap = index.wrapping_sub(next);
                place(out, gap, max_gap, &mut push);
                push(Some(count));
                next = index.wrapping_add(1);
            }
            index = index.wrapping_add(1);
        }
    }
}

/// Makes room for one bucket, `gap` buckets behind the one before.
fn place<T>(out: &mut Vec<Span>, gap: i64, max_gap: i64, push: &mut impl FnMut(Option<T>)) {
    match out.last_mut() {
        Some(last) if (0..=max_gap).contains(&gap) => {
            (0..gap).for_each(|_| push(None));
            last.length = last.length.saturating_add(gap as u32).saturating_add(1);
        }
        _ => out.push(Span { offset: gap as i32, length: 1 }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn compacted(spans: &[(i32, u32)], counts: &[i64], max_gap: i64) -> (Vec<(i32, u32)>, Vec<i64>) {
        let spans: Vec<Span> = spans.iter().map(|&(offset, length)| Span { offset, length }).collect();
        let (mut out, mut kept) = (Vec::new(), Vec::new());
        compact(&spans, counts.iter().copied(), |c| c == 0, max_gap, &mut out, |c| kept.push(c.unwrap_or(0)));
        (out.iter().map(|s| (s.offset, s.length)).collect(), kept)
    }

    #[test]
    fn empty_buckets_go_and_spans_follow() {
        for (spans, counts, max_gap, expected) in [
            (&[(0, 0)][..], &[][..], 0, (vec![], vec![])),
            (&[(-2, 3)], &[0, 5, 0], 0, (vec![(-1, 1)], vec![5])),
            (&[(0, 2), (0, 1)], &[1, 2, 3], 0, (vec![(0, 3)], vec![1, 2, 3])),
            (&[(1, 1), (0, 0), (2, 1)], &[4, 4], 0, (vec![(1, 1), (2, 1)], vec![4, 4])),
            (&[(0, 5)], &[1, 0, 0, 0, 2], 0, (vec![(0, 1), (3, 1)], vec![1, 2])),
            (&[(0, 5)], &[1, 0, 0, 0, 2], 2, (vec![(0, 1), (3, 1)], vec![1, 2])),
            (&[(0, 4)], &[1, 0, 0, 2], 2, (vec![(0, 4)], vec![1, 0, 0, 2])),
            (&[(0, 1), (2, 1)], &[1, 2], 2, (vec![(0, 4)], vec![1, 0, 0, 2])),
            (&[(3, 2), (1, 2)], &[0, 0, 0, 0], 0, (vec![], vec![])),
        ] {
            assert_eq!(compacted(spans, counts, max_gap), expected, "{spans:?} {counts:?}");
        }
    }
}
