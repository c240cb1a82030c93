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

impl Compiled {
    pub(super) fn new(name: &str, text: &str, nodes: Vec<Node>) -> Self {
        Compiled { name: name.to_owned(), text: text.to_owned(), nodes }
    }

    fn run(&self, commands: &[Command], data: &TemplateData<'_>) -> Result<String, TemplateError> {
        let mut result = None;
        for command in commands {
            let value = command.run(result.take(), data).map_err(|message| self.error(command, message))?;
            result = Some((command, value));
        }
        match result {
            Some((last, value)) => value.plain().map_err(|message| self.error(last, message)),
            None => Ok(String::new()),
        }
    }

    fn error(&self, command: &Command, message: String) -> TemplateError {
        let before = self.text.get(..command.at).unwrap_or_default();
        let column = match before.rfind('\n') {
            Some(newline) => before.len().saturating_sub(newline).saturating_sub(1),
            None => before.len().saturating_add(PRELUDE_BYTES),
        };
        TemplateError::Execute {
            name: self.name.clone(),
            line: line_of(&self.text, command.at),
            column,
            at: command.subject().to_owned(),
            message,
        }
    }

    fn too_large(&self) -> TemplateError {
        TemplateError::Execute {
            name: self.name.clone(),
            line: 1,
            column: PRELUDE_BYTES,
            at: self.name.clone(),
            message: format!("the result exceeds the limit of {MAX_OUTPUT_BYTES} bytes"),
        }
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
    fn run(&self, piped: Option<(&Command, Value)>, data: &TemplateData<'_>) -> Result<Value, String> {
        let mut arguments: Vec<Value> = self.arguments.iter().map(|operand| operand.value(data)).collect();
        arguments.extend(piped.map(|(_, value)| value));
        match &self.head {
            Head::Operand(operand) => Ok(operand.value(data)),
            Head::Call(Function::Printf) => printf(&arguments),
            Head::Call(function) => number_helper(*function, &arguments),
        }
    }

    fn subject(&self) -> &'static str {
        match &self.head {
            Head::Call(function) => function.name(),
            Head::Operand(operand) => operand.subject(),
        }
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

    fn subject(&self) -> &'static str {
        match self {
            Operand::Value => "$value",
            Operand::Labels(_) => "$labels",
            Operand::ExternalLabels(_) => "$externalLabels",
            Operand::ExternalUrl => "$externalURL",
            Operand::Text(_) | Operand::Int(_) | Operand::Number(_) => "constant",
        }
    }
}

fn label_value(labels: &Labels, field: Option<&str>) -> Value {
    match field {
        Some(name) => Value::Text(labels.get(name).unwrap_or_default().to_owned()),
        None => Value::Map(labels.clone()),
    }
}

fn printf(arguments: &[Value]) -> Result<Value, String> {
    match arguments.split_first() {
        Some((Value::Text(format), rest)) => sprintf(format, rest).map(Value::Text),
        Some((other, _)) => Err(format!("wrong type for value; expected string; got {}", other.type_name())),
        None => Err("wrong number of args for printf: want at least 1 got 0".to_owned()),
    }
}

fn number_helper(function: Function, arguments: &[Value]) -> Result<Value, String> {
    let name = function.name();
    let [argument] = arguments else {
        return Err(format!("wrong number of args for {name}: want 1 got {}", arguments.len()));
    };
    let v = argument.to_float().map_err(|message| format!("error calling {name}: {message}"))?;
    Ok(Value::Text(match function {
        Function::Humanize => humanize(v),
        Function::Humanize1024 => humanize_1024(v),
        Function::HumanizeDuration => humanize_duration(v),
        Function::HumanizePercentage => humanize_percentage(v),
        Function::Printf => return printf(arguments),
    }))
}
