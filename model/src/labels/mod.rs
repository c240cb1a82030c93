//! Label sets: immutable, sorted, packed into one buffer.

mod builder;
mod hash;
mod packed;
mod symbols;
mod validity;

use std::cmp::Ordering;
use std::fmt;
use std::sync::Arc;

pub use builder::LabelsBuilder;
pub use packed::Iter;
pub use symbols::{Symbol, Symbols};
pub use validity::{is_legacy_label_name, is_legacy_metric_name, is_valid_label_name};

use crate::quote;

/// The label that holds the metric name.
pub const METRIC_NAME: &str = "__name__";
/// The label that holds a classic histogram's upper bucket bound.
pub const BUCKET_LABEL: &str = "le";
/// The label that holds a summary's quantile.
pub const QUANTILE_LABEL: &str = "quantile";
/// The label that names an alert.
pub const ALERT_NAME: &str = "alertname";

/// An immutable label set: names unique and sorted, values non-empty (an empty value means "absent").
///
/// One buffer behind an [`Arc`]: a clone is a reference count. The layout — each string as a length and its
/// bytes, where a length below 255 is one byte and a longer one is 255 and three bytes little-endian — is the one
/// whose XXH64 Prometheus makes observable, so [`Labels::hash`] is one pass over the buffer.
///
/// ```
/// use promethium_model::Labels;
/// let l = Labels::from_pairs([("job", "node"), ("__name__", "up"), ("gone", "")]);
/// assert_eq!(l.iter().collect::<Vec<_>>(), [("__name__", "up"), ("job", "node")]);
/// assert_eq!(l.get("gone"), None);
/// ```
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Labels {
    packed: Arc<[u8]>,
}

impl Labels {
    /// The empty label set.
    #[must_use]
    pub fn empty() -> Self {
        Labels { packed: Arc::from([].as_slice()) }
    }

    /// Builds a set from pairs in any order. Empty values are left out; of a repeated name the last value stands.
    /// Where repetition must be an error, use [`LabelsBuilder::try_build`].
    pub fn from_pairs<N: AsRef<str>, V: AsRef<str>>(pairs: impl IntoIterator<Item = (N, V)>) -> Self {
        let mut builder = LabelsBuilder::new();
        for (name, value) in pairs {
            builder.set(name.as_ref(), value.as_ref());
        }
        builder.build()
    }

    /// Builds a set from pairs that are already sorted by name, unique, and have non-empty values.
    ///
    /// # Panics
    ///
    /// In debug builds, when the pairs break that promise.
    pub fn from_sorted_pairs<'a>(pairs: impl IntoIterator<Item = (&'a str, &'a str)>) -> Self {
        // As much as most label sets take.
        let mut buffer = Vec::with_capacity(256);
        Labels::pack_sorted_pairs(&mut buffer, pairs);
        Labels { packed: buffer.into() }
    }

    /// Appends to `buffer` what [`Labels::as_packed`] would be of such pairs: for who needs no set, but its key.
    ///
    /// # Panics
    ///
    /// As [`Labels::from_sorted_pairs`].
    pub fn pack_sorted_pairs<'a>(buffer: &mut Vec<u8>, pairs: impl IntoIterator<Item = (&'a str, &'a str)>) {
        let mut last: Option<&str> = None;
        for (name, value) in pairs {
            debug_assert!(last.is_none_or(|l| l < name), "label names must be sorted and unique");
            debug_assert!(!value.is_empty(), "an empty label value means that the label is absent");
            last = Some(name);
            packed::push(buffer, name);
            packed::push(buffer, value);
        }
    }

    /// The value of a label, `None` when absent.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&str> {
        // Names are sorted: behind a greater first byte there is nothing to find.
        let first = name.as_bytes().first();
        self.iter().take_while(|(n, _)| n.as_bytes().first() <= first).find_map(|(n, v)| (n == name).then_some(v))
    }

    /// The metric name, `""` when absent.
    #[must_use]
    pub fn metric_name(&self) -> &str {
        self.get(METRIC_NAME).unwrap_or("")
    }

    /// Whether the set has this label.
    #[must_use]
    pub fn has(&self, name: &str) -> bool {
        self.get(name).is_some()
    }

    /// Number of labels; walks the buffer.
    #[must_use]
    pub fn len(&self) -> usize {
        self.iter().count()
    }

    /// Whether the set has no labels.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.packed.is_empty()
    }

    /// The labels in name order.
    #[must_use]
    pub fn iter(&self) -> Iter<'_> {
        packed::iter(&self.packed)
    }

    /// The packed buffer: what [`Labels::hash`] covers, and a ready-made map key.
    #[must_use]
    pub fn as_packed(&self) -> &[u8] {
        &self.packed
    }

    /// Bytes of the packed buffer, for memory accounting.
    #[must_use]
    pub fn packed_len(&self) -> usize {
        self.packed.len()
    }

    /// A builder that starts from this set.
    #[must_use]
    pub fn to_builder(&self) -> LabelsBuilder {
        LabelsBuilder::from_labels(self)
    }

    /// This set without the labels that `drop` names.
    #[must_use]
    pub fn without(&self, drop: impl Fn(&str) -> bool) -> Labels {
        if !self.iter().any(|(n, _)| drop(n)) {
            return self.clone();
        }
        Labels::from_sorted_pairs(self.iter().filter(|(n, _)| !drop(n)))
    }

    /// This set without the metric name.
    #[must_use]
    pub fn without_name(&self) -> Labels {
        self.without(|n| n == METRIC_NAME)
    }
}

