//! The plainest evaluator there is, to hold the engine against.
//!
//! Each node is evaluated at each step on its own: windows are searched anew, groups and matches are found anew, nothing
//! slides, streams, is shared or is hoisted. What it has in common with the engine is the parser and the arithmetic on one
//! or two histograms. It is slow, and meant to be.

mod aggregate;
mod binary;
mod eval;
mod functions;
mod info;
mod range;
mod select;
mod value;

use promethium_model::{
    InstantOptions, Matcher, MatrixSeries, QueryCx, QueryEngine, QueryError, QueryOutput, QueryValue, Queryable,
    RangeOptions, VectorSample,
};

use super::notes::Notes;
use super::output::duplicate_labels;
use super::query::{Engine, EngineOptions};
use super::steps::Steps;
use crate::parser::{Ast, Expr, ParserOptions, ValueType, parse};
use eval::Naive;
use value::{Merged, Value};

/// An engine that recomputes everything at every step: for checking another one, on small data.
#[derive(Clone, Debug, Default)]
pub struct NaiveEngine {
    options: EngineOptions,
}

impl NaiveEngine {
    /// With these options, of which limits and threads do not matter.
    #[must_use]
    pub fn new(options: EngineOptions) -> Self {
        NaiveEngine { options }
    }

    fn parse(&self, query: &str) -> Result<Ast, QueryError> {
        Ok(parse(query, &ParserOptions::new(self.options.features, &self.options.limits))?)
    }

    fn evaluate(
        &self,
        store: &dyn Queryable,
        query: &str,
        (steps, end_ms, interval_ms): (Steps, i64, i64),
        lookback_ms: Option<i64>,
    ) -> Result<QueryOutput, QueryError> {
        let ast = self.parse(query)?;
        let lookback_ms = lookback_ms.unwrap_or(self.options.lookback_ms);
        let naive = Naive {
            ast: &ast,
            store,
            notes: &Notes::new(query),
            features: self.options.features,
            lookback_ms,
            subquery_step_ms: self.options.subquery_step_ms,
            query: steps,
            end_ms,
            interval_ms,
        };
        naive.check_durations()?;
        let value = if interval_ms > 0 { range(&naive, steps)? } else { instant(&naive, steps)? };
        Ok(QueryOutput { value, annotations: naive.notes.take() })
    }
}

impl QueryEngine for NaiveEngine {
    fn check(&self, query: &str) -> Result<String, QueryError> {
        Ok(self.parse(query)?.to_string())
    }

    fn selector(&self, text: &str) -> Result<Vec<Matcher>, QueryError> {
        Engine::new(self.options.clone()).selector(text)
    }

    fn instant(
        &self,
        store: &dyn Queryable,
        query: &str,
        options: &InstantOptions,
        _: &QueryCx,
    ) -> Result<QueryOutput, QueryError> {
        self.evaluate(store, query, (Steps::single(options.time_ms), options.time_ms, 0), options.lookback_ms)
    }

    fn range(
        &self,
        store: &dyn Queryable,
        query: &str,
        options: &RangeOptions,
        _: &QueryCx,
    ) -> Result<QueryOutput, QueryError> {
        let steps = Steps::between(options.start_ms, options.end_ms, options.step_ms);
        self.evaluate(store, query, (steps, options.end_ms, options.step_ms), options.lookback_ms)
    }
}

fn instant(naive: &Naive<'_>, steps: Steps) -> Result<QueryValue, QueryError> {
    let timestamp_ms = steps.start_ms;
    match naive.eval(naive.ast.root(), steps)? {
        Value::Scalar(values) => Ok(QueryValue::Scalar { timestamp_ms, value: values[0] }),
        Value::Text(bytes) => {
            Ok(QueryValue::String { timestamp_ms, value: String::from_utf8_lossy(&bytes).into_owned() })
        }
        Value::Vector(mut vectors) => {
            let samples = vectors.swap_remove(0);
            let mut vector: Vec<VectorSample> = Vec::new();
            for sample in samples {
                let labels = sample.final_labels();
                if vector.iter().any(|s| s.labels == labels) {
                    return Err(duplicate_labels());
                }
                vector.push(VectorSample { labels, timestamp_ms, value: sample.value });
            }
            Ok(QueryValue::Vector(vector))
        }
        Value::Matrix(mut matrices) => {
            let rows = matrices.swap_remove(0).into_iter();
            let mut rows: Vec<MatrixSeries> = match naive.expr(naive.ast.root()) {
                Expr::Matrix(matrix) => {
                    let clipped: Result<Vec<_>, _> = rows.map(|row| naive.clipped(row, matrix, timestamp_ms)).collect();
                    clipped?.into_iter().flatten().collect()
                }
                _ => rows.map(value::Row::into_answer).collect(),
            };
            rows.sort_by(|a, b| a.labels.cmp(&b.labels));
            if rows.windows(2).any(|pair| pair[0].labels == pair[1].labels) {
                return Err(duplicate_labels());
            }
            Ok(QueryValue::Matrix(rows))
        }
    }
}

fn range(naive: &Naive<'_>, steps: Steps) -> Result<QueryValue, QueryError> {
    if let other @ (ValueType::Matrix | ValueType::String) = naive.ast.value_type() {
        let found = other.described();
        let text = format!("invalid expression type \"{found}\" for range query, must be Scalar or instant Vector");
        return Err(QueryError::Invalid(text));
    }
    let mut merged = Merged::default();
    match naive.eval(naive.ast.root(), steps)? {
        Value::Scalar(values) => {
            let floats = values.into_iter().enumerate().map(|(i, v)| (steps.time(i), v)).collect();
            return Ok(QueryValue::Matrix(vec![MatrixSeries { floats, ..MatrixSeries::default() }]));
        }
        Value::Vector(vectors) => {
            for (i, vector) in vectors.into_iter().enumerate() {
                for sample in vector {
                    merged.add(sample.final_labels(), steps.time(i), sample.value)?;
                }
            }
        }
        Value::Matrix(_) | Value::Text(_) => {}
    }
    Ok(QueryValue::Matrix(merged.into_series()))
}
