//! Changing label sets.

use super::{Labels, packed};

/// Collects and changes labels, then packs them into a [`Labels`].
///
/// ```
/// use promethium_model::Labels;
/// let l = Labels::from_pairs([("__name__", "up"), ("job", "node")]);
/// let mut b = l.to_builder();
/// b.set("job", "db").remove("__name__");
/// assert_eq!(b.build(), Labels::from_pairs([("job", "db")]));
/// ```
#[derive(Clone, Debug, Default)]
pub struct LabelsBuilder {
    pairs: Vec<(String, String)>,
}

impl LabelsBuilder {
    /// An empty builder.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// A builder that holds the labels of `labels`.
    #[must_use]
    pub fn from_labels(labels: &Labels) -> Self {
        LabelsBuilder { pairs: labels.iter().map(|(n, v)| (n.to_owned(), v.to_owned())).collect() }
    }

    /// Sets a label; an empty value removes it.
    pub fn set(&mut self, name: &str, value: &str) -> &mut Self {
        match self.pairs.iter_mut().find(|(n, _)| n == name) {
            Some(pair) => value.clone_into(&mut pair.1),
            None => self.pairs.push((name.to_owned(), value.to_owned())),
        }
        self
    }

    /// Removes a label.
    pub fn remove(&mut self, name: &str) -> &mut Self {
        self.pairs.retain(|(n, _)| n != name);
        self
    }

    /// Keeps only the labels for which `keep` holds.
    pub fn retain(&mut self, mut keep: impl FnMut(&str, &str) -> bool) -> &mut Self {
        self.pairs.retain(|(n, v)| keep(n, v));
        self
    }

    /// The present value of a label; an empty one counts as absent.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&str> {
        self.pairs.iter().find(|(n, v)| n == name && !v.is_empty()).map(|(_, v)| v.as_str())
    }

    /// Adds a pair without looking for an earlier one of the same name: for decoders, followed by
    /// [`LabelsBuilder::try_build`].
    pub fn push(&mut self, name: &str, value: &str) -> &mut Self {
        self.pairs.push((name.to_owned(), value.to_owned()));
        self
    }

    /// Packs the labels. Of a name that was pushed twice, the later value stands.
    #[must_use]
    pub fn build(&self) -> Labels {
        let sorted = self.sorted();
        let last_of_name = |i: usize| sorted.get(i + 1).is_none_or(|next| next.0 != sorted[i].0);
        pack((0..sorted.len()).filter(|&i| last_of_name(i)).map(|i| sorted[i]))
    }

    /// Packs the labels.
    ///
    /// # Errors
    ///
    /// The name that occurs twice.
    pub fn try_build(&self) -> Result<Labels, String> {
        let sorted = self.sorted();
        match sorted.windows(2).find(|w| w[0].0 == w[1].0) {
            Some(twice) => Err(twice[0].0.to_owned()),
            None => Ok(pack(sorted.into_iter())),
        }
    }

    fn sorted(&self) -> Vec<(&str, &str)> {
        let mut pairs: Vec<(&str, &str)> = self.pairs.iter().map(|(n, v)| (n.as_str(), v.as_str())).collect();
        pairs.sort_by_key(|pair| pair.0);
        pairs
    }
}

fn pack<'a>(sorted: impl Iterator<Item = (&'a str, &'a str)>) -> Labels {
    let mut buffer = Vec::with_capacity(128);
    for (name, value) in sorted.filter(|(_, v)| !v.is_empty()) {
        packed::push(&mut buffer, name);
        packed::push(&mut buffer, value);
    }
    Labels { packed: buffer.into() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn set_replaces_and_empty_removes() {
        let mut b = LabelsBuilder::new();
        b.set("a", "1").set("a", "2").set("b", "x").set("b", "");
        assert_eq!(b.get("b"), None);
        assert_eq!(b.build(), Labels::from_pairs([("a", "2")]));
    }

    #[test]
    fn pushed_twice_is_an_error_or_last_wins() {
        let mut b = LabelsBuilder::new();
        b.push("a", "1").push("a", "2");
        assert_eq!(b.try_build(), Err("a".to_owned()));
        assert_eq!(b.build().get("a"), Some("2"));
    }
}
