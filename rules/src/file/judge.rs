//! Judging a rule file: every rule of the format, every problem reported.
#![deny(
    clippy::indexing_slicing,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::arithmetic_side_effects
)]

use std::collections::{BTreeMap, BTreeSet};

use promethium_model::Position;
use promethium_model::labels::{METRIC_NAME, is_legacy_label_name, is_legacy_metric_name, is_valid_label_name};
use serde_saphyr::Spanned;

use super::spec::{AlertSpec, Annotated, GroupSpec, RecordSpec, RuleKind, RuleSpec, TemplateText};
use super::yaml::{FileYaml, GroupYaml, RuleYaml, TextMap, position_of, scalar_position};
use super::{FileChecks, RuleFileError, RuleFileProblem, RulePlace, RuleSource};
use crate::template::TemplateError;

/// The groups of a file, or all that is wrong with it.
pub(super) fn check_file(
    source: &RuleSource,
    yaml: FileYaml,
    checks: &FileChecks<'_>,
) -> Result<Vec<GroupSpec>, Vec<RuleFileError>> {
    let mut report = Report { source, errors: Vec::new() };
    let mut names = BTreeSet::new();
    let mut groups = Vec::new();
    let yaml_groups = yaml.groups.unwrap_or_default();
    let rules = yaml_groups.iter().map(|group| group.value.rules.as_ref().map_or(0, Vec::len)).sum();
    let limit = checks.limits.max_rules_per_file;
    if rules > limit {
        report.add(Vec::new(), None, RuleFileProblem::TooManyRules { rules, limit });
        return Err(report.errors);
    }
    for group in yaml_groups {
        check_group_name(&group, &mut names, &mut report);
        groups.push(check_group(group.value, checks, &mut report));
    }
    if report.errors.is_empty() { Ok(groups) } else { Err(report.errors) }
}

/// Collects the problems of one file.
struct Report<'a> {
    source: &'a RuleSource,
    errors: Vec<RuleFileError>,
}

impl Report<'_> {
    fn add(&mut self, positions: Vec<Position>, place: Option<RulePlace>, problem: RuleFileProblem) {
        self.errors.push(RuleFileError { file: self.source.file.clone(), positions, place, problem });
    }

    /// Where a field's value stands; 0:0 when the field is missing, as in Prometheus.
    fn position(&self, field: &Option<Spanned<String>>) -> Position {
        let nowhere = Position { line: 0, column: 0 };
        field.as_ref().map_or(nowhere, |f| scalar_position(&self.source.text, f.referenced))
    }
}

fn check_group_name(group: &Spanned<GroupYaml>, names: &mut BTreeSet<String>, report: &mut Report<'_>) {
    let at = vec![position_of(group.referenced)];
    let name = group.value.name.clone().unwrap_or_default();
    if name.is_empty() {
        report.add(at.clone(), None, RuleFileProblem::EmptyGroupName);
    }
    if !names.insert(name.clone()) {
        report.add(at, None, RuleFileProblem::RepeatedGroupName(name));
    }
}

fn check_group(group: GroupYaml, checks: &FileChecks<'_>, report: &mut Report<'_>) -> GroupSpec {
    let name = group.name.unwrap_or_default();
    let labels = texts(group.labels);
    let too_long = length_problems("label", &labels, checks.limits.max_label_value_bytes, checks);
    for problem in label_name_problems(&labels, checks).into_iter().chain(too_long) {
        report.add(Vec::new(), None, problem);
    }
    let mut rules = Vec::new();
    for (i, rule) in group.rules.unwrap_or_default().into_iter().enumerate() {
        let place = RulePlace { group: name.clone(), rule: i.saturating_add(1), name: rule_name(&rule).to_owned() };
        let mut judge = RuleJudge { place, checks, report: &mut *report };
        rules.extend(judge.rule(rule, &labels));
    }
    GroupSpec {
        file: report.source.file.clone(),
        name,
        interval_ms: group.interval.map(|d| d.0).filter(|ms| *ms > 0),
        query_offset_ms: group.query_offset.map(|d| d.0),
        limit: group.limit.unwrap_or(0),
        rules,
    }
}

/// Judges one rule and files what it finds under the rule's place.
struct RuleJudge<'r, 'f, 'c> {
    place: RulePlace,
    checks: &'r FileChecks<'c>,
    report: &'r mut Report<'f>,
}

