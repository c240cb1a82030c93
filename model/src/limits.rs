//! Every limit by name, with its default. The table in ARCHITECTURE.md is made from [`Limits::TABLE`].

/// Limits of one Promethium instance. All are finite by default; a host raises what it needs.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Limits {
    /// Series that a head holds at once; a further one is refused, the others go on.
    pub max_series: usize,
    /// Samples that one transaction may be given; further ones are refused, and what it holds can be committed.
    pub max_transaction_samples: usize,
    /// Samples that one query may hold in memory at once (a histogram counts by its size).
    pub max_query_samples: usize,
    /// Bytes that one query may hold at once: columns, label sets, join tables, texts, the answer. A look-up of labels, of series or
    /// of exemplars is a query too, and what a store finds on the way counts: lists of series, names and values.
    pub max_query_memory_bytes: usize,
    /// Steps of a range query.
    pub max_query_steps: usize,
    /// Milliseconds that one query may run.
    pub query_timeout_ms: u64,
    /// Bytes of a PromQL text.
    pub max_query_bytes: usize,
    /// Nesting of a PromQL expression.
    pub max_query_depth: usize,
    /// Parts of a PromQL expression: nodes, matchers, labels in lists and terms of durations count one each, a regular
    /// expression sixteen, one more for every four bytes and one more for every KiB of its program.
    pub max_query_parts: usize,
    /// Bytes of a scraped page, after decompression.
    pub max_scrape_body_bytes: usize,
    /// Samples of a scraped page.
    pub max_scrape_samples: usize,
    /// Bytes of one exposition line.
    pub max_line_bytes: usize,
    /// Labels of a series, the metric name included.
    pub max_labels: usize,
    /// Bytes of a label name, or of the metric name.
    pub max_label_name_bytes: usize,
    /// Bytes of a label value.
    pub max_label_value_bytes: usize,
    /// Bytes of a matcher's regular expression.
    pub max_regex_bytes: usize,
    /// Nesting of a regular expression: levels of groups, alternations, sequences and repetitions.
    pub max_regex_depth: u32,
    /// Bytes of a compiled regular expression, as far as its syntax tree tells: it is refused when it might be larger.
    pub max_regex_program_bytes: usize,
    /// Alerts that wait for one Alertmanager; the oldest give way.
    pub max_notification_queue: usize,
    /// Alerts in one request to an Alertmanager.
    pub max_notification_batch: usize,
    /// Bytes of a rule file or of a configuration file.
    pub max_config_bytes: usize,
    /// Milliseconds that a sample may lie in the future of the clock.
    pub max_future_ms: i64,
    /// Rules of one rule file.
    pub max_rules_per_file: usize,
    /// Active alerts of one rule; over it, as over a group's `limit`, the rule fails.
    pub max_alerts_per_rule: usize,
    /// Bytes of an annotation, as written and as rendered.
    pub max_annotation_bytes: usize,
    /// Bytes that a template gives, and of every text on the way.
    pub max_template_output_bytes: usize,
    /// Steps of one rendering: nodes, commands, rounds of loops.
    pub max_template_steps: u64,
    /// Milliseconds that one rendering may take, its queries included.
    pub template_timeout_ms: u64,
}

