//! Running a compiled template.
#![deny(
    clippy::indexing_slicing,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::arithmetic_side_effects
)]

use promethium_model::float::{format_g, parse_go};
use promethium_model::quote::go_quoted;
use promethium_model::{Labels, SampleValue};

use super::format::sprintf;
use super::humanize::{humanize, humanize_1024, humanize_duration, humanize_percentage};
use super::parse::{Command, Function, Head, Node, Operand};
use super::{Template, TemplateData, TemplateError, line_of};

/// Bytes that one template may give.
const MAX_OUTPUT_BYTES: usize = 64 << 10;
/// Prometheus puts definitions of this length before each template; columns of its messages count them.
const PRELUDE_BYTES: usize = "{{$labels := .Labels}}{{$externalLabels := .ExternalLabels}}\
    {{$externalURL := .ExternalURL}}{{$value := .Value}}"
    .len();

/// A value on its way through a pipeline.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Value {
    Text(String),
    Int(i64),
    Number(f64),
    Map(Labels),
    Histogram,
}

impl Value {
    /// Go's name of the type, as messages show it.
    pub(super) fn type_name(&self) -> &'static str {
        match self {
            Value::Text(_) => "string",
            Value::Int(_) => "int",
            Value::Number(_) => "float64",
            Value::Map(_) => "map[string]string",
            Value::Histogram => "*histogram.FloatHistogram",
        }
    }

    /// As Go's `%v` prints it.
    pub(super) fn plain(&self) -> Result<String, String> {
        match self {
            Value::Text(text) => Ok(text.clone()),
            Value::Int(n) => Ok(n.to_string()),
            Value::Number(v) => Ok(format_g(*v)),
            Value::Map(labels) => {
                let pairs: Vec<String> = labels.iter().map(|(name, value)| format!("{name}:{value}")).collect();
                Ok(format!("map[{}]", pairs.join(" ")))
            }
            Value::Histogram => Err("a native histogram has no text in these templates".to_owned()),
        }
    }

    fn to_float(&self) -> Result<f64, String> {
        match self {
            Value::Number(v) => Ok(*v),
            Value::Int(n) => Ok(*n as f64),
            Value::Text(text) => parse_go(text.as_bytes())
                .map_err(|_| format!("strconv.ParseFloat: parsing {}: invalid syntax", go_quoted(text))),
            other => Err(format!("can't convert {} to float", other.type_name())),
        }
    }
}

pub(super) struct Compiled {
    name: String,
    text: String,
    nodes: Vec<Node>,
}

/// What went wrong inside a command, and at which of its words.
struct Failure {
    at: usize,
    subject: String,
    message: String,
}

impl Failure {
    fn of(command: &Command, message: String) -> Self {
        Failure { at: command.at, subject: command.source.clone(), message }
    }
}

impl Compiled {
    pub(super) fn new(name: &str, text: &str, nodes: Vec<Node>) -> Self {
        Compiled { name: name.to_owned(), text: text.to_owned(), nodes }
    }

    /// Runs a pipeline: each command takes what the one before gave as its last argument.
    fn run(&self, commands: &[Command], data: &TemplateData<'_>) -> Result<String, TemplateError> {
        let mut last = None;
        for command in commands {
            let piped = last.take().map(|(_, value)| value);
            let value = command.run(piped, data).map_err(|failure| self.error(failure))?;
            last = Some((command, value));
        }
        let Some((command, value)) = last else { return Ok(String::new()) };
        value.plain().map_err(|message| self.error(Failure::of(command, message)))
    }

    fn error(&self, failure: Failure) -> TemplateError {
        let before = self.text.get(..failure.at).unwrap_or_default();
        let column = match before.rfind('\n') {
            Some(newline) => before.len().saturating_sub(newline).saturating_sub(1),
            None => before.len().saturating_add(PRELUDE_BYTES),
        };
        TemplateError::Execute {
            name: self.name.clone(),
            line: line_of(&self.text, failure.at),
            column,
            at: failure.subject,
            message: failure.message,
        }
    }

