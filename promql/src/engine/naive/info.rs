//! `info`, step by step.

use promethium_model::labels::METRIC_NAME;
use promethium_model::{LabelsBuilder, MatchOp, Matcher, QueryError, SampleValue};

use super::super::steps::Steps;
use super::eval::{Naive, Vectors};
use super::select::Stored;
use super::value::{Sample, refuse_duplicates};
use crate::parser::{Call, Expr, ExprId};

const IDENTIFYING: [&str; 2] = ["instance", "job"];

impl Naive<'_> {
    pub(super) fn info(&self, call: &Call, steps: Steps) -> Result<Vectors, QueryError> {
        let base = self.vectors(call.args[0], steps)?;
        let matchers: Vec<Matcher> = match call.args.get(1).map(|a| self.expr(*a)) {
            Some(Expr::Selector(s)) => s.all_matchers(),
            _ => Vec::new(),
        };
        let (mut names, data): (Vec<Matcher>, Vec<Matcher>) = matchers.into_iter().partition(|m| m.name == METRIC_NAME);
        if names.is_empty() {
            names.push(Matcher::equal(METRIC_NAME, "target_info"));
        } else if names.iter().all(|m| m.op.is_negative()) {
            names.extend(Matcher::new(MatchOp::Regex, METRIC_NAME, ".+_info"));
        }
        let is_info = |s: &Sample| names.iter().all(|m| m.matches(s.labels.metric_name()));
        let plain: Vec<&Sample> = base.iter().flatten().filter(|s| !is_info(s)).collect();
        let values = |label: &str| plain.iter().filter_map(|s| s.labels.get(label)).collect::<Vec<_>>();
        let known = IDENTIFYING.map(values);
        let mut stored = Vec::new();
        if known.iter().any(|values| !values.is_empty()) {
            let all: Vec<Matcher> = names.iter().chain(&data).cloned().collect();
            stored = self.stored(&all, |_| {})?;
            stored.retain(|s| {
                IDENTIFYING.iter().zip(&known).all(|(label, values)| {
                    values.is_empty() || s.labels.get(label).is_some_and(|v| values.contains(&v))
                })
            });
        }
        let reference = |i: usize| Ok(self.reference(call.args[0], steps.time(i))?.unwrap_or(steps.time(i)));
        let times: Vec<i64> = (0..steps.count).map(reference).collect::<Result<_, QueryError>>()?;
        self.refuse_histograms(&stored, &times)?;
        for (t, _) in times.iter().zip(&base).filter(|(_, vector)| !vector.is_empty()) {
            let all: Vec<&Stored> = stored.iter().collect();
            self.newest_of_each_metric(&all, *t)?;
        }
        let mut out = Vec::new();
        for (t, vector) in times.into_iter().zip(&base) {
            let mut step = Vec::new();
            for sample in vector {
                if is_info(sample) {
                    step.push(sample.clone());
                } else {
                    step.extend(self.enriched(sample, &stored, &data, t)?);
                }
            }
            out.push(step);
        }
        // At a single step too.
        refuse_duplicates(&out)?;
        Ok(out)
    }

    fn enriched(
        &self,
        base: &Sample,
        stored: &[Stored],
        data: &[Matcher],
        t: i64,
    ) -> Result<Option<Sample>, QueryError> {
        let of_target: Vec<&Stored> =
            stored.iter().filter(|s| IDENTIFYING.iter().all(|l| s.labels.get(l) == base.labels.get(l))).collect();
        let newest = self.newest_of_each_metric(&of_target, t)?;
        if newest.is_empty() {
            return Ok(data.iter().all(Matcher::matches_empty).then(|| base.clone()));
        }
        let mut builder = LabelsBuilder::from_labels(&base.labels);
        let mut added: Vec<(&str, &str)> = Vec::new();
        for (name, value) in newest.iter().flat_map(|s| s.labels.iter()) {
            let wanted = data.is_empty() || data.iter().any(|m| m.name == name);
            if name == METRIC_NAME || !wanted || base.labels.has(name) {
                continue;
            }
            if added.iter().any(|(n, v)| *n == name && *v != value) {
                return Err(QueryError::Execution(format!("conflicting label: {name}")));
            }
            added.push((name, value));
            builder.set(name, value);
        }
        Ok(Some(Sample { labels: builder.build(), ..base.clone() }))
    }

    fn refuse_histograms(&self, stored: &[Stored], times: &[i64]) -> Result<(), QueryError> {
        let at =
            |s: &Stored, t: i64| s.newest(t, self.lookback_ms).map(|p| matches!(p.value, SampleValue::Histogram(_)));
        match stored.iter().find(|s| times.iter().any(|t| at(s, *t) == Some(true))) {
            Some(s) => {
                let text = format!("this should be an info metric, with float samples: {:?}", s.labels);
                Err(QueryError::Execution(text))
            }
            None => Ok(()),
        }
    }

    /// Of each metric and target the series with the newest sample.
    fn newest_of_each_metric<'s>(&self, stored: &[&'s Stored], t: i64) -> Result<Vec<&'s Stored>, QueryError> {
        let key =
            |s: &Stored| [METRIC_NAME, IDENTIFYING[0], IDENTIFYING[1]].map(|l| s.labels.get(l).map(str::to_owned));
        let mut newest: Vec<(&Stored, i64)> = Vec::new();
        for info in stored {
            let Some(point) = info.newest(t, self.lookback_ms) else { continue };
            match newest.iter_mut().find(|(s, _)| key(s) == key(info)) {
                Some((known, time)) if *time == point.time => {
                    let (a, b) = (&known.labels, &info.labels);
                    let text = "found duplicate series for info metric: existing";
                    return Err(QueryError::Execution(format!("{text} {a:?} @ {time}, new {b:?} @ {time}")));
                }
                Some(known) if known.1 < point.time => *known = (*info, point.time),
                Some(_) => {}
                None => newest.push((*info, point.time)),
            }
        }
        Ok(newest.into_iter().map(|(s, _)| s).collect())
    }

    /// When the first selector below is looked at.
    fn reference(&self, id: ExprId, t: i64) -> Result<Option<i64>, QueryError> {
        let id = self.ast.without_parens(id);
        match self.ast.expr(id) {
            Expr::Selector(s) => self.shifted(s.time(), id, t).map(Some),
            Expr::Matrix(m) => self.shifted(m.selector.time(), id, t).map(Some),
            Expr::Subquery(s) => self.reference(s.expr, self.shifted(&s.time, id, t)?),
            // The parameter of an aggregation is no source of its samples.
            Expr::Aggregate(a) => self.reference(a.expr, t),
            _ => {
                for child in self.ast.children(id) {
                    if let Some(found) = self.reference(child, t)? {
                        return Ok(Some(found));
                    }
                }
                Ok(None)
            }
        }
    }
}