impl Limits {
    /// Name, default and meaning of every limit.
    pub const TABLE: &'static [(&'static str, i64, &'static str)] = &[
        ("max_series", DEFAULT.max_series as i64, "series in the head"),
        ("max_transaction_samples", DEFAULT.max_transaction_samples as i64, "samples of one transaction"),
        ("max_query_samples", DEFAULT.max_query_samples as i64, "samples in memory, one query"),
        ("max_query_memory_bytes", DEFAULT.max_query_memory_bytes as i64, "bytes in memory, one query"),
        ("max_query_steps", DEFAULT.max_query_steps as i64, "steps of a range query"),
        ("query_timeout_ms", DEFAULT.query_timeout_ms as i64, "time of one query"),
        ("max_query_bytes", DEFAULT.max_query_bytes as i64, "bytes of a PromQL text"),
        ("max_query_depth", DEFAULT.max_query_depth as i64, "nesting of a PromQL expression"),
        ("max_query_parts", DEFAULT.max_query_parts as i64, "nodes, matchers and labels of a PromQL expression"),
        ("max_scrape_body_bytes", DEFAULT.max_scrape_body_bytes as i64, "bytes of a scraped page, decompressed"),
        ("max_scrape_samples", DEFAULT.max_scrape_samples as i64, "samples of a scraped page"),
        ("max_line_bytes", DEFAULT.max_line_bytes as i64, "bytes of an exposition line"),
        ("max_labels", DEFAULT.max_labels as i64, "labels of a series"),
        ("max_label_name_bytes", DEFAULT.max_label_name_bytes as i64, "bytes of a label name or metric name"),
        ("max_label_value_bytes", DEFAULT.max_label_value_bytes as i64, "bytes of a label value"),
        ("max_regex_bytes", DEFAULT.max_regex_bytes as i64, "bytes of a regular expression"),
        ("max_regex_depth", DEFAULT.max_regex_depth as i64, "nesting of a regular expression"),
        ("max_regex_program_bytes", DEFAULT.max_regex_program_bytes as i64, "bytes of a compiled regular expression"),
        ("max_notification_queue", DEFAULT.max_notification_queue as i64, "alerts waiting for one Alertmanager"),
        ("max_notification_batch", DEFAULT.max_notification_batch as i64, "alerts in one request to an Alertmanager"),
        ("max_config_bytes", DEFAULT.max_config_bytes as i64, "bytes of a rule or configuration file"),
        ("max_future_ms", DEFAULT.max_future_ms, "milliseconds a sample may lie in the future"),
        ("max_rules_per_file", DEFAULT.max_rules_per_file as i64, "rules of one rule file"),
        ("max_alerts_per_rule", DEFAULT.max_alerts_per_rule as i64, "alerts of one rule"),
        ("max_annotation_bytes", DEFAULT.max_annotation_bytes as i64, "bytes of an annotation"),
        ("max_template_output_bytes", DEFAULT.max_template_output_bytes as i64, "bytes that a template gives"),
        ("max_template_steps", DEFAULT.max_template_steps as i64, "steps of a template"),
        ("template_timeout_ms", DEFAULT.template_timeout_ms as i64, "time of one template"),
    ];
}

const DEFAULT: Limits = Limits {
    max_series: 10_000_000,
    max_transaction_samples: 10_000_000,
    max_query_samples: 50_000_000,
    max_query_memory_bytes: 2 << 30,
    max_query_steps: 11_000,
    query_timeout_ms: 120_000,
    max_query_bytes: 64 << 10,
    max_query_depth: 200,
    max_query_parts: 50_000,
    max_scrape_body_bytes: 64 << 20,
    max_scrape_samples: 1_000_000,
    max_line_bytes: 1 << 20,
    max_labels: 128,
    max_label_name_bytes: 1 << 10,
    max_label_value_bytes: 64 << 10,
    max_regex_bytes: 64 << 10,
    max_regex_depth: 100,
    max_regex_program_bytes: 10 << 20,
    max_notification_queue: 10_000,
    max_notification_batch: 256,
    max_config_bytes: 4 << 20,
    max_future_ms: 600_000,
    max_rules_per_file: 20_000,
    max_alerts_per_rule: 100_000,
    max_annotation_bytes: 64 << 10,
    max_template_output_bytes: 64 << 10,
    max_template_steps: 1_000_000,
    template_timeout_ms: 10_000,
};

impl Default for Limits {
    fn default() -> Self {
        DEFAULT
    }
}

impl Limits {
    /// The default limits, usable in constants.
    #[must_use]
    pub const fn standard() -> Limits {
        DEFAULT
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_limit_is_finite_and_in_the_table() {
        let fields = format!("{:?}", Limits::default());
        for (name, default, meaning) in Limits::TABLE {
            assert!(*default > 0 && *default < i64::MAX / 2, "{name}");
            assert!(!meaning.is_empty());
            assert!(fields.contains(&format!("{name}: {default}")), "{name} is not a field with that default");
        }
        assert_eq!(fields.matches(": ").count(), Limits::TABLE.len());
    }
}
