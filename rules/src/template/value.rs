//! What a template computes with: the Go values that rules can reach, each with the type that messages name.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;
use std::sync::Arc;

use promethium_model::{FloatHistogram, Labels, SampleValue, VectorSample};

use super::TemplateData;
use super::time::{GoDuration, GoTime};

#[derive(Clone, Debug)]
pub(super) enum Value<'a> {
    /// No value at all, and an empty interface.
    Nil,
    Bool(bool),
    Int(i64),
    /// A byte of a string.
    Byte(u8),
    Float(f64),
    Str(&'a str),
    Text(Rc<str>),
    /// Text that HTML consoles would not escape.
    Html(Rc<str>),
    /// `map[string]string`
    Labels(Labels),
    /// `map[string]interface {}`, made by `args`.
    Map(Rc<BTreeMap<String, Value<'a>>>),
    /// The result of a query.
    Samples(Samples),
    /// One of its elements.
    Sample(Rc<Sample>),
    Histogram(Arc<FloatHistogram>),
    Time(GoTime),
    Duration(GoDuration),
    /// A number that prints as a name: a month, a day of the week.
    Named(&'static str, i64, &'static str),
    /// The dot that a template begins with.
    Data(&'a TemplateData<'a>),
}

/// `template.queryResult`: shared, so that sorting is seen by all who hold it.
pub(super) type Samples = Rc<RefCell<Vec<Rc<Sample>>>>;

#[derive(Debug)]
pub(super) struct Sample {
    pub(super) labels: Labels,
    pub(super) value: SampleValue,
}

impl From<VectorSample> for Sample {
    fn from(sample: VectorSample) -> Self {
        Sample { labels: sample.labels, value: sample.value }
    }
}

/// What `eq` and `lt` compare by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum BasicKind {
    Bool,
    Int,
    Uint,
    Float,
    String,
}

impl<'a> Value<'a> {
    pub(super) fn text(text: impl AsRef<str>) -> Value<'a> {
        Value::Text(Rc::from(text.as_ref()))
    }

    pub(super) fn of_sample(value: &SampleValue) -> Value<'a> {
        match value {
            SampleValue::Float(v) => Value::Float(*v),
            SampleValue::Histogram(h) => Value::Histogram(Arc::clone(h)),
        }
    }

    /// The text of a string, safe HTML not included.
    pub(super) fn as_str(&self) -> Option<&str> {
        match self {
            Value::Str(text) => Some(text),
            Value::Text(text) => Some(text),
            _ => None,
        }
    }

    /// The text of anything whose kind is string.
    pub(super) fn as_string_kind(&self) -> Option<&str> {
        match self {
            Value::Html(text) => Some(text),
            other => other.as_str(),
        }
    }

    /// Go's name of the type.
    pub(super) fn type_name(&self) -> &'static str {
        match self {
            Value::Nil => "<nil>",
            Value::Bool(_) => "bool",
            Value::Int(_) => "int",
            Value::Byte(_) => "uint8",
            Value::Float(_) => "float64",
            Value::Str(_) | Value::Text(_) => "string",
            Value::Html(_) => "template.HTML",
            Value::Labels(_) => "map[string]string",
            Value::Map(_) => "map[string]interface {}",
            Value::Samples(_) => "template.queryResult",
            Value::Sample(_) => "*template.sample",
            Value::Histogram(_) => "*histogram.FloatHistogram",
            Value::Time(_) => "*time.Time",
            Value::Duration(_) => "*time.Duration",
            Value::Named(_, _, type_name) => type_name,
            Value::Data(_) => {
                "struct { Labels map[string]string; ExternalLabels map[string]string; ExternalURL string; Value \
                 interface {} }"
            }
        }
    }

    pub(super) fn basic_kind(&self) -> Option<BasicKind> {
        Some(match self {
            Value::Bool(_) => BasicKind::Bool,
            Value::Int(_) | Value::Named(..) => BasicKind::Int,
            Value::Byte(_) => BasicKind::Uint,
            Value::Float(_) => BasicKind::Float,
            Value::Str(_) | Value::Text(_) | Value::Html(_) => BasicKind::String,
            _ => return None,
        })
    }

    /// An integer of any kind.
    pub(super) fn as_integer(&self) -> Option<i64> {
        match self {
            Value::Int(n) | Value::Named(_, n, _) => Some(*n),
            Value::Byte(b) => Some(i64::from(*b)),
            _ => None,
        }
    }

    /// What `if` takes for true: all but zero values and empty collections.
    pub(super) fn is_true(&self) -> bool {
        match self {
            Value::Nil => false,
            Value::Bool(value) => *value,
            Value::Int(n) | Value::Named(_, n, _) => *n != 0,
            Value::Byte(b) => *b != 0,
            Value::Float(v) => *v != 0.0,
            Value::Str(_) | Value::Text(_) | Value::Html(_) => self.as_string_kind().is_some_and(|s| !s.is_empty()),
            Value::Labels(labels) => !labels.is_empty(),
            Value::Map(map) => !map.is_empty(),
            Value::Samples(samples) => !samples.borrow().is_empty(),
            Value::Sample(_) | Value::Histogram(_) | Value::Time(_) | Value::Duration(_) | Value::Data(_) => true,
        }
    }

    /// The fields of a struct, in order.
    pub(super) fn struct_fields(&self) -> Option<Vec<(&'static str, Value<'a>)>> {
        match self {
            Value::Data(data) => Some(vec![
                ("Labels", Value::Labels(data.labels.clone())),
                ("ExternalLabels", Value::Labels(data.external_labels.clone())),
                ("ExternalURL", Value::Str(data.external_url)),
                ("Value", Value::of_sample(data.value)),
            ]),
            Value::Sample(sample) => {
                Some(vec![("Labels", Value::Labels(sample.labels.clone())), ("Value", Value::of_sample(&sample.value))])
            }
            _ => None,
        }
    }
}
