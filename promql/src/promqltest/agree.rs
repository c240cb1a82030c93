//! Whether engines agree: values to the bit, errors, annotations.

use std::fmt::Write;

use promethium_model::{
    FloatHistogram, InstantOptions, Matcher, QueryCx, QueryEngine, QueryError, QueryOutput, QueryValue, Queryable,
    RangeOptions, SampleValue, Severity,
};

type Answer = Result<QueryOutput, QueryError>;

/// An engine that asks others as well, and fails where one of them answers differently.
///
/// Values are compared to the bit, except that all NaNs are one, and the series of a vector in their order; errors by their
/// texts; annotations by text and position.
///
/// ```
/// use promethium_promql::{Engine, EngineOptions, Features, NaiveEngine, promqltest};
///
/// let options = EngineOptions::default().with_features(Features::all());
/// let checked = promqltest::Checked::new(Engine::new(options.clone()))
///     .against("the naive evaluator", NaiveEngine::new(options.clone()))
///     .against("three threads", Engine::new(options.with_threads(3)));
/// let script = "load 1m\n  x 1 2 3\n\neval instant at 2m sum_over_time(x[3m])\n  {} 6\n";
/// assert_eq!(promqltest::run(script, &checked, &promqltest::mem_store)?.failed(), 0);
/// # Ok::<(), promqltest::ScriptError>(())
/// ```
pub struct Checked {
    first: Box<dyn QueryEngine>,
    others: Vec<(String, Box<dyn QueryEngine>)>,
}

impl std::fmt::Debug for Checked {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let others: Vec<&str> = self.others.iter().map(|(name, _)| name.as_str()).collect();
        f.debug_struct("Checked").field("others", &others).finish_non_exhaustive()
    }
}

impl Checked {
    /// The engine whose answers are given.
    #[must_use]
    pub fn new(engine: impl QueryEngine + 'static) -> Self {
        Checked { first: Box::new(engine), others: Vec::new() }
    }

    /// With another one that must agree; the name is for the message.
    #[must_use]
    pub fn against(mut self, name: &str, engine: impl QueryEngine + 'static) -> Self {
        self.others.push((name.to_owned(), Box::new(engine)));
        self
    }

    fn checked(&self, answer: Answer, ask: &dyn Fn(&dyn QueryEngine) -> Answer) -> Answer {
        for (name, engine) in &self.others {
            if let Err(difference) = agree(&answer, &ask(&**engine)) {
                return Err(QueryError::Execution(format!("{name} answers differently: {difference}")));
            }
        }
        answer
    }
}

impl QueryEngine for Checked {
    fn check(&self, query: &str) -> Result<String, QueryError> {
        self.first.check(query)
    }

    fn selector(&self, text: &str) -> Result<Vec<Matcher>, QueryError> {
        self.first.selector(text)
    }

    fn instant(
        &self,
        store: &dyn Queryable,
        query: &str,
        options: &InstantOptions,
        cx: &QueryCx,
    ) -> Result<QueryOutput, QueryError> {
        let answer = self.first.instant(store, query, options, cx);
        self.checked(answer, &|engine| engine.instant(store, query, options, cx))
    }

    fn range(
        &self,
        store: &dyn Queryable,
        query: &str,
        options: &RangeOptions,
        cx: &QueryCx,
    ) -> Result<QueryOutput, QueryError> {
        let answer = self.first.range(store, query, options, cx);
        self.checked(answer, &|engine| engine.range(store, query, options, cx))
    }
}

/// Compares two answers to one question.
///
/// # Errors
///
/// What differs.
pub fn agree(a: &Answer, b: &Answer) -> Result<(), String> {
    match (a, b) {
        (Err(a), Err(b)) if a.to_string() == b.to_string() => Ok(()),
        (Err(a), Err(b)) => Err(format!("the error {a} and the error {b}")),
        (Ok(a), Ok(b)) => {
            let (x, y) = (shown(&a.value), shown(&b.value));
            if x != y {
                return Err(format!("{x} and {y}"));
            }
            for severity in [Severity::Warning, Severity::Info] {
                let texts = |output: &QueryOutput| {
                    let of = output.annotations.iter().filter(|a| a.severity == severity);
                    let mut texts: Vec<String> = of.map(ToString::to_string).collect();
                    texts.sort_unstable();
                    texts
                };
                if texts(a) != texts(b) {
                    return Err(format!("annotations {:?} and {:?}", texts(a), texts(b)));
                }
            }
            Ok(())
        }
        (Ok(a), Err(e)) => Err(format!("{} and the error {e}", shown(&a.value))),
        (Err(e), Ok(b)) => Err(format!("the error {e} and {}", shown(&b.value))),
    }
}

/// A value as text that tells every bit apart.
fn shown(value: &QueryValue) -> String {
    let mut rows: Vec<String> = match value {
        QueryValue::Scalar { value, .. } => vec![format!("scalar {}", bits(*value))],
        QueryValue::String { value, .. } => vec![format!("string {value:?}")],
        QueryValue::Vector(vector) => vector.iter().map(|s| format!("{:?} {}", s.labels, sample(&s.value))).collect(),
        QueryValue::Matrix(matrix) => {
            let row = |s: &promethium_model::MatrixSeries| {
                let mut row = format!("{:?}", s.labels);
                for (t, v) in &s.floats {
                    let _ = write!(row, " {}@{t}", bits(*v));
                }
                for (t, h) in &s.histograms {
                    let _ = write!(row, " {}@{t}", histogram(h));
                }
                row
            };
            matrix.iter().map(row).collect()
        }
    };
    if !matches!(value, QueryValue::Vector(_)) {
        rows.sort_unstable();
    }
    rows.join("; ")
}

fn sample(value: &SampleValue) -> String {
    match value {
        SampleValue::Float(v) => bits(*v),
        SampleValue::Histogram(h) => histogram(h),
    }
}

fn bits(v: f64) -> String {
    if v.is_nan() { "NaN".to_owned() } else { format!("{v:?}") }
}

fn histogram(h: &FloatHistogram) -> String {
    let list = |values: &[f64]| values.iter().map(|v| bits(*v)).collect::<Vec<_>>().join(" ");
    format!(
        "{{{:?} schema {} w {} z {} count {} sum {} +{:?}[{}] -{:?}[{}] bounds [{}]}}",
        h.counter_reset_hint,
        h.schema,
        bits(h.zero_threshold),
        bits(h.zero_count),
        bits(h.count),
        bits(h.sum),
        h.positive_spans,
        list(&h.positive_buckets),
        h.negative_spans,
        list(&h.negative_buckets),
        list(&h.custom_bounds)
    )
}