impl Default for Labels {
    fn default() -> Self {
        Labels::empty()
    }
}

impl PartialOrd for Labels {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Labels {
    /// Label by label in name order, name first; the shorter of two equal prefixes is smaller.
    fn cmp(&self, other: &Self) -> Ordering {
        self.iter().cmp(other.iter())
    }
}

impl<'a> IntoIterator for &'a Labels {
    type Item = (&'a str, &'a str);
    type IntoIter = Iter<'a>;

    fn into_iter(self) -> Iter<'a> {
        self.iter()
    }
}

impl<N: AsRef<str>, V: AsRef<str>> FromIterator<(N, V)> for Labels {
    fn from_iter<I: IntoIterator<Item = (N, V)>>(pairs: I) -> Self {
        Labels::from_pairs(pairs)
    }
}

impl fmt::Display for Labels {
    /// `name{a="b"}` when the metric name is a plain identifier, else `{"metric.name", a="b"}`'s braces-only form
    /// `{__name__="metric.name", a="b"}` as Prometheus prints it in messages.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = self.metric_name();
        let bare = is_legacy_metric_name(name);
        if bare {
            f.write_str(name)?;
        }
        let mut rest = self.iter().filter(|(n, _)| !(bare && *n == METRIC_NAME)).peekable();
        if bare && rest.peek().is_none() {
            return Ok(());
        }
        write_pairs(f, rest)
    }
}

impl fmt::Debug for Labels {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write_pairs(f, self.iter())
    }
}

fn write_pairs<'a>(f: &mut fmt::Formatter<'_>, pairs: impl Iterator<Item = (&'a str, &'a str)>) -> fmt::Result {
    f.write_str("{")?;
    for (i, (name, value)) in pairs.enumerate() {
        if i > 0 {
            f.write_str(", ")?;
        }
        if is_legacy_label_name(name) {
            f.write_str(name)?;
        } else {
            f.write_str(&quote::go_quoted(name))?;
        }
        write!(f, "={}", quote::go_quoted(value))?;
    }
    f.write_str("}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pairs_are_sorted_and_empty_values_dropped() {
        let l = Labels::from_pairs([("b", "2"), ("a", "1"), ("c", "")]);
        assert_eq!(l.iter().collect::<Vec<_>>(), [("a", "1"), ("b", "2")]);
        assert_eq!(l.len(), 2);
        assert!(!l.has("c"));
    }

    #[test]
    fn order_is_by_pair_then_length() {
        let a = Labels::from_pairs([("a", "1")]);
        let ab = Labels::from_pairs([("a", "1"), ("b", "1")]);
        let a2 = Labels::from_pairs([("a", "2")]);
        assert!(a < ab && ab < a2);
        // By bytes of the buffer alone the longer value would win: the order is not that of the buffer.
        let short = Labels::from_pairs([("a", "z")]);
        let long = Labels::from_pairs([("a", "aa")]);
        assert!(long < short);
    }

    #[test]
    fn long_strings_survive_packing() {
        for n in [254, 255, 256, 70_000] {
            let value = "v".repeat(n);
            let l = Labels::from_pairs([("a", value.as_str()), ("b", "x")]);
            assert_eq!(l.get("a").map(str::len), Some(n));
            assert_eq!(l.get("b"), Some("x"));
        }
    }

    #[test]
    fn display_quotes_what_needs_quoting() {
        let l = Labels::from_pairs([("__name__", "up"), ("a", "x\"\n")]);
        assert_eq!(l.to_string(), "up{a=\"x\\\"\\n\"}");
        assert_eq!(Labels::empty().to_string(), "{}");
        assert_eq!(Labels::from_pairs([("__name__", "up")]).to_string(), "up");
        let utf8 = Labels::from_pairs([("__name__", "a.b"), ("l.x", "1")]);
        assert_eq!(utf8.to_string(), "{__name__=\"a.b\", \"l.x\"=\"1\"}");
    }

    use proptest::prelude::*;
    use proptest::test_runner::RngSeed;
    use std::collections::BTreeMap;

    proptest! {
        #![proptest_config(ProptestConfig { rng_seed: RngSeed::Fixed(1), ..ProptestConfig::default() })]

        /// A label set is a sorted map without empty values; its order and its hash are those of that map.
        #[test]
        fn labels_behave_like_a_sorted_map(
            a in prop::collection::vec(("[a-cé_]{1,3}", "[a-c\\n]{0,3}|v{250,260}"), 0..6),
            b in prop::collection::vec(("[a-cé_]{1,3}", "[a-c\\n]{0,3}|v{250,260}"), 0..6),
        ) {
            let map = |pairs: &[(String, String)]| -> BTreeMap<String, String> {
                pairs.iter().cloned().collect::<BTreeMap<_, _>>().into_iter().filter(|(_, v)| !v.is_empty()).collect()
            };
            let (x, y) = (Labels::from_pairs(a.clone()), Labels::from_pairs(b.clone()));
            let (mx, my) = (map(&a), map(&b));
            prop_assert!(x.iter().eq(mx.iter().map(|(n, v)| (n.as_str(), v.as_str()))));
            prop_assert_eq!(x.cmp(&y), mx.iter().cmp(my.iter()));
            prop_assert_eq!(x == y, mx == my);
            prop_assert_eq!(x.hash() == y.hash(), mx == my);
            for name in mx.keys().chain(my.keys()) {
                prop_assert_eq!(x.get(name), mx.get(name).map(String::as_str));
            }
            prop_assert_eq!(x.to_builder().build(), Labels::from_sorted_pairs(x.iter()));
        }
    }
}
