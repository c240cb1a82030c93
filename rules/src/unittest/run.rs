//! Running one test: time goes on in steps, rules are evaluated, alerts are compared on the way and expressions at the
//! end.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

use promethium_model::quote::go_quoted;
use promethium_model::{
    Annotations, InstantOptions, Labels, MemStore, QueryCx, QueryEngine, QueryOutput, QueryValue, SampleValue,
    VectorSample, duration,
};
use promethium_promql::{Engine, EngineOptions, promqltest};

use super::TestOptions;
use super::input::Input;
use super::text::{AlertText, SampleText, alerts_text, histogram_text, indented, samples_text};
use super::yaml::{AlertTestYaml, AlertYaml, ExprTestYaml, SampleYaml, TestYaml};
use crate::RuleManager;
use crate::alerting::ALERT_NAME;
use crate::error::RuleError;
use crate::file::{RuleFileErrors, RuleSource, SortedPairs, read_sources};
use crate::notifier::Discard;
use crate::options::{RuleGlobals, RuleOptions};
use crate::state::AlertState;
use crate::template::time_text;
use crate::view::RuleView;

/// What all tests of a file share.
pub(super) struct Setting<'a> {
    pub(super) rule_files: &'a [PathBuf],
    pub(super) evaluation_interval_ms: i64,
    /// Names of groups, in the order in which they are to run.
    pub(super) order: &'a [String],
    pub(super) fuzzy: bool,
    pub(super) options: &'a TestOptions,
}

/// Runs a test; gives its failures.
pub(super) fn run_test(test: &TestYaml, setting: &Setting<'_>, debug: &mut Vec<String>) -> Vec<String> {
    match Running::new(test, setting) {
        Err(failures) => failures,
        Ok(mut running) => {
            if running.run().is_ok() {
                running.check_expressions();
            }
            if setting.options.debug {
                debug.push(running.dump());
            }
            running.failures
        }
    }
}

struct Running<'a> {
    test: &'a TestYaml,
    setting: &'a Setting<'a>,
    engine: Arc<dyn QueryEngine>,
    rules: RuleManager,
    store: MemStore,
    input: Input,
    start_ms: i64,
    /// By time of evaluation, in milliseconds since the start.
    alert_tests: BTreeMap<i64, Vec<&'a AlertTestYaml>>,
    failures: Vec<String>,
}

/// A rule failed: the test ends there.
struct Ended;

impl<'a> Running<'a> {
    fn new(test: &'a TestYaml, setting: &'a Setting<'a>) -> Result<Self, Vec<String>> {
        let interval_ms = test.interval.map(|d| d.0).filter(|ms| *ms > 0).unwrap_or(setting.evaluation_interval_ms);
        let start_ms = test.start_timestamp.map_or(0, |start| start.0);
        let series = test.input_series.as_deref().unwrap_or_default();
        let input = Input::new(series, &duration::format_ms(interval_ms), start_ms).map_err(|e| vec![e])?;
        let mut options = EngineOptions::default().with_features(setting.options.features);
        options.subquery_step_ms = setting.evaluation_interval_ms;
        let engine: Arc<dyn QueryEngine> = Arc::new(Engine::new(options));
        let rules = load(test, setting, &engine, interval_ms, start_ms)
            .map_err(|errors| errors.iter().map(ToString::to_string).collect::<Vec<_>>())?;
        let mut alert_tests: BTreeMap<i64, Vec<&AlertTestYaml>> = BTreeMap::new();
        for case in test.alert_rule_test.iter().flatten() {
            let eval_time = case.eval_time.map_or(0, |d| d.0);
            if case.alertname.as_deref().unwrap_or("").is_empty() {
                return Err(vec![without_name(eval_time, test.name.as_deref())]);
            }
            alert_tests.entry(eval_time).or_default().push(case);
        }
        let store = MemStore::new();
        Ok(Running { test, setting, engine, rules, store, input, start_ms, alert_tests, failures: Vec::new() })
    }

    /// The time of the last check, milliseconds since the start.
    fn end_ms(&self) -> i64 {
        let expressions = self.test.promql_expr_test.iter().flatten().filter_map(|case| case.eval_time);
        let alerts = self.alert_tests.keys().copied();
        expressions.map(|d| d.0).chain(alerts).max().unwrap_or(0)
    }

    fn run(&mut self) -> Result<(), Ended> {
        let step_ms = self.setting.evaluation_interval_ms;
        let end_ms = self.end_ms();
        let mut since_start_ms = 0;
        while since_start_ms <= end_ms {
            let ts_ms = self.start_ms.saturating_add(since_start_ms);
            match self.input.feed_until(ts_ms, &self.store) {
                Ok(()) => self.evaluate(ts_ms)?,
                Err(error) => self.failures.push(error),
            }
            let next_ms = since_start_ms.saturating_add(step_ms);
            let due: Vec<(i64, Vec<&AlertTestYaml>)> =
                self.alert_tests.range(since_start_ms..next_ms).map(|(at, cases)| (*at, cases.clone())).collect();
            for (eval_time_ms, case) in due.iter().flat_map(|(at, cases)| cases.iter().map(|case| (*at, *case))) {
                self.check_alerts(eval_time_ms, case);
            }
            since_start_ms = next_ms;
        }
        Ok(())
    }