    fn too_large(&self) -> TemplateError {
        let message = format!("the result exceeds the limit of {MAX_OUTPUT_BYTES} bytes");
        self.error(Failure { at: 0, subject: self.name.clone(), message })
    }
}

impl Template for Compiled {
    fn render(&self, data: &TemplateData<'_>) -> Result<String, TemplateError> {
        let mut out = String::new();
        for node in &self.nodes {
            match node {
                Node::Text(text) => out.push_str(text),
                Node::Pipeline(commands) => out.push_str(&self.run(commands, data)?),
            }
            if out.len() > MAX_OUTPUT_BYTES {
                return Err(self.too_large());
            }
        }
        Ok(out)
    }
}

impl Command {
    /// Runs the command; `piped` is what the one before gave.
    fn run(&self, piped: Option<Value>, data: &TemplateData<'_>) -> Result<Value, Failure> {
        let function = match &self.head {
            Head::Operand(operand) => return Ok(operand.value(data)),
            Head::Call(function) => *function,
        };
        let mut values: Vec<Value> = self.arguments.iter().map(|argument| argument.operand.value(data)).collect();
        values.extend(piped);
        match function {
            Function::Printf => self.printf(&values),
            _ => self.number_helper(function, &values),
        }
    }

    fn wrong_count(&self, function: Function, want: &str, got: usize) -> Failure {
        let name = function.name();
        let message = format!("wrong number of args for {name}: want {want} got {got}");
        Failure { at: self.at, subject: name.to_owned(), message }
    }

    fn printf(&self, values: &[Value]) -> Result<Value, Failure> {
        match values.split_first() {
            Some((Value::Text(format), rest)) => {
                let text = sprintf(format, rest).map_err(|message| self.call_failed(Function::Printf, &message))?;
                Ok(Value::Text(text))
            }
            Some((other, _)) => Err(self.wrong_format(other)),
            None => Err(self.wrong_count(Function::Printf, "at least 1", 0)),
        }
    }

    fn wrong_format(&self, value: &Value) -> Failure {
        let Some(format) = self.arguments.first() else {
            let message = format!("wrong type for value; expected string; got {}", value.type_name());
            return Failure::of(self, message);
        };
        let message = match format.operand {
            Operand::Int(_) | Operand::Number(_) => format!("expected string; found {}", format.source),
            _ => format!("wrong type for value; expected string; got {}", value.type_name()),
        };
        Failure { at: format.at, subject: format.source.clone(), message }
    }

    fn number_helper(&self, function: Function, values: &[Value]) -> Result<Value, Failure> {
        let [value] = values else { return Err(self.wrong_count(function, "1", values.len())) };
        let v = value.to_float().map_err(|message| self.call_failed(function, &message))?;
        Ok(Value::Text(match function {
            Function::Humanize => humanize(v),
            Function::Humanize1024 => humanize_1024(v),
            Function::HumanizeDuration => humanize_duration(v),
            Function::HumanizePercentage => humanize_percentage(v),
            Function::Printf => return self.printf(values),
        }))
    }

    fn call_failed(&self, function: Function, message: &str) -> Failure {
        Failure::of(self, format!("error calling {}: {message}", function.name()))
    }
}

impl Operand {
    fn value(&self, data: &TemplateData<'_>) -> Value {
        match self {
            Operand::Value => match data.value {
                SampleValue::Float(v) => Value::Number(*v),
                SampleValue::Histogram(_) => Value::Histogram,
            },
            Operand::Labels(field) => label_value(data.labels, field.as_deref()),
            Operand::ExternalLabels(field) => label_value(data.external_labels, field.as_deref()),
            Operand::ExternalUrl => Value::Text(data.external_url.to_owned()),
            Operand::Text(text) => Value::Text(text.clone()),
            Operand::Int(n) => Value::Int(*n),
            Operand::Number(v) => Value::Number(*v),
        }
    }
}

fn label_value(labels: &Labels, field: Option<&str>) -> Value {
    match field {
        Some(name) => Value::Text(labels.get(name).unwrap_or_default().to_owned()),
        None => Value::Map(labels.clone()),
    }
}
