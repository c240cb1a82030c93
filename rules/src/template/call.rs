//! Calling functions: what each does with arguments that fit its parameters.
#![deny(
    clippy::indexing_slicing,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::arithmetic_side_effects
)]

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;

use super::function::Function;
use super::node::Word;
use super::value::{Sample, Value};
use super::{TemplateData, collection, compare, escape, humanize, print, text, time};

/// What a command hands over: words that are yet to be evaluated, and the result of the stage before.
pub(super) struct Arguments<'a> {
    pub(super) words: &'a [Word],
    pub(super) last: Option<Value<'a>>,
}

impl Arguments<'_> {
    pub(super) fn none() -> Self {
        Arguments { words: &[], last: None }
    }

    pub(super) fn len(&self) -> usize {
        self.words.len().saturating_add(usize::from(self.last.is_some()))
    }

    pub(super) fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

type Called<'a> = Result<Value<'a>, String>;

const NIL: &Value<'static> = &Value::Nil;

/// Calls a function. The arguments fit its signature.
pub(super) fn call<'a>(data: &'a TemplateData<'a>, function: Function, given: &[Value<'a>]) -> Called<'a> {
    let limit = data.limits.max_output_bytes;
    let string = |i: usize| given.get(i).and_then(Value::as_str).unwrap_or("");
    let value = |i: usize| given.get(i).unwrap_or(NIL);
    let rest = given.get(1..).unwrap_or_default();
    let number = |of: fn(f64) -> String| text::float(value(0)).map(|v| Value::text(of(v)));
    let made = match function {
        // Both are handled where their arguments are evaluated.
        Function::And | Function::Or => Ok(value(0).clone()),
        Function::Call => Err(call_of(value(0))),
        Function::Eq => compare::eq(value(0), rest).map(Value::Bool),
        Function::Ne => compare::ne(value(0), value(1)).map(Value::Bool),
        Function::Lt => compare::lt(value(0), value(1)).map(Value::Bool),
        Function::Le => compare::le(value(0), value(1)).map(Value::Bool),
        Function::Gt => compare::le(value(0), value(1)).map(|le| Value::Bool(!le)),
        Function::Ge => compare::lt(value(0), value(1)).map(|lt| Value::Bool(!lt)),
        Function::Not => Ok(Value::Bool(!value(0).is_true())),
        Function::Len => collection::len(value(0)),
        Function::Index => collection::index(value(0), rest),
        Function::Slice => collection::slice(value(0), rest),
        Function::Print => Ok(Value::text(print::sprint(given))),
        Function::Println => Ok(Value::text(print::sprintln(given))),
        Function::Printf => print::sprintf(string(0), rest, limit).map(Value::text),
        Function::Html => Ok(Value::text(escape::html(&print::sprint(given)))),
        Function::Js => Ok(Value::text(escape::js(&print::sprint(given)))),
        Function::UrlQuery => Ok(Value::text(escape::url_query(&print::sprint(given)))),
        Function::UrlQueryEscape => Ok(Value::text(escape::url_query(string(0)))),
        Function::Args => Ok(args(given)),
        Function::ExternalUrl => Ok(Value::Str(data.external_url)),
        Function::PathPrefix => Ok(Value::Str(text::path_of(data.external_url))),
        Function::Query => query(data, string(0)),
        Function::First => first(value(0)),
        Function::SortByLabel => Ok(sorted_by_label(string(0), value(1))),
        Function::Label => sample(value(1)).map(|s| Value::text(s.labels.get(string(0)).unwrap_or(""))),
        Function::StrValue => sample(value(0)).map(|s| Value::text(s.labels.get("__value__").unwrap_or(""))),
        Function::Value => sample(value(0)).map(|s| Value::of_sample(&s.value)),
        Function::Humanize => number(humanize::humanize),
        Function::Humanize1024 => number(humanize::humanize_1024),
        Function::HumanizeDuration => number(humanize::humanize_duration),
        Function::HumanizePercentage => number(humanize::humanize_percentage),
        Function::HumanizeTimestamp => text::float(value(0)).and_then(humanize_timestamp),
        Function::ToTime => text::float(value(0)).and_then(time::moment).map(Value::Time),
        Function::ToDuration => text::float(value(0)).and_then(time::span).map(Value::Duration),
        Function::Now => Ok(Value::Float(data.time_ms as f64 / 1e3)),
        Function::ParseDuration => text::duration_seconds(string(0)).map(Value::Float),
        Function::Match => text::is_match(string(0), string(1)).map(Value::Bool),
        Function::ReReplaceAll => text::replace_all(string(0), string(1), string(2), limit).map(Value::text),
        Function::GraphLink => Ok(Value::text(text::link(string(0), 0))),
        Function::TableLink => Ok(Value::text(text::link(string(0), 1))),
        Function::SafeHtml => Ok(Value::Html(Rc::from(string(0)))),
        Function::Title => Ok(Value::text(text::title(string(0)))),
        Function::ToUpper => Ok(Value::text(string(0).to_uppercase())),
        Function::ToLower => Ok(Value::text(string(0).to_lowercase())),
        Function::StripDomain => Ok(Value::text(text::strip_domain(string(0)))),
        Function::StripPort => Ok(Value::text(text::strip_port(string(0)))),
    }?;
    match made.as_string_kind() {
        Some(text) if text.len() > limit => Err(data.limits.too_long()),
        _ => Ok(made),
    }
}

/// There are no functions among the values, so a call can only fail.
fn call_of(value: &Value<'_>) -> String {
    match value {
        Value::Nil => "call of nil".to_owned(),
        other => format!("non-function {} of type {}", print::plain(other), other.type_name()),
    }
}

fn args<'a>(given: &[Value<'a>]) -> Value<'a> {
    let pairs = given.iter().enumerate().map(|(i, value)| (format!("arg{i}"), value.clone()));
    Value::Map(Rc::new(pairs.collect::<BTreeMap<_, _>>()))
}

fn query<'a>(data: &TemplateData<'a>, expr: &str) -> Called<'a> {
    let Some(queries) = data.queries else { return Err("queries are not available here".to_owned()) };
    let samples = queries.query(expr, data.time_ms)?;
    let samples = samples.into_iter().map(|sample| Rc::new(Sample::from(sample))).collect();
    Ok(Value::Samples(Rc::new(RefCell::new(samples))))
}

fn first<'a>(samples: &Value<'a>) -> Called<'a> {
    let none = || "first() called on vector with no elements".to_owned();
    match samples {
        Value::Samples(samples) => samples.borrow().first().cloned().map(Value::Sample).ok_or_else(none),
        _ => Err(none()),
    }
}

/// Sorts in place, equal values staying in order.
fn sorted_by_label<'a>(label: &str, samples: &Value<'a>) -> Value<'a> {
    if let Value::Samples(samples) = samples {
        let key = |sample: &Rc<Sample>| sample.labels.get(label).unwrap_or("").to_owned();
        samples.borrow_mut().sort_by_cached_key(key);
    }
    samples.clone()
}

fn sample<'v>(value: &'v Value<'_>) -> Result<&'v Sample, String> {
    match value {
        Value::Sample(sample) => Ok(sample),
        _ => Err("runtime error: invalid memory address or nil pointer dereference".to_owned()),
    }
}

fn humanize_timestamp<'a>(seconds: f64) -> Called<'a> {
    if !seconds.is_finite() {
        return Ok(Value::text(humanize::short(seconds)));
    }
    time::moment(seconds).map(|t| Value::text(t.text()))
}
