//! From exposed labels to stored ones.

use std::borrow::Cow;

use promethium_exposition::Series;
use promethium_model::labels::METRIC_NAME;
use promethium_model::quote::go_quoted;
use promethium_model::{AppendError, Labels};

use crate::config::{TargetConfig, tighter};
use crate::error::ScrapeError;

const EXPORTED: &str = "exported_";

/// How the labels of one target's samples are made.
#[derive(Debug)]
pub(crate) struct LabelRules {
    target: Labels,
    honor_labels: bool,
    max_labels: usize,
    max_name_bytes: usize,
    max_value_bytes: usize,
}

impl LabelRules {
    /// `target` are the labels that samples get.
    pub(crate) fn new(config: &TargetConfig, target: Labels) -> Self {
        LabelRules {
            target,
            honor_labels: config.honor_labels,
            max_labels: tighter(config.label_limit, config.limits.max_labels),
            max_name_bytes: tighter(config.label_name_length_limit, config.limits.max_label_name_bytes),
            max_value_bytes: tighter(config.label_value_length_limit, config.limits.max_label_value_bytes),
        }
    }

    /// The labels under which a series is stored.
    pub(crate) fn stored(&self, series: &Series<'_>) -> Result<Labels, ScrapeError> {
        let exposed = Exposed::of(series);
        exposed.refuse_repetition()?;
        exposed.refuse_long_strings(self)?;
        let labels = if self.honor_labels { exposed.honored(&self.target) } else { exposed.renamed(&self.target) };
        if !labels.has(METRIC_NAME) {
            return Err(ScrapeError::MissingName);
        }
        if labels.iter().any(|(name, _)| name.is_empty()) {
            return Err(ScrapeError::InvalidNames { labels: format!("{labels:?}") });
        }
        self.refuse_excess(&labels)?;
        Ok(labels)
    }

    /// The labels of a series about the scrape itself.
    pub(crate) fn report(&self, name: &str) -> Labels {
        let mut labels = self.target.to_builder();
        labels.set(METRIC_NAME, name);
        labels.build()
    }

    fn refuse_excess(&self, labels: &Labels) -> Result<(), ScrapeError> {
        let metric = shortened(labels.metric_name());
        let count = labels.len();
        if count > self.max_labels {
            let message = format!(
                "label_limit exceeded (metric: {metric}, number of labels: {count}, limit: {})",
                self.max_labels
            );
            return Err(ScrapeError::LabelLimit { message });
        }
        labels.iter().try_for_each(|(name, value)| self.refuse_long(metric, name, value))
    }

    fn refuse_long(&self, metric: &str, name: &str, value: &str) -> Result<(), ScrapeError> {
        let message = if name.len() > self.max_name_bytes {
            format!(
                "label_name_length_limit exceeded (metric: {metric}, label name: {}, length: {}, limit: {})",
                shortened(name),
                name.len(),
                self.max_name_bytes
            )
        } else if value.len() > self.max_value_bytes {
            format!(
                "label_value_length_limit exceeded (metric: {metric}, label name: {}, value: {}, length: {}, limit: {})",
                shortened(name),
                go_quoted(shortened(value)),
                value.len(),
                self.max_value_bytes
            )
        } else {
            return Ok(());
        };
        Err(ScrapeError::LabelLimit { message })
    }
}

/// The first fifty characters.
fn shortened(text: &str) -> &str {
    text.char_indices().nth(50).and_then(|(end, _)| text.get(..end)).unwrap_or(text)
}

/// The labels of a series as exposed, the name among them, sorted; values may be empty.
struct Exposed<'a> {
    pairs: Vec<(Cow<'a, str>, Cow<'a, str>)>,
}

impl<'a> Exposed<'a> {
    fn of(series: &Series<'a>) -> Self {
        let name = (Cow::Borrowed(METRIC_NAME), series.name());
        let mut pairs: Vec<_> = std::iter::once(name).chain(series.stored_labels()).collect();
        pairs.sort_unstable();
        Exposed { pairs }
    }

    fn refuse_repetition(&self) -> Result<(), ScrapeError> {
        let mut neighbours = self.pairs.iter().zip(self.pairs.iter().skip(1));
        match neighbours.find(|(a, b)| a.0 == b.0) {
            Some((twice, _)) => Err(AppendError::DuplicateLabel { name: twice.0.to_string() }.into()),
            None => Ok(()),
        }
    }

    /// Before a label set is made of them.
    fn refuse_long_strings(&self, rules: &LabelRules) -> Result<(), ScrapeError> {
        let metric = self.iter().find(|(name, _)| *name == METRIC_NAME).map_or("", |(_, value)| value);
        self.iter().try_for_each(|(name, value)| rules.refuse_long(shortened(metric), name, value))
    }

    fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.pairs.iter().map(|(name, value)| (&**name, &**value))
    }

    fn has(&self, name: &str) -> bool {
        self.iter().any(|(n, _)| n == name)
    }

    /// The target's labels fill gaps. An exposed label without value is no gap.
    fn honored(&self, target: &Labels) -> Labels {
        united(self.iter().chain(target.iter().filter(|(name, _)| !self.has(name))))
    }

    /// The target's labels win. An exposed label in their way is kept under another name.
    fn renamed(&self, target: &Labels) -> Labels {
        if self.iter().any(|(name, value)| !value.is_empty() && target.has(name)) {
            return self.displaced(target);
        }
        united(self.iter().filter(|(_, value)| !value.is_empty()).chain(target))
    }

    /// What the target's labels displace gets `exported_` before its name, as often as it takes; shorter names choose
    /// first.
    #[cold]
    fn displaced(&self, target: &Labels) -> Labels {
        let (mut displaced, free): (Vec<_>, Vec<_>) = self.iter().partition(|(name, _)| target.has(name));
        let mut labels = united(free.into_iter().chain(target)).to_builder();
        displaced.retain(|(_, value)| !value.is_empty());
        displaced.sort_by_key(|(name, _)| name.len());
        for (name, value) in displaced {
            let mut free_name = format!("{EXPORTED}{name}");
            while labels.get(&free_name).is_some() {
                free_name.insert_str(0, EXPORTED);
            }
            labels.set(&free_name, value);
        }
        labels.build()
    }
}

/// A label set of pairs whose names differ; those without value are left out.
fn united<'p>(pairs: impl Iterator<Item = (&'p str, &'p str)>) -> Labels {
    let mut pairs: Vec<_> = pairs.filter(|(_, value)| !value.is_empty()).collect();
    pairs.sort_unstable_by_key(|(name, _)| *name);
    Labels::from_sorted_pairs(pairs)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fetch::Source;
    use promethium_exposition::Event;
    use promethium_exposition::text::Decoder;

    fn stored(config: &TargetConfig, target: &[(&str, &str)], line: &str) -> Result<String, String> {
        let rules = LabelRules::new(config, Labels::from_pairs(target.iter().copied()));
        let mut decoder = Decoder::new(line.as_bytes());
        let Ok(Some(Event::Sample(sample))) = decoder.next_event() else { panic!("no sample: {line}") };
        rules.stored(sample.series()).map(|labels| labels.to_string()).map_err(|error| error.to_string())
    }

    fn config() -> TargetConfig {
        TargetConfig::new("j", Source::closure(String::new))
    }

    #[test]
    fn the_targets_labels_win() {
        let target = [("instance", "i"), ("job", "j")];
        for (line, labels) in [
            ("up 1", r#"up{instance="i", job="j"}"#),
            ("up{job=\"x\"} 1", r#"up{exported_job="x", instance="i", job="j"}"#),
            ("up{job=\"\"} 1", r#"up{instance="i", job="j"}"#),
            (
                "up{job=\"x\",exported_job=\"y\"} 1",
                r#"up{exported_exported_job="x", exported_job="y", instance="i", job="j"}"#,
            ),
        ] {
            assert_eq!(stored(&config(), &target, line).as_deref(), Ok(labels), "{line}");
        }
        let both = [("exported_job", "t"), ("job", "j")];
        let labels = r#"up{exported_exported_exported_job="y", exported_exported_job="x", exported_job="t", job="j"}"#;
        assert_eq!(stored(&config(), &both, "up{job=\"x\",exported_job=\"y\"} 1").as_deref(), Ok(labels));
    }

    #[test]
    fn honored_labels_win() {
        let mut config = config();
        config.honor_labels = true;
        let target = [("instance", "i"), ("job", "j")];
        for (line, labels) in [
            ("up 1", r#"up{instance="i", job="j"}"#),
            ("up{job=\"x\"} 1", r#"up{instance="i", job="x"}"#),
            ("up{instance=\"\"} 1", r#"up{job="j"}"#),
        ] {
            assert_eq!(stored(&config, &target, line).as_deref(), Ok(labels), "{line}");
        }
    }

    #[test]
    fn refusals() {
        let mut config = config();
        config.label_limit = 3;
        config.label_name_length_limit = 10;
        config.label_value_length_limit = 5;
        let long = "n".repeat(60);
        for (line, text) in [
            ("{\"\"} 1", "missing metric name (__name__ label)".to_owned()),
            (
                "up{\"\"=\"x\"} 1",
                "invalid metric name or label names: {\"\"=\"x\", __name__=\"up\", job=\"j\"}".to_owned(),
            ),
            ("up{a=\"1\",a=\"2\"} 1", "label name \"a\" is not unique: invalid sample".to_owned()),
            ("up{a=\"1\",b=\"2\"} 1", "label_limit exceeded (metric: up, number of labels: 4, limit: 3)".to_owned()),
            (
                &format!("up{{{long}=\"1\"}} 1"),
                format!(
                    "label_name_length_limit exceeded (metric: up, label name: {}, length: 60, limit: 10)",
                    &long[..50]
                ),
            ),
            (
                "up{a=\"123456\"} 1",
                "label_value_length_limit exceeded (metric: up, label name: a, value: \"123456\", length: 6, limit: 5)"
                    .to_owned(),
            ),
        ] {
            assert_eq!(stored(&config, &[("job", "j")], line), Err(text), "{line}");
        }
    }
}