    /// Evaluates all groups; a rule that fails ends the test.
    fn evaluate(&mut self, ts_ms: i64) -> Result<(), Ended> {
        let order = |name: &str| self.setting.order.iter().position(|known| known == name).unwrap_or(0);
        let errors = self.rules.evaluate_ordered_at(ts_ms, &self.store, &self.store, &Discard, order);
        let time = time_text(ts_ms);
        let failed = !errors.is_empty();
        let text = |(name, error): (String, String)| format!("    rule: {name}, time: {time}, err: {error}");
        self.failures.extend(errors.into_iter().map(text));
        if failed { Err(Ended) } else { Ok(()) }
    }

    /// Compares the firing alerts of one name, over all groups.
    fn check_alerts(&mut self, eval_time_ms: i64, case: &AlertTestYaml) {
        let name = case.alertname.as_deref().unwrap_or("");
        let mut expected: Vec<AlertText> =
            case.exp_alerts.iter().flatten().map(|alert| expected(alert, name)).collect();
        let mut got = self.firing(name);
        expected.sort();
        got.sort();
        if expected == got {
            return;
        }
        let test = self.test.name.as_deref().filter(|name| !name.is_empty());
        let test = test.map(|name| format!("    name: {name},\n")).unwrap_or_default();
        let time = duration::format_ms(eval_time_ms);
        let [expected, got] = [expected, got].map(|alerts| indented(&alerts_text(&alerts), "            "));
        self.failures.push(match self.setting.options.diff {
            true => {
                let diff = indented(&super::diff::lines(&expected, &got), "            ");
                format!("{test}    alertname: {name}, time: {time}, \n        diff: {diff}")
            }
            false => {
                format!("{test}    alertname: {name}, time: {time}, \n        exp:{expected}, \n        got:{got}")
            }
        });
    }

    fn firing(&self, name: &str) -> Vec<AlertText> {
        let rules = self.rules.groups().into_iter().flat_map(|group| group.rules);
        let alerts = rules.flat_map(|rule| match rule {
            RuleView::Alerting(rule) if rule.name == name => rule.alerts,
            _ => Vec::new(),
        });
        let text = |alert: crate::AlertInstance| AlertText { labels: alert.labels, annotations: alert.annotations };
        alerts.filter(|alert| alert.state == AlertState::Firing).map(text).collect()
    }

    fn check_expressions(&mut self) {
        for case in self.test.promql_expr_test.iter().flatten() {
            let head = format!("    expr: {}, time: {}", go_quoted(&case.expr), duration::format_ms(eval_time(case)));
            match self.samples(case) {
                Err(error) => self.failures.push(format!("{head}, err: {error}")),
                Ok((expected, got)) if !agree(&expected, &got, self.setting.fuzzy) => self.failures.push(format!(
                    "{head},\n        exp: {}\n        got: {}",
                    samples_text(&expected),
                    samples_text(&got)
                )),
                Ok(_) => {}
            }
        }
    }

    /// Expected and found samples, sorted by labels.
    fn samples(&self, case: &ExprTestYaml) -> Result<(Vec<SampleText>, Vec<SampleText>), String> {
        let time_ms = self.start_ms.saturating_add(eval_time(case));
        let got = self.query(&case.expr, time_ms).map_err(|error| error.to_string())?;
        let mut got: Vec<SampleText> = got.into_iter().map(|s| SampleText::new(s.labels, &s.value)).collect();
        let expected: Result<Vec<SampleText>, String> =
            case.exp_samples.iter().flatten().map(expected_sample).collect();
        let mut expected = expected?;
        [&mut expected, &mut got].into_iter().for_each(|samples| samples.sort_by(|a, b| a.labels.cmp(&b.labels)));
        Ok((expected, got))
    }

    fn query(&self, expr: &str, time_ms: i64) -> Result<Vec<VectorSample>, RuleError> {
        let output = self.engine.instant(&self.store, expr, &InstantOptions::at(time_ms), &QueryCx::unlimited())?;
        match output.value {
            QueryValue::Vector(samples) => Ok(samples),
            QueryValue::Scalar { timestamp_ms, value } => {
                Ok(vec![VectorSample { labels: Labels::empty(), timestamp_ms, value: SampleValue::Float(value) }])
            }
            QueryValue::String { .. } | QueryValue::Matrix(_) => Err(RuleError::NotAVector),
        }
    }