impl RuleJudge<'_, '_, '_> {
    /// The rule, ready to run; `None` when its expression cannot be read.
    fn rule(&mut self, rule: RuleYaml, group_labels: &TextPairs) -> Option<RuleSpec> {
        self.check_kind(&rule);
        let expr = self.check_expr(&rule);
        if !text_of(&rule.record).is_empty() {
            self.check_recording(&rule);
        }
        let is_alert = !text_of(&rule.alert).is_empty();
        let times = [rule.hold, rule.keep_firing_for].map(|time| time.map_or(0, |d| d.0));
        let (labels, annotations) = (texts(rule.labels), texts(rule.annotations));
        self.check_names(&labels, &annotations);
        let labels = group_labels.clone().into_iter().chain(labels).collect();
        let kind = if is_alert { self.alert(times, labels, annotations) } else { self.record(labels) };
        Some(RuleSpec { expr: expr?, kind })
    }

    fn alert(&mut self, times: [i64; 2], labels: TextPairs, annotations: TextPairs) -> RuleKind {
        let [for_ms, keep_firing_for_ms] = times;
        let wrong_label = |name, error| RuleFileProblem::LabelTemplate { name, error: Box::new(error) };
        let wrong_annotation = |name, error| RuleFileProblem::AnnotationTemplate { name, error: Box::new(error) };
        RuleKind::Alert(AlertSpec {
            alert: self.place.name.clone(),
            for_ms,
            keep_firing_for_ms,
            labels: self.templates(labels, wrong_label),
            annotations: self.templates(annotations, wrong_annotation),
        })
    }

    fn record(&self, labels: TextPairs) -> RuleKind {
        RuleKind::Record(RecordSpec { record: self.place.name.clone(), labels: labels.into_iter().collect() })
    }

    fn check_names(&mut self, labels: &TextPairs, annotations: &TextPairs) {
        let mut problems = label_name_problems(labels, self.checks);
        problems.extend(annotation_name_problems(annotations, self.checks));
        let limits = self.checks.limits;
        problems.extend(length_problems("label", labels, limits.max_label_value_bytes, self.checks));
        problems.extend(length_problems("annotation", annotations, limits.max_annotation_bytes, self.checks));
        problems.into_iter().for_each(|problem| self.add(Vec::new(), problem));
    }

    fn add(&mut self, positions: Vec<Position>, problem: RuleFileProblem) {
        self.report.add(positions, Some(self.place.clone()), problem);
    }

    fn check_kind(&mut self, rule: &RuleYaml) {
        let problem = match (text_of(&rule.record).is_empty(), text_of(&rule.alert).is_empty()) {
            (false, false) => RuleFileProblem::RecordAndAlert,
            (true, true) => RuleFileProblem::NeitherRecordNorAlert,
            _ => return,
        };
        let at = [&rule.record, &rule.alert].map(|field| self.report.position(field));
        self.add(at.to_vec(), problem);
    }

    fn check_expr(&mut self, rule: &RuleYaml) -> Option<String> {
        let expr = text_of(&rule.expr);
        let problem = if expr.is_empty() {
            RuleFileProblem::MissingExpr
        } else {
            match self.checks.engine.check(expr) {
                Ok(canonical) => return Some(canonical),
                Err(error) => RuleFileProblem::Expr(error),
            }
        };
        let at = self.report.position(&rule.expr);
        self.add(vec![at], problem);
        None
    }

    fn check_recording(&mut self, rule: &RuleYaml) {
        let at = vec![self.report.position(&rule.record)];
        let fields = [
            ("annotations", rule.annotations.as_ref().is_some_and(|a| !a.is_empty())),
            ("for", rule.hold.is_some_and(|d| d.0 != 0)),
            ("keep_firing_for", rule.keep_firing_for.is_some_and(|d| d.0 != 0)),
        ];
        for (field, _) in fields.into_iter().filter(|(_, present)| *present) {
            self.add(at.clone(), RuleFileProblem::AlertFieldInRecording(field));
        }
        let record = text_of(&rule.record);
        if self.checks.legacy_names && !is_legacy_metric_name(record) {
            self.add(at.clone(), RuleFileProblem::InvalidRecordName(record.to_owned()));
        }
        if record.contains(['{', '}']) {
            self.add(at, RuleFileProblem::BracesInRecordName(record.to_owned()));
        }
    }

    fn templates(&mut self, texts: TextPairs, problem: impl Fn(String, TemplateError) -> RuleFileProblem) -> Annotated {
        let template_name = format!("__alert_{}", self.place.name);
        let mut compiled = Vec::with_capacity(texts.len());
        for (name, text) in texts {
            match self.checks.templates.compile(&template_name, &text) {
                Ok(template) => compiled.push((name, TemplateText::new(text, template))),
                Err(error) => self.add(Vec::new(), problem(name, error)),
            }
        }
        compiled
    }
}

type TextPairs = BTreeMap<String, String>;

fn texts(map: Option<TextMap>) -> TextPairs {
    map.unwrap_or_default().into_iter().map(|(name, text)| (name, text.unwrap_or_default())).collect()
}

fn text_of(field: &Option<Spanned<String>>) -> &str {
    field.as_ref().map_or("", |f| f.value.as_str())
}

fn rule_name(rule: &RuleYaml) -> &str {
    Some(text_of(&rule.alert)).filter(|name| !name.is_empty()).unwrap_or(text_of(&rule.record))
}

fn is_label_name(name: &str, checks: &FileChecks<'_>) -> bool {
    if checks.legacy_names { is_legacy_label_name(name) } else { is_valid_label_name(name) }
}

fn label_name_problems(labels: &TextPairs, checks: &FileChecks<'_>) -> Vec<RuleFileProblem> {
    let wrong = |name: &&String| !is_label_name(name, checks) || *name == METRIC_NAME;
    labels.keys().filter(wrong).cloned().map(RuleFileProblem::InvalidLabelName).collect()
}

/// Names and texts over their limits.
fn length_problems(
    what: &'static str,
    texts: &TextPairs,
    text_limit: usize,
    checks: &FileChecks<'_>,
) -> Vec<RuleFileProblem> {
    let name_limit = checks.limits.max_label_name_bytes;
    let mut problems = Vec::new();
    for (name, text) in texts {
        if name.len() > name_limit {
            problems.push(RuleFileProblem::LongName { bytes: name.len(), limit: name_limit });
        }
        if text.len() > text_limit {
            let (name, bytes) = (name.clone(), text.len());
            problems.push(RuleFileProblem::LongText { what, name, bytes, limit: text_limit });
        }
    }
    problems
}

fn annotation_name_problems(annotations: &TextPairs, checks: &FileChecks<'_>) -> Vec<RuleFileProblem> {
    let wrong = |name: &&String| !is_label_name(name, checks);
    annotations.keys().filter(wrong).cloned().map(RuleFileProblem::InvalidAnnotationName).collect()
}
