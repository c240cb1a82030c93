//! `eq` and its kin.

use super::value::{BasicKind, Value};

const INCOMPATIBLE: &str = "incompatible types for comparison";
const NO_BASIC_TYPE: &str = "invalid type for comparison";

/// Whether any of `others` is equal to `value`.
pub(super) fn eq(value: &Value<'_>, others: &[Value<'_>]) -> Result<bool, String> {
    if others.is_empty() {
        return Err("missing argument for comparison".to_owned());
    }
    for other in others {
        if equal(value, other)? {
            return Ok(true);
        }
    }
    Ok(false)
}

pub(super) fn ne(a: &Value<'_>, b: &Value<'_>) -> Result<bool, String> {
    equal(a, b).map(|equal| !equal)
}

fn equal(a: &Value<'_>, b: &Value<'_>) -> Result<bool, String> {
    let kinds = (a.basic_kind(), b.basic_kind());
    match kinds {
        (Some(BasicKind::Int | BasicKind::Uint), Some(BasicKind::Int | BasicKind::Uint)) => {
            Ok(a.as_integer() == b.as_integer())
        }
        (x, y) if x != y => match (a, b) {
            (Value::Nil, _) | (_, Value::Nil) => Ok(false),
            _ => Err(INCOMPATIBLE.to_owned()),
        },
        (None, _) => equal_compounds(a, b),
        _ => Ok(match (a, b) {
            (Value::Bool(a), Value::Bool(b)) => a == b,
            (Value::Float(a), Value::Float(b)) => a == b,
            _ => a.as_string_kind() == b.as_string_kind(),
        }),
    }
}

/// What has no order: pointers are equal when they point to the same, maps and lists cannot be compared.
fn equal_compounds(a: &Value<'_>, b: &Value<'_>) -> Result<bool, String> {
    match (a, b) {
        (Value::Nil, Value::Nil) => Ok(true),
        (Value::Nil, _) | (_, Value::Nil) => Ok(false),
        (Value::Sample(a), Value::Sample(b)) => Ok(std::rc::Rc::ptr_eq(a, b)),
        (Value::Histogram(a), Value::Histogram(b)) => Ok(std::sync::Arc::ptr_eq(a, b)),
        // Each call makes a pointer of its own.
        (Value::Time(_), Value::Time(_)) | (Value::Duration(_), Value::Duration(_)) => Ok(false),
        _ => Err(format!("non-comparable type {}: {}", super::print::plain(a), a.type_name())),
    }
}

pub(super) fn lt(a: &Value<'_>, b: &Value<'_>) -> Result<bool, String> {
    let (Some(x), Some(y)) = (a.basic_kind(), b.basic_kind()) else { return Err(NO_BASIC_TYPE.to_owned()) };
    match (x, y) {
        (BasicKind::Int | BasicKind::Uint, BasicKind::Int | BasicKind::Uint) => Ok(a.as_integer() < b.as_integer()),
        (BasicKind::Bool, BasicKind::Bool) => Err(NO_BASIC_TYPE.to_owned()),
        (x, y) if x != y => Err(INCOMPATIBLE.to_owned()),
        _ => Ok(match (a, b) {
            (Value::Float(a), Value::Float(b)) => a < b,
            _ => a.as_string_kind() < b.as_string_kind(),
        }),
    }
}

/// Less or equal. `gt` is its negation, so that a NaN is greater than everything: as in Go's templates.
pub(super) fn le(a: &Value<'_>, b: &Value<'_>) -> Result<bool, String> {
    Ok(lt(a, b)? || equal(a, b)?)
}
