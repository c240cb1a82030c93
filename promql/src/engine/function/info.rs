//! `info`: labels of a vector enriched by those of info metrics.

use std::collections::{HashMap, HashSet};
use std::mem::size_of;

use foldhash::fast::FixedState;
use promethium_model::labels::METRIC_NAME;
use promethium_model::{Labels, LabelsBuilder, Matcher, QueryError};

use super::super::bitmap::Bitmap;
use super::super::budget::{Charge, table_bytes};
use super::super::column::{Column, Series, label_bytes};
use super::super::eval::{Collected, Evaluator, Sink};
use super::super::output::merge_equal;
use super::super::steps::Steps;
use crate::plan::InfoPlan;

const IDENTIFYING: [&str; 2] = ["instance", "job"];

/// An info series: at each step, the time of its newest sample.
struct InfoSeries {
    labels: Labels,
    times: Column,
}

/// The info series by what identifies their target, one list a metric.
type ByTarget = HashMap<Labels, Vec<(String, Vec<InfoSeries>)>, FixedState>;

impl<'a> Evaluator<'a> {
    pub(crate) fn info(&self, plan: &InfoPlan, steps: Steps, sink: Sink<'_>) -> Result<(), QueryError> {
        let base = self.collect(plan.base, steps)?;
        let is_info = |s: &Series| plan.names.iter().all(|m| m.matches(s.labels.metric_name()));
        let wanted = Wanted::of(base.series.iter().filter(|s| !is_info(s)).map(|s| &s.labels));
        let mut charge = self.budget.open();
        let by_target =
            if wanted.any() { self.info_series(plan, &wanted, steps, &mut charge)? } else { ByTarget::default() };
        self.refuse_ambiguous(&by_target, &base.series, steps)?;
        let mut out = Collected::new(self.budget);
        for series in base.series {
            if is_info(&series) {
                out.push(series)?;
            } else {
                enrich(plan, &series, by_target.get(&target(&series.labels)), steps, &mut out)?;
            }
        }
        out.series = merge_equal(std::mem::take(&mut out.series), self.budget)?;
        out.hand_on(sink)
    }

    fn info_series(
        &self,
        plan: &InfoPlan,
        wanted: &Wanted,
        steps: Steps,
        charge: &mut Charge<'_>,
    ) -> Result<ByTarget, QueryError> {
        let times = steps.shifted(plan.shift);
        let mut by_target = ByTarget::default();
        self.fetcher.each(plan.fetch, self.budget, self.notes, &mut |labels, batch| {
            if !wanted.takes(labels) {
                return Ok(());
            }
            let entry = table_bytes(1, size_of::<(Labels, Vec<InfoSeries>)>()) + 3 * size_of::<InfoSeries>();
            charge.hold(entry + 2 * label_bytes(labels) + Column::float_bytes(steps.count))?;
            let mut column = Column::new(steps.count);
            let mut has_histogram = false;
            super::super::selector::each_newest(batch, times, self.lookback_ms, |step, row| {
                has_histogram |= super::super::selector::histogram_at(batch, row).is_some();
                column.set(step, batch.timestamps[row] as f64);
            });
            if has_histogram {
                let text = format!("this should be an info metric, with float samples: {labels:?}");
                return Err(QueryError::Execution(text));
            }
            if column.any() {
                let metrics = by_target.entry(target(labels)).or_default();
                let name = labels.metric_name();
                let at = metrics.iter().position(|(n, _)| n == name).unwrap_or_else(|| {
                    metrics.push((name.to_owned(), Vec::new()));
                    metrics.len() - 1
                });
                metrics[at].1.push(InfoSeries { labels: labels.clone(), times: column });
            }
            Ok(())
        })?;
        Ok(by_target)
    }
}

impl Evaluator<'_> {
    /// Info series that cannot be told apart are refused at every step of the base, even if they enrich none of it.
    fn refuse_ambiguous(&self, by_target: &ByTarget, base: &[Series], steps: Steps) -> Result<(), QueryError> {
        let mut occupied = Bitmap::new(steps.count);
        base.iter().for_each(|s| occupied.union(&s.column.occupied()));
        let metrics = by_target.values().flatten().map(|(_, candidates)| candidates);
        for candidates in metrics.filter(|candidates| candidates.len() > 1) {
            self.budget.check()?;
            for step in occupied.ones() {
                newest(candidates, step)?;
            }
        }
        Ok(())
    }
}

