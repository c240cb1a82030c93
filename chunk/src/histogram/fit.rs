//! Whether a histogram may join a chunk, by Prometheus' rules, and over which layout.

use promethium_model::histogram::CUSTOM_BUCKETS_SCHEMA;
use promethium_model::{CounterResetHint, Span, Spans, is_stale};

use super::layout::{Layout, LayoutRef};
use super::native::Native;
use super::native::sealed::State as _;
use super::spans::{indexes, union};
use crate::CounterResetHeader;

/// What is to be done with a sample.
#[derive(Debug, PartialEq)]
pub(crate) enum Verdict {
    /// It has the chunk's buckets, or is stale.
    Append,
    /// It lacks buckets that the chunk has; they are empty.
    Widen,
    /// It has buckets that the chunk lacks: all samples go over to these spans, positive and negative.
    Recode(Spans, Spans),
    /// It may not.
    NewChunk(Reason),
}

/// Why a sample may not join a chunk. The header of the chunk that it starts instead follows from this.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Reason {
    /// A counter fell, or must be taken to have.
    Reset,
    /// The sample is of a gauge, the chunk is not; or the gauge has another layout, or returns.
    Gauge,
    /// The chunk is of a gauge, the sample is not.
    AfterGauge,
    /// Schema or zero threshold changed, or the series returns after a stale marker.
    Unknown,
}

/// A chunk as the rules see it.
pub(crate) struct Open<'a, H: Native> {
    pub(crate) header: CounterResetHeader,
    pub(crate) layout: &'a Layout,
    pub(crate) state: &'a H::State,
}

impl<H: Native> Open<'_, H> {
    pub(crate) fn verdict(&self, h: &H) -> Verdict {
        if h.hint() == CounterResetHint::Gauge { self.gauge_verdict(h) } else { self.counter_verdict(h) }
    }

    /// The rules for counters, whatever the sample's hint: also the judge of a planned new chunk's header.
    pub(crate) fn counter_verdict(&self, h: &H) -> Verdict {
        let layout = h.layout();
        if self.header == CounterResetHeader::Gauge {
            return Verdict::NewChunk(Reason::AfterGauge);
        }
        if h.hint() == CounterResetHint::Reset {
            return Verdict::NewChunk(Reason::Reset);
        }
        if is_stale(h.sum()) {
            return Verdict::Append;
        }
        if is_stale(self.state.sum()) {
            return Verdict::NewChunk(Reason::Unknown);
        }
        if self.state.count_fell(h) {
            return Verdict::NewChunk(Reason::Reset);
        }
        if !self.has_resolution_of(layout) {
            return Verdict::NewChunk(Reason::Unknown);
        }
        let fell =
            !self.has_bounds_of(layout) || self.state.zero_count_fell(h) || !self.state.buckets_grow(self.layout, h);
        if fell { Verdict::NewChunk(Reason::Reset) } else { self.counter_layout(layout) }
    }

    fn gauge_verdict(&self, h: &H) -> Verdict {
        let layout = h.layout();
        if self.header != CounterResetHeader::Gauge {
            return Verdict::NewChunk(Reason::Gauge);
        }
        if is_stale(h.sum()) {
            return Verdict::Append;
        }
        if is_stale(self.state.sum()) || !self.has_resolution_of(layout) || !self.has_bounds_of(layout) {
            return Verdict::NewChunk(Reason::Gauge);
        }
        self.gauge_layout(layout)
    }

    fn has_resolution_of(&self, h: LayoutRef<'_>) -> bool {
        self.layout.schema == h.schema && self.layout.zero_threshold == h.zero_threshold
    }

    fn has_bounds_of(&self, h: LayoutRef<'_>) -> bool {
        h.schema != CUSTOM_BUCKETS_SCHEMA || self.layout.bounds[..] == h.bounds[..]
    }

    /// Only new buckets on a side: the sample's spans as they are. Buckets new and gone: the union.
    fn counter_layout(&self, h: LayoutRef<'_>) -> Verdict {
        let positive = compare(&self.layout.positive, h.positive);
        let negative = compare(&self.layout.negative, h.negative);
        if !positive.has_new && !negative.has_new {
            return if positive.has_gone || negative.has_gone { Verdict::Widen } else { Verdict::Append };
        }
        let spans = |changes: Changes, old: &[Span], new: &Spans| match changes.has_gone {
            true => union(old, new).into(),
            false => new.clone(),
        };
        Verdict::Recode(
            spans(positive, &self.layout.positive, h.positive),
            spans(negative, &self.layout.negative, h.negative),
        )
    }

    /// As for counters, but once a bucket of either side is gone, both sides are united.
    fn gauge_layout(&self, h: LayoutRef<'_>) -> Verdict {
        let positive = compare(&self.layout.positive, h.positive);
        let negative = compare(&self.layout.negative, h.negative);
        let has_gone = positive.has_gone || negative.has_gone;
        match (positive.has_new || negative.has_new, has_gone) {
            (false, false) => Verdict::Append,
            (false, true) => Verdict::Widen,
            (true, false) => Verdict::Recode(h.positive.clone(), h.negative.clone()),
            (true, true) => Verdict::Recode(
                union(&self.layout.positive, h.positive).into(),
                union(&self.layout.negative, h.negative).into(),
            ),
        }
    }
}

#[derive(Clone, Copy, Default)]
struct Changes {
    has_new: bool,
    has_gone: bool,
}

/// Which buckets came and went.
fn compare(old: &[Span], new: &[Span]) -> Changes {
    if old == new {
        return Changes::default();
    }
    let (mut old, mut new) = (indexes(old).peekable(), indexes(new).peekable());
    let mut changes = Changes::default();
    loop {
        match (old.peek().copied(), new.peek().copied()) {
            (None, None) => return changes,
            (Some(a), Some(b)) if a == b => {
                old.next();
                new.next();
            }
            (Some(a), b) if b.is_none_or(|b| a < b) => {
                changes.has_gone = true;
                old.next();
            }
            _ => {
                changes.has_new = true;
                new.next();
            }
        }
    }
}

/// Whether no bucket fell, over absolute counts of the buckets of `old` and `new` spans. A bucket that is gone must have
/// been empty.
pub(crate) fn none_fell<T: PartialOrd + Default>(
    (old, old_counts): (&[Span], impl Iterator<Item = T>),
    (new, new_counts): (&[Span], impl Iterator<Item = T>),
) -> bool {
    if old == new {
        // PERF: without a branch a bucket; most grow.
        return !old_counts.zip(new_counts).fold(false, |fell, (count, new_count)| fell | (count > new_count));
    }
    let mut new = indexes(new).zip(new_counts).peekable();
    !indexes(old).zip(old_counts).any(|(index, count)| {
        while new.next_if(|(i, _)| *i < index).is_some() {}
        match new.next_if(|(i, _)| *i == index) {
            Some((_, new_count)) => count > new_count,
            None => count != T::default(),
        }
    })
}
