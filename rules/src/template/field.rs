//! Fields, map entries and methods: what stands behind a dot.
#![deny(
    clippy::indexing_slicing,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::arithmetic_side_effects
)]

use promethium_model::float::format_g;

use super::value::Value;
use super::{print, time};

/// `value.name`. `through_interface` says that the value came out of an interface in the same chain, which Go names as
/// the type then.
pub(super) fn field<'a>(
    value: &Value<'a>,
    name: &str,
    has_arguments: bool,
    through_interface: bool,
) -> Result<Value<'a>, String> {
    if let Value::Nil = value {
        // An interface without a value; and no value at all, of which everything is nothing.
        return if through_interface {
            Err(format!("nil pointer evaluating interface {{}}.{name}"))
        } else {
            Ok(Value::Nil)
        };
    }
    if has_method(value, name) {
        return method(value, name, &[]);
    }
    let found = match value {
        Value::Labels(labels) => Some(Value::text(labels.get(name).unwrap_or(""))),
        Value::Map(map) => Some(map.get(name).cloned().unwrap_or(Value::Nil)),
        Value::Data(data) => match name {
            "Labels" => Some(Value::Labels(data.labels.clone())),
            "ExternalLabels" => Some(Value::Labels(data.external_labels.clone())),
            "ExternalURL" => Some(Value::Str(data.external_url)),
            "Value" => Some(Value::of_sample(data.value)),
            _ => None,
        },
        Value::Sample(sample) => match name {
            "Labels" => Some(Value::Labels(sample.labels.clone())),
            "Value" => Some(Value::of_sample(&sample.value)),
            _ => None,
        },
        Value::Histogram(h) => histogram_field(h, name),
        _ => None,
    };
    match (found, value) {
        (Some(_), Value::Labels(_) | Value::Map(_)) if has_arguments => {
            Err(format!("{name} is not a method but has arguments"))
        }
        (Some(_), _) if has_arguments => Err(format!("{name} has arguments but cannot be invoked as function")),
        (Some(found), _) => Ok(found),
        (None, _) => {
            let type_name = if through_interface { "interface {}" } else { value.type_name() };
            Err(format!("can't evaluate field {name} in type {type_name}"))
        }
    }
}

/// Whether `value.name` is declared as an interface.
pub(super) fn is_interface(value: &Value<'_>, name: &str) -> bool {
    match value {
        Value::Map(_) => true,
        Value::Data(_) => name == "Value",
        _ => false,
    }
}

fn histogram_field<'a>(h: &promethium_model::FloatHistogram, name: &str) -> Option<Value<'a>> {
    Some(match name {
        "Count" => Value::Float(h.count),
        "Sum" => Value::Float(h.sum),
        "ZeroCount" => Value::Float(h.zero_count),
        "ZeroThreshold" => Value::Float(h.zero_threshold),
        "Schema" => Value::Int(i64::from(h.schema)),
        _ => return None,
    })
}

pub(super) fn has_method(value: &Value<'_>, name: &str) -> bool {
    match value {
        Value::Time(_) => time::TIME_METHODS.contains(&name),
        Value::Duration(_) => time::DURATION_METHODS.contains(&name),
        Value::Histogram(_) | Value::Named(..) => name == "String",
        _ => false,
    }
}

pub(super) fn method<'a>(value: &Value<'a>, name: &str, arguments: &[Value<'a>]) -> Result<Value<'a>, String> {
    let expected = usize::from(matches!((value, name), (Value::Time(_), "Format")));
    if arguments.len() != expected {
        return Err(format!("wrong number of args for {name}: want {expected} got {}", arguments.len()));
    }
    match value {
        Value::Time(t) => match arguments.first() {
            None => t.method(name).ok_or_else(|| format!("can't evaluate field {name} in type *time.Time")),
            Some(layout) => match layout.as_str() {
                Some(layout) => Ok(Value::text(t.format(layout))),
                None => Err(format!("wrong type for value; expected string; got {}", layout.type_name())),
            },
        },
        Value::Duration(d) => {
            d.method(name).ok_or_else(|| format!("can't evaluate field {name} in type *time.Duration"))
        }
        other => Ok(Value::text(print::plain(other))),
    }
}

/// A histogram as Go prints one: its buckets from the lowest on, those without observations left out.
pub(super) fn histogram_text(h: &promethium_model::FloatHistogram) -> String {
    let mut out = format!("{{count:{}, sum:{}", format_g(h.count), format_g(h.sum));
    for bucket in super::buckets::buckets(h) {
        let (open, close) = (if bucket.lower_closed { '[' } else { '(' }, if bucket.upper_closed { ']' } else { ')' });
        let bounds = format!("{open}{},{}{close}", format_g(bucket.lower), format_g(bucket.upper));
        out.push_str(&format!(", {bounds}:{}", format_g(bucket.count)));
    }
    out.push('}');
    out
}
