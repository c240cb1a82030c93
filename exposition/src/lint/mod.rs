//! Good practice in names, as `promtool check metrics` sees it.

mod units;

use promethium_model::MetricType;

use crate::family::{Family, Metric};

/// What could be better about a family.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Finding {
    /// The family's name.
    pub metric: String,
    /// What could be better, in promtool's words.
    pub text: String,
}

/// Looks over families; findings are sorted by metric and text.
///
/// ```
/// use promethium_exposition::{DecodeOptions, Format, collect, lint};
/// let page = b"# HELP wait_milliseconds W.\n# TYPE wait_milliseconds counter\nwait_milliseconds 1\n";
/// let findings = lint(&collect(Format::PrometheusText, page, &DecodeOptions::new())?);
/// let texts: Vec<&str> = findings.iter().map(|finding| finding.text.as_str()).collect();
/// assert_eq!(texts, [
///     r#"counter metrics should have "_total" suffix"#,
///     r#"use base unit "seconds" instead of "milliseconds""#,
/// ]);
/// # Ok::<(), promethium_exposition::DecodeError>(())
/// ```
#[must_use]
pub fn lint(families: &[Family]) -> Vec<Finding> {
    let mut findings: Vec<Finding> = families
        .iter()
        .flat_map(|family| RULES.iter().flat_map(move |rule| rule(family)).map(move |text| (family, text)))
        .map(|(family, text)| Finding { metric: family.name.clone(), text })
        .collect();
    findings.sort();
    findings
}

type Rule = fn(&Family) -> Vec<String>;

const RULES: [Rule; 9] = [
    help,
    base_units,
    total_suffix,
    timestamp_suffix,
    reserved_for_distributions,
    type_in_name,
    colons_and_case,
    abbreviated_units,
    uniqueness,
];

fn when(broken: bool, text: impl Into<String>) -> Vec<String> {
    if broken { vec![text.into()] } else { Vec::new() }
}

fn help(family: &Family) -> Vec<String> {
    when(family.help.is_empty(), "no help text")
}

fn base_units(family: &Family) -> Vec<String> {
    match units::of_name(&family.name) {
        Some((unit, base)) if unit != base => vec![format!("use base unit \"{base}\" instead of \"{unit}\"")],
        _ => Vec::new(),
    }
}

fn total_suffix(family: &Family) -> Vec<String> {
    let total = family.name.ends_with("_total");
    match family.metric_type {
        MetricType::Counter => when(!total, "counter metrics should have \"_total\" suffix"),
        MetricType::Unknown => Vec::new(),
        _ => when(total, "non-counter metrics should not have \"_total\" suffix"),
    }
}

fn timestamp_suffix(family: &Family) -> Vec<String> {
    let judged = !matches!(family.metric_type, MetricType::Gauge | MetricType::Unknown);
    when(
        judged && family.name.ends_with("_timestamp_seconds"),
        "non-gauge metrics should not have \"_timestamp_seconds\" suffix",
    )
}

/// Suffixes and labels that histograms and summaries have.
fn reserved_for_distributions(family: &Family) -> Vec<String> {
    let histogram = matches!(family.metric_type, MetricType::Histogram | MetricType::GaugeHistogram);
    let summary = family.metric_type == MetricType::Summary;
    let mut texts = Vec::new();
    if family.metric_type == MetricType::Unknown {
        return texts;
    }
    if !histogram && family.name.ends_with("_bucket") {
        texts.push("non-histogram metrics should not have \"_bucket\" suffix".to_owned());
    }
    for suffix in ["_count", "_sum"] {
        if !histogram && !summary && family.name.ends_with(suffix) {
            texts.push(format!("non-histogram and non-summary metrics should not have \"{suffix}\" suffix"));
        }
    }
    for name in label_names(family) {
        if !histogram && name == "le" {
            texts.push("non-histogram metrics should not have \"le\" label".to_owned());
        }
        if !summary && name == "quantile" {
            texts.push("non-summary metrics should not have \"quantile\" label".to_owned());
        }
    }
    texts
}

fn label_names(family: &Family) -> impl Iterator<Item = &str> {
    family.metrics.iter().flat_map(|metric| metric.labels.iter().map(|(name, _)| name.as_str()))
}

/// A part of the name in lower case, behind an underscore.
fn has_part(name: &str, part: &str) -> bool {
    name.contains(&format!("_{part}_")) || name.ends_with(&format!("_{part}"))
}

fn type_in_name(family: &Family) -> Vec<String> {
    let name = family.name.to_lowercase();
    let types = ["counter", "gauge", "summary", "histogram", "gauge_histogram"];
    let included = types.into_iter().filter(|t| has_part(&name, t));
    included.map(|t| format!("metric name should not include type '{t}'")).collect()
}

fn colons_and_case(family: &Family) -> Vec<String> {
    let mut texts = when(family.name.contains(':'), "metric names should not contain ':'");
    texts.extend(when(is_camel_case(&family.name), "metric names should be written in 'snake_case' not 'camelCase'"));
    let camels = label_names(family).filter(|name| is_camel_case(name));
    texts.extend(camels.map(|_| "label names should be written in 'snake_case' not 'camelCase'".to_owned()));
    texts
}

fn is_camel_case(name: &str) -> bool {
    let bytes = name.as_bytes();
    bytes.iter().zip(bytes.iter().skip(1)).any(|(a, b)| a.is_ascii_lowercase() && b.is_ascii_uppercase())
}

fn abbreviated_units(family: &Family) -> Vec<String> {
    let name = family.name.to_lowercase();
    let abbreviated = units::ABBREVIATIONS.iter().filter(|part| has_part(&name, part));
    abbreviated.map(|_| "metric names should not contain abbreviated units".to_owned()).collect()
}

/// Every metric but the last of those with the same labels.
fn uniqueness(family: &Family) -> Vec<String> {
    let labels = |metric: &Metric| metric.labels.clone();
    let mut sorted: Vec<_> = family.metrics.iter().map(labels).collect();
    sorted.sort_unstable();
    let repeated = sorted.iter().zip(sorted.iter().skip(1)).filter(|(a, b)| a == b).count();
    vec!["metric not unique".to_owned(); repeated]
}