    /// Everything stored, for whoever looks for what went wrong.
    fn dump(&self) -> String {
        let since_start_ms = (self.end_ms() / 1_000 + 1) * 1_000;
        let time = duration::format_ms(since_start_ms);
        let expr = format!("{{__name__=~\".+\"}}[{time}]");
        let at = InstantOptions::at(self.start_ms.saturating_add(since_start_ms));
        match self.engine.instant(&self.store, &expr, &at, &QueryCx::unlimited()) {
            Err(error) => format!("DEBUG: Failed querying, expr: {}, err: {error}", go_quoted(&expr)),
            Ok(QueryOutput { value: QueryValue::Matrix(series), .. }) => {
                let line = |series: &promethium_model::MatrixSeries| {
                    let point = |(t, v): &(i64, f64)| format!("{} @[{t}]", promethium_model::float::format_g(*v));
                    let floats = series.floats.iter().map(point);
                    let histograms = series.histograms.iter().map(|(t, h)| format!("{} @[{t}]", histogram_text(h)));
                    let points: Vec<String> = floats.chain(histograms).collect();
                    format!("{} =>\n{}", series.labels, points.join("\n"))
                };
                let all: Vec<String> = series.iter().map(line).collect();
                format!("DEBUG: Dump of all data (input_series and rules) at {time}:\n{}", all.join("\n"))
            }
            Ok(QueryOutput { annotations, .. }) => format!("DEBUG: {}", shown(&annotations)),
        }
    }
}

fn shown(annotations: &Annotations) -> String {
    annotations.iter().map(ToString::to_string).collect::<Vec<_>>().join("; ")
}

fn eval_time(case: &ExprTestYaml) -> i64 {
    case.eval_time.map_or(0, |d| d.0)
}

fn without_name(eval_time_ms: i64, test: Option<&str>) -> String {
    let test = test.filter(|name| !name.is_empty()).map(|name| format!(" (in TestGroup {name})")).unwrap_or_default();
    let time = duration::format_ms(eval_time_ms);
    format!("an item under alert_rule_test misses required attribute alertname at eval_time {time}{test}")
}

fn load(
    test: &TestYaml,
    setting: &Setting<'_>,
    engine: &Arc<dyn QueryEngine>,
    interval_ms: i64,
    now_ms: i64,
) -> Result<RuleManager, RuleFileErrors> {
    let limits = &setting.options.limits;
    let options = RuleOptions::default()
        .with_limits(limits.clone())
        .with_unknown_fields_ignored(setting.options.ignore_unknown_fields)
        .with_external_url(test.external_url.as_deref().unwrap_or("").trim_end_matches('/'));
    let external = texts(test.external_labels.as_ref());
    let globals = RuleGlobals::default()
        .with_evaluation_interval_ms(interval_ms)
        .with_external_labels(Labels::from_pairs(external));
    let rules = RuleManager::new(Arc::clone(engine), options);
    let sources: Vec<RuleSource> = read_sources(setting.rule_files, limits.max_config_bytes)?;
    rules.load(&sources, &globals, now_ms)?;
    Ok(rules)
}

fn texts(pairs: Option<&BTreeMap<String, Option<String>>>) -> SortedPairs {
    let pairs = pairs.into_iter().flatten();
    pairs.map(|(name, text)| (name.clone(), text.clone().unwrap_or_default())).collect()
}

/// Tests leave out the alert's name, which every alert has.
fn expected(alert: &AlertYaml, name: &str) -> AlertText {
    let labels = texts(alert.exp_labels.as_ref()).into_iter().filter(|(label, _)| label != ALERT_NAME);
    let labels = Labels::from_pairs(labels.chain([(ALERT_NAME.to_owned(), name.to_owned())]));
    AlertText { labels, annotations: texts(alert.exp_annotations.as_ref()) }
}

fn expected_sample(sample: &SampleYaml) -> Result<SampleText, String> {
    let wrong = |error: String| format!("labels {}: {error}", go_quoted(&sample.labels));
    let (labels, _) = promqltest::parse_series(sample.labels.trim()).map_err(wrong)?;
    let histogram = match sample.histogram.as_deref().filter(|text| !text.is_empty()) {
        None => String::new(),
        Some(text) => {
            let (_, values) = promqltest::parse_series(&format!("{{}} {text}")).map_err(wrong)?;
            match values.as_slice() {
                [Some(SampleValue::Histogram(h))] => histogram_text(h),
                [_] => return Err(wrong(format!("expected histogram, got {text}"))),
                many => return Err(wrong(format!("expected 1 value, got {}", many.len()))),
            }
        }
    };
    Ok(SampleText { labels, value: sample.value, histogram })
}

fn agree(expected: &[SampleText], got: &[SampleText], fuzzy: bool) -> bool {
    expected.len() == got.len() && expected.iter().zip(got).all(|(a, b)| a.agrees_with(b, fuzzy))
}