/// The values that the identifying labels have in the base. What has others is never looked at, not even to be refused.
struct Wanted([HashSet<String, FixedState>; 2]);

impl Wanted {
    fn of<'l>(base: impl Iterator<Item = &'l Labels>) -> Wanted {
        let mut values = [HashSet::default(), HashSet::default()];
        for labels in base {
            for (name, values) in IDENTIFYING.iter().zip(&mut values) {
                values.extend(labels.get(name).map(str::to_owned));
            }
        }
        Wanted(values)
    }

    fn any(&self) -> bool {
        self.0.iter().any(|values| !values.is_empty())
    }

    fn takes(&self, info: &Labels) -> bool {
        let fits = |(name, values): (&&str, &HashSet<String, FixedState>)| {
            values.is_empty() || info.get(name).is_some_and(|v| values.contains(v))
        };
        IDENTIFYING.iter().zip(&self.0).all(fits)
    }
}

fn target(labels: &Labels) -> Labels {
    labels.without(|name| !IDENTIFYING.contains(&name))
}

/// Splits a series by the label sets that it has at its steps.
fn enrich(
    plan: &InfoPlan,
    series: &Series,
    metrics: Option<&Vec<(String, Vec<InfoSeries>)>>,
    steps: Steps,
    out: &mut Collected<'_>,
) -> Result<(), QueryError> {
    let mut parts: Vec<(Labels, Bitmap)> = Vec::new();
    for step in series.column.occupied().ones() {
        let Some(labels) = labels_at(plan, &series.labels, metrics, step)? else { continue };
        let at = parts.iter().position(|(l, _)| *l == labels).unwrap_or_else(|| {
            parts.push((labels, Bitmap::new(steps.count)));
            parts.len() - 1
        });
        parts[at].1.set(step);
    }
    let part = |(labels, _): &(Labels, Bitmap)| label_bytes(labels) + steps.count / 8 + size_of::<(Labels, Bitmap)>();
    out.hold(parts.iter().map(part).sum())?;
    for (labels, kept) in parts {
        let mut column = series.column.clone();
        column.retain(&kept);
        out.push(Series { labels, drop_name: series.drop_name, column })?;
    }
    Ok(())
}

/// The labels at a step; `None` where the sample goes for want of an info series.
fn labels_at(
    plan: &InfoPlan,
    base: &Labels,
    metrics: Option<&Vec<(String, Vec<InfoSeries>)>>,
    step: usize,
) -> Result<Option<Labels>, QueryError> {
    let mut added: Vec<(&str, &str)> = Vec::new();
    let mut matched = false;
    for (_, candidates) in metrics.into_iter().flatten() {
        let Some(info) = newest(candidates, step)? else { continue };
        matched = true;
        for (name, value) in info.labels.iter().filter(|(name, _)| adds(plan, base, name)) {
            match added.iter().find(|(known, _)| *known == name) {
                Some((_, other)) if *other != value => {
                    return Err(QueryError::Execution(format!("conflicting label: {name}")));
                }
                Some(_) => {}
                None => added.push((name, value)),
            }
        }
    }
    if !matched {
        return Ok(plan.data.iter().all(Matcher::matches_empty).then(|| base.clone()));
    }
    let mut builder = LabelsBuilder::from_labels(base);
    for (name, value) in added {
        builder.set(name, value);
    }
    Ok(Some(builder.build()))
}

fn adds(plan: &InfoPlan, base: &Labels, name: &str) -> bool {
    let asked_for = plan.data.is_empty() || plan.data.iter().any(|m| m.name == name);
    name != METRIC_NAME && asked_for && !base.has(name)
}

/// The candidate whose sample at this step is the newest.
fn newest(candidates: &[InfoSeries], step: usize) -> Result<Option<&InfoSeries>, QueryError> {
    let mut best: Option<(&InfoSeries, f64)> = None;
    for info in candidates {
        let Some(time) = info.times.float(step) else { continue };
        match best {
            Some((known, t)) if t == time => {
                let (a, b) = (&known.labels, &info.labels);
                let text = format!("found duplicate series for info metric: existing {a:?} @ {t}, new {b:?} @ {time}");
                return Err(QueryError::Execution(text));
            }
            Some((_, t)) if t > time => {}
            _ => best = Some((info, time)),
        }
    }
    Ok(best.map(|(info, _)| info))
}
