//! Runs of buckets, which many histograms have in common.

use std::fmt;
use std::ops::Deref;
use std::sync::Arc;

use super::Span;

/// The layout of one side's buckets: a slice of [`Span`]s.
///
/// Spans that are shared are cloned without an allocation: all histograms of a chunk have the same. Whoever changes shared ones
/// changes a copy.
///
/// ```
/// use promethium_model::{Span, Spans};
/// let mut spans = Spans::from([Span { offset: -2, length: 3 }]).to_shared();
/// let before = spans.clone();
/// spans.to_mut().push(Span { offset: 1, length: 1 });
/// assert_eq!((before.len(), spans.len()), (1, 2));
/// ```
#[derive(Clone)]
pub struct Spans(Repr);

#[derive(Clone)]
enum Repr {
    Own(Vec<Span>),
    Shared(Arc<[Span]>),
}

impl Spans {
    /// The same spans, shared with all clones of what this gives.
    #[must_use]
    pub fn to_shared(&self) -> Self {
        match &self.0 {
            Repr::Own(spans) if !spans.is_empty() => Spans(Repr::Shared(spans[..].into())),
            _ => self.clone(),
        }
    }

    /// The spans, to be changed; shared ones are copied first.
    pub fn to_mut(&mut self) -> &mut Vec<Span> {
        if let Repr::Shared(shared) = &self.0 {
            self.0 = Repr::Own(shared.to_vec());
        }
        match &mut self.0 {
            Repr::Own(spans) => spans,
            Repr::Shared(_) => unreachable!("shared spans were just copied"),
        }
    }

    /// Spans that there is room for. Shared ones are counted as if they were not.
    #[must_use]
    pub fn capacity(&self) -> usize {
        match &self.0 {
            Repr::Own(spans) => spans.capacity(),
            Repr::Shared(spans) => spans.len(),
        }
    }
}

impl Default for Spans {
    fn default() -> Self {
        Spans(Repr::Own(Vec::new()))
    }
}

impl Deref for Spans {
    type Target = [Span];

    #[inline]
    fn deref(&self) -> &[Span] {
        match &self.0 {
            Repr::Own(spans) => spans,
            Repr::Shared(spans) => spans,
        }
    }
}

impl From<Vec<Span>> for Spans {
    fn from(spans: Vec<Span>) -> Self {
        Spans(Repr::Own(spans))
    }
}

impl<const N: usize> From<[Span; N]> for Spans {
    fn from(spans: [Span; N]) -> Self {
        Spans(Repr::Own(spans.into()))
    }
}

impl FromIterator<Span> for Spans {
    fn from_iter<I: IntoIterator<Item = Span>>(spans: I) -> Self {
        Spans(Repr::Own(spans.into_iter().collect()))
    }
}

impl<'a> IntoIterator for &'a Spans {
    type Item = &'a Span;
    type IntoIter = std::slice::Iter<'a, Span>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

impl PartialEq for Spans {
    #[inline]
    fn eq(&self, other: &Self) -> bool {
        let is_same = matches!((&self.0, &other.0), (Repr::Shared(a), Repr::Shared(b)) if Arc::ptr_eq(a, b));
        is_same || **self == **other
    }
}

impl Eq for Spans {}

impl<const N: usize> PartialEq<[Span; N]> for Spans {
    fn eq(&self, other: &[Span; N]) -> bool {
        **self == *other
    }
}

impl PartialEq<Vec<Span>> for Spans {
    fn eq(&self, other: &Vec<Span>) -> bool {
        **self == **other
    }
}

impl fmt::Debug for Spans {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        (**self).fmt(f)
    }
}

// As large as the vector that it would otherwise be.
const _: () = assert!(size_of::<Spans>() == size_of::<Vec<Span>>());

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shared_spans_are_the_same_until_one_is_changed() {
        let own: Spans = (0..3).map(|length| Span { offset: 1, length }).collect();
        let shared = own.to_shared();
        let mut other = shared.clone();
        assert!(std::ptr::eq(&*shared, &*other));
        assert_eq!((&shared, &own), (&own, &other));
        other.to_mut().clear();
        assert_eq!((shared.len(), other.len()), (3, 0));
        assert!(shared != other && shared == [0, 1, 2].map(|length| Span { offset: 1, length }));
        assert_eq!((shared.capacity(), format!("{shared:?}")), (3, format!("{:?}", &*own)));
    }
}
