//! `len`, `index` and `slice`.
#![deny(
    clippy::indexing_slicing,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::arithmetic_side_effects
)]

use std::cell::RefCell;
use std::rc::Rc;

use super::value::Value;

type Made<'a> = Result<Value<'a>, String>;

pub(super) fn len<'a>(value: &Value<'_>) -> Made<'a> {
    let len = match value {
        Value::Str(_) | Value::Text(_) | Value::Html(_) => value.as_string_kind().unwrap_or("").len(),
        Value::Labels(labels) => labels.len(),
        Value::Map(map) => map.len(),
        Value::Samples(samples) => samples.borrow().len(),
        Value::Nil => return Err("reflect: call of reflect.Value.Type on zero Value".to_owned()),
        other => return Err(format!("len of type {}", other.type_name().trim_start_matches('*'))),
    };
    Ok(Value::Int(i64::try_from(len).unwrap_or(i64::MAX)))
}

pub(super) fn index<'a>(value: &Value<'a>, indexes: &[Value<'a>]) -> Made<'a> {
    if let Value::Nil = value {
        return Err("index of untyped nil".to_owned());
    }
    indexes.iter().try_fold(value.clone(), |value, index| element(&value, index))
}

fn element<'a>(value: &Value<'a>, index: &Value<'a>) -> Made<'a> {
    match value {
        Value::Labels(labels) => key(index).map(|key| Value::text(labels.get(key).unwrap_or(""))),
        Value::Map(map) => key(index).map(|key| map.get(key).cloned().unwrap_or(Value::Nil)),
        Value::Samples(samples) => {
            let samples = samples.borrow();
            let i = position(index, samples.len().saturating_sub(1), samples.is_empty())?;
            samples.get(i).cloned().map(Value::Sample).ok_or_else(|| format!("index out of range: {i}"))
        }
        Value::Str(_) | Value::Text(_) | Value::Html(_) => {
            let bytes = value.as_string_kind().unwrap_or("").as_bytes();
            let i = position(index, bytes.len().saturating_sub(1), bytes.is_empty())?;
            bytes.get(i).copied().map(Value::Byte).ok_or_else(|| format!("index out of range: {i}"))
        }
        Value::Nil => Err("index of nil pointer".to_owned()),
        other => Err(format!("can't index item of type {}", other.type_name().trim_start_matches('*'))),
    }
}

fn key<'v>(index: &'v Value<'_>) -> Result<&'v str, String> {
    match index {
        Value::Nil => Err("value is nil; should be of type string".to_owned()),
        other => other.as_str().ok_or_else(|| format!("value has type {}; should be string", other.type_name())),
    }
}

/// An index up to `last`.
fn position(index: &Value<'_>, last: usize, nothing: bool) -> Result<usize, String> {
    let Some(n) = index.as_integer() else {
        return Err(match index {
            Value::Nil => "cannot index slice/array with nil".to_owned(),
            other => format!("cannot index slice/array with type {}", other.type_name()),
        });
    };
    match usize::try_from(n) {
        Ok(i) if i <= last && !nothing => Ok(i),
        _ => Err(format!("index out of range: {n}")),
    }
}

pub(super) fn slice<'a>(value: &Value<'a>, indexes: &[Value<'a>]) -> Made<'a> {
    if let Value::Nil = value {
        return Err("slice of untyped nil".to_owned());
    }
    if indexes.len() > 3 {
        return Err(format!("too many slice indexes: {}", indexes.len()));
    }
    let len = match value {
        Value::Samples(samples) => samples.borrow().len(),
        Value::Str(_) | Value::Text(_) | Value::Html(_) if indexes.len() == 3 => {
            return Err("cannot 3-index slice a string".to_owned());
        }
        Value::Str(_) | Value::Text(_) | Value::Html(_) => value.as_string_kind().unwrap_or("").len(),
        other => return Err(format!("can't slice item of type {}", other.type_name().trim_start_matches('*'))),
    };
    let bounds = indexes.iter().map(|index| position(index, len, false)).collect::<Result<Vec<_>, _>>()?;
    if let Some((a, b)) = bounds.iter().zip(bounds.iter().skip(1)).find(|(a, b)| a > b) {
        return Err(format!("invalid slice index: {a} > {b}"));
    }
    let (low, high) = (bounds.first().copied().unwrap_or(0), bounds.get(1).copied().unwrap_or(len));
    Ok(match value {
        Value::Samples(samples) => {
            let part = samples.borrow().get(low..high).unwrap_or_default().to_vec();
            Value::Samples(Rc::new(RefCell::new(part)))
        }
        // A cut inside a character leaves bytes that are no text.
        other => {
            let bytes = other.as_string_kind().unwrap_or("").as_bytes();
            Value::text(String::from_utf8_lossy(bytes.get(low..high).unwrap_or_default()))
        }
    })
}
