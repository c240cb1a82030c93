//! Filling a template in: the walk over its tree. Follows the rules of Go's `text/template`, with a budget.
#![deny(
    clippy::indexing_slicing,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::arithmetic_side_effects
)]

use std::fmt::Display;

use promethium_model::quote::go_quoted;

use super::call::Arguments;
use super::function::{Function, Parameter};
use super::node::{Command, Control, Node, Number, Pipe, Term, Word};
use super::parse::Forest;
use super::value::Value;
use super::{TemplateData, call, field, print};

/// Templates within templates.
const MAX_TEMPLATE_DEPTH: usize = 100;
/// Steps between two looks at the clock.
const STEPS_A_LOOK: u64 = 256;

/// Why filling in stopped.
#[derive(Debug)]
pub(super) enum Stop {
    Break,
    Continue,
    Failed(Failure),
}

/// An error with its place, as Go words it.
#[derive(Debug)]
pub(super) struct Failure {
    pub(super) at: usize,
    /// The template that was running.
    pub(super) template: String,
    /// The node, printed.
    pub(super) node: String,
    pub(super) message: String,
}

pub(super) type Run<T> = Result<T, Stop>;

/// Index and element, one after the other.
type Elements<'a> = Box<dyn Iterator<Item = (Value<'a>, Value<'a>)> + 'a>;

/// Fills a template in.
pub(super) fn execute<'a>(forest: &'a Forest, data: &'a TemplateData<'a>) -> Result<String, Failure> {
    let mut machine = Machine {
        forest,
        data,
        out: String::new(),
        variables: vec![("$", Value::Data(data))],
        template: &forest.main.name,
        at: Place::Nowhere,
        depth: 0,
        steps: 0,
    };
    match machine.list(&Value::Data(data), &forest.main.body) {
        Ok(()) => Ok(machine.out),
        Err(Stop::Failed(failure)) => Err(failure),
        // The parser lets these stand in loops only, and loops catch them.
        Err(Stop::Break | Stop::Continue) => Ok(machine.out),
    }
}

/// The node at work, for messages.
#[derive(Clone, Copy)]
enum Place<'a> {
    Nowhere,
    Node(&'a Node),
    Pipe(&'a Pipe),
    Command(&'a Command),
    Word(&'a Word),
}

pub(super) struct Machine<'a> {
    forest: &'a Forest,
    pub(super) data: &'a TemplateData<'a>,
    out: String,
    variables: Vec<(&'a str, Value<'a>)>,
    template: &'a str,
    at: Place<'a>,
    depth: usize,
    steps: u64,
}

impl<'a> Machine<'a> {
    pub(super) fn fail<T>(&self, message: impl Into<String>) -> Run<T> {
        let (at, node) = match self.at {
            Place::Nowhere => (0, String::new()),
            Place::Node(node) => (at_of(node), node.to_string()),
            Place::Pipe(pipe) => (pipe.at, pipe.to_string()),
            Place::Command(command) => (command.at, command.to_string()),
            Place::Word(word) => (word.at, word.to_string()),
        };
        let template = self.template.to_owned();
        Err(Stop::Failed(Failure { at, template, node, message: message.into() }))
    }

    /// Counts a step of work.
    fn step(&mut self) -> Run<()> {
        self.steps = self.steps.saturating_add(1);
        let limits = &self.data.limits;
        if self.steps > limits.max_steps {
            return self.fail(format!("template exceeds the limit of {} steps", limits.max_steps));
        }
        if self.steps.is_multiple_of(STEPS_A_LOOK) { self.check_time() } else { Ok(()) }
    }

    pub(super) fn check_time(&self) -> Run<()> {
        match &self.data.limits.deadline {
            Some((clock, deadline)) if clock.monotonic() > *deadline => {
                self.fail(format!("template exceeds the limit of {} ms", self.data.limits.timeout_ms))
            }
            _ => Ok(()),
        }
    }

    fn write(&mut self, text: &str) -> Run<()> {
        if self.out.len().saturating_add(text.len()) > self.data.limits.max_output_bytes {
            return self.fail(self.data.limits.too_long());
        }
        self.out.push_str(text);
        Ok(())
    }

    fn list(&mut self, dot: &Value<'a>, nodes: &'a [Node]) -> Run<()> {
        nodes.iter().try_for_each(|node| self.node(dot, node))
    }

    fn node(&mut self, dot: &Value<'a>, node: &'a Node) -> Run<()> {
        self.step()?;
        self.at = Place::Node(node);
        match node {
            Node::Text(text) => self.write(text),
            Node::Action { pipe, .. } => {
                let value = self.pipe(dot, pipe)?;
                if pipe.variables.is_empty() {
                    self.at = Place::Node(node);
                    self.print(&value)?;
                }
                Ok(())
            }
            Node::Control { kind, pipe, body, otherwise, .. } => {
                let mark = self.variables.len();
                let done = match kind {
                    Control::Range => self.range(dot, pipe, body, otherwise.as_deref()),
                    _ => self.branch(*kind, dot, pipe, body, otherwise.as_deref()),
                };
                self.variables.truncate(mark);
                done
            }
            Node::Template { name, pipe, .. } => self.call_template(dot, node, name, pipe.as_ref()),
            Node::Break => Err(Stop::Break),
            Node::Continue => Err(Stop::Continue),
        }
    }

    fn print(&mut self, value: &Value<'a>) -> Run<()> {
        match value {
            Value::Nil => self.write("<no value>"),
            Value::Str(text) => self.write(text),
            Value::Text(text) => {
                let text = text.clone();
                self.write(&text)
            }
            other => {
                let before = self.out.len();
                print::push_plain(&mut self.out, other);
                if self.out.len() > self.data.limits.max_output_bytes {
                    self.out.truncate(before);
                    return self.fail(self.data.limits.too_long());
                }
                Ok(())
            }
        }
    }

    fn branch(
        &mut self,
        kind: Control,
        dot: &Value<'a>,
        pipe: &'a Pipe,
        body: &'a [Node],
        otherwise: Option<&'a [Node]>,
    ) -> Run<()> {
        let value = self.pipe(dot, pipe)?;
        match (value.is_true(), kind) {
            (true, Control::With) => self.list(&value, body),
            (true, _) => self.list(dot, body),
            (false, _) => self.list(dot, otherwise.unwrap_or_default()),
        }
    }

    fn call_template(&mut self, dot: &Value<'a>, node: &'a Node, name: &'a str, pipe: Option<&'a Pipe>) -> Run<()> {
        let main = Some(&self.forest.main).filter(|tree| tree.name == name);
        let Some(tree) = self.forest.defined.get(name).or(main) else {
            return self.fail(format!("template {} not defined", go_quoted(name)));
        };
        if self.depth >= MAX_TEMPLATE_DEPTH {
            return self.fail(format!("exceeded maximum template depth ({MAX_TEMPLATE_DEPTH})"));
        }
        let dot = match pipe {
            Some(pipe) => self.pipe(dot, pipe)?,
            None => Value::Nil,
        };
        let caller = std::mem::replace(&mut self.template, &tree.name);
        let variables = std::mem::replace(&mut self.variables, vec![("$", dot.clone())]);
        self.depth = self.depth.saturating_add(1);
        self.at = Place::Node(node);
        let done = self.list(&dot, &tree.body);
        self.depth = self.depth.saturating_sub(1);
        (self.template, self.variables) = (caller, variables);
        done
    }

    fn range(&mut self, dot: &Value<'a>, pipe: &'a Pipe, body: &'a [Node], otherwise: Option<&'a [Node]>) -> Run<()> {
        let value = self.pipe(dot, pipe)?;
        let Some(elements) = self.elements(&value, pipe)? else {
            return self.fail(format!("range can't iterate over {}", print::plain(&value)));
        };
        let mut any = false;
        for (index, element) in elements {
            any = true;
            self.step()?;
            let mark = self.variables.len();
            self.set_loop_variables(pipe, index, &element)?;
            let done = self.list(&element, body);
            self.variables.truncate(mark);
            match done {
                Ok(()) | Err(Stop::Continue) => {}
                Err(Stop::Break) => break,
                failed => return failed,
            }
        }
        if any { Ok(()) } else { self.list(dot, otherwise.unwrap_or_default()) }
    }

    /// Index and element, in the order of iteration; `None` for what cannot be iterated over.
    fn elements(&self, value: &Value<'a>, pipe: &Pipe) -> Run<Option<Elements<'a>>> {
        Ok(Some(match value {
            Value::Nil => Box::new(std::iter::empty()),
            Value::Int(n) if pipe.variables.len() > 1 => {
                return self.fail(format!("can't use {n} to iterate over more than one variable"));
            }
            Value::Int(n) => Box::new((0..*n).map(|i| (Value::Int(i), Value::Int(i)))),
            Value::Labels(labels) => {
                let pairs: Vec<_> = labels.iter().map(|(n, v)| (Value::text(n), Value::text(v))).collect();
                Box::new(pairs.into_iter())
            }
            Value::Map(map) => {
                let pairs: Vec<_> = map.iter().map(|(name, value)| (Value::text(name), value.clone())).collect();
                Box::new(pairs.into_iter())
            }
            Value::Samples(samples) => {
                let samples = samples.borrow().clone();
                let index = (0..).map(Value::Int);
                Box::new(index.zip(samples.into_iter().map(Value::Sample)))
            }
            _ => return Ok(None),
        }))
    }

    /// One variable takes the element, two take index and element. The pipeline has pushed them already when it
    /// declares them.
    fn set_loop_variables(&mut self, pipe: &'a Pipe, index: Value<'a>, element: &Value<'a>) -> Run<()> {
        let values = match pipe.variables.len() {
            0 => return Ok(()),
            1 => vec![element.clone()],
            _ => vec![index, element.clone()],
        };
        for (name, value) in pipe.variables.iter().zip(values) {
            self.assign(name, value)?;
        }
        Ok(())
    }

    fn assign(&mut self, name: &str, value: Value<'a>) -> Run<()> {
        match self.variables.iter_mut().rev().find(|(known, _)| *known == name) {
            Some(variable) => {
                variable.1 = value;
                Ok(())
            }
            None => self.fail(format!("undefined variable: {name}")),
        }
    }

    fn variable(&self, name: &str) -> Run<Value<'a>> {
        match self.variables.iter().rev().find(|(known, _)| *known == name) {
            Some((_, value)) => Ok(value.clone()),
            None => self.fail(format!("undefined variable: {name}")),
        }
    }

    fn pipe(&mut self, dot: &Value<'a>, pipe: &'a Pipe) -> Run<Value<'a>> {
        self.at = Place::Pipe(pipe);
        let mut value = None;
        for command in &pipe.commands {
            value = Some(self.command(dot, command, value.take())?);
        }
        let value = value.unwrap_or(Value::Nil);
        for name in &pipe.variables {
            if pipe.assigns {
                self.assign(name, value.clone())?;
            } else {
                self.variables.push((name, value.clone()));
            }
        }
        Ok(value)
    }

    fn command(&mut self, dot: &Value<'a>, command: &'a Command, last: Option<Value<'a>>) -> Run<Value<'a>> {
        self.step()?;
        let Some((first, arguments)) = command.words.split_first() else { return self.fail("empty command") };
        let has_arguments = !arguments.is_empty() || last.is_some();
        match &first.term {
            Term::Function(function) => {
                self.at = Place::Word(first);
                let arguments = Arguments { words: arguments, last };
                self.call(dot, *function, &arguments, Place::Command(command))
            }
            Term::Field(_) | Term::Variable { .. } | Term::Chain { .. } => {
                self.with_fields(dot, first, &Arguments { words: arguments, last })
            }
            _ if has_arguments => {
                self.at = if matches!(first.term, Term::Pipe(_)) { self.at } else { Place::Word(first) };
                self.fail(format!("can't give argument to non-function {first}"))
            }
            Term::Nil => {
                self.at = Place::Word(first);
                self.fail("nil is not a command")
            }
            _ => self.word(dot, first),
        }
    }

    /// A word where any value will do.
    fn word(&mut self, dot: &Value<'a>, word: &'a Word) -> Run<Value<'a>> {
        match &word.term {
            Term::Pipe(pipe) => return self.pipe(dot, pipe),
            Term::Field(_) | Term::Variable { .. } | Term::Chain { .. } => {
                return self.with_fields(dot, word, &Arguments::none());
            }
            _ => self.at = Place::Word(word),
        }
        match &word.term {
            Term::Dot => Ok(dot.clone()),
            Term::Bool(value) => Ok(Value::Bool(*value)),
            Term::Number { value, .. } => self.number(*value),
            Term::Text { value, .. } => Ok(Value::Str(value)),
            Term::Function(function) => self.call(dot, *function, &Arguments::none(), Place::Word(word)),
            _ => Ok(Value::Nil),
        }
    }

    fn number(&self, number: Number) -> Run<Value<'a>> {
        match number {
            Number { float: Some(v), prefers_float: true, .. } => Ok(Value::Float(v)),
            Number { int: Some(n), .. } => Ok(Value::Int(n)),
            Number { float: Some(v), .. } => Ok(Value::Float(v)),
            Number { .. } => self.fail("not a number"),
        }
    }

    /// Fields and methods of dot, of a variable, or of a parenthesis.
    fn with_fields(&mut self, dot: &Value<'a>, word: &'a Word, arguments: &Arguments<'a>) -> Run<Value<'a>> {
        self.at = Place::Word(word);
        let (mut value, fields) = match &word.term {
            Term::Field(fields) => (dot.clone(), fields),
            Term::Variable { name, fields } => {
                let value = self.variable(name)?;
                if fields.is_empty() && !arguments.is_empty() {
                    return self.fail(format!("can't give argument to non-function {word}"));
                }
                (value, fields)
            }
            Term::Chain { inner, fields } => {
                if matches!(inner.term, Term::Nil) {
                    return self.fail(format!("indirection through explicit nil in {word}"));
                }
                (self.word(dot, inner)?, fields)
            }
            _ => return self.word(dot, word),
        };
        let mut through_interface = false;
        for (i, name) in fields.iter().enumerate() {
            let is_last = i.saturating_add(1) == fields.len();
            let has_arguments = is_last && !arguments.is_empty();
            let found = if has_arguments && field::has_method(&value, name) {
                let given = self.arguments_of(dot, arguments, |_| Parameter::Any)?;
                self.at = Place::Word(word);
                field::method(&value, name, &given)
            } else {
                field::field(&value, name, has_arguments, through_interface)
            };
            through_interface = field::is_interface(&value, name);
            value = found.or_else(|message| self.fail(message))?;
        }
        Ok(value)
    }

    /// Calls a function; `node` is what a failure of its own is blamed on.
    fn call(
        &mut self,
        dot: &Value<'a>,
        function: Function,
        arguments: &Arguments<'a>,
        node: Place<'a>,
    ) -> Run<Value<'a>> {
        let signature = function.signature();
        let (name, given) = (function.name(), arguments.len());
        let fixed = signature.fixed.len();
        if signature.rest.is_some() && given < fixed {
            let got = arguments.words.len();
            return self.fail(format!("wrong number of args for {name}: want at least {fixed} got {got}"));
        }
        if signature.rest.is_none() && given != fixed {
            return self.fail(format!("wrong number of args for {name}: want {fixed} got {given}"));
        }
        if matches!(function, Function::And | Function::Or) {
            return self.and_or(dot, function == Function::Or, arguments);
        }
        let given = self.arguments_of(dot, arguments, |i| signature.parameter(i))?;
        if function == Function::Query {
            self.check_time()?;
        }
        call::call(self.data, function, &given).or_else(|message| {
            self.at = node;
            self.fail(format!("error calling {name}: {message}"))
        })
    }

    /// The first argument that decides; those behind it are not evaluated.
    fn and_or(&mut self, dot: &Value<'a>, decisive: bool, arguments: &Arguments<'a>) -> Run<Value<'a>> {
        let mut value = Value::Nil;
        for word in arguments.words {
            value = self.argument(dot, word, Parameter::Any)?;
            if value.is_true() == decisive {
                return Ok(value);
            }
        }
        Ok(arguments.last.clone().unwrap_or(value))
    }

    fn arguments_of(
        &mut self,
        dot: &Value<'a>,
        arguments: &Arguments<'a>,
        parameter: impl Fn(usize) -> Parameter,
    ) -> Run<Vec<Value<'a>>> {
        let mut given = Vec::with_capacity(arguments.len());
        for (i, word) in arguments.words.iter().enumerate() {
            given.push(self.argument(dot, word, parameter(i))?);
        }
        if let Some(last) = &arguments.last {
            let parameter = parameter(given.len());
            given.push(self.validated(last.clone(), parameter)?);
        }
        Ok(given)
    }

    /// An argument, which must be what the parameter takes.
    fn argument(&mut self, dot: &Value<'a>, word: &'a Word, parameter: Parameter) -> Run<Value<'a>> {
        self.at = Place::Word(word);
        match &word.term {
            Term::Nil if parameter == Parameter::Text => self.fail("cannot assign nil to string"),
            Term::Nil => Ok(Value::Nil),
            Term::Bool(_) | Term::Number { .. } | Term::Text { .. } => self.constant(dot, word, parameter),
            _ => {
                let value = self.word(dot, word)?;
                self.validated(value, parameter)
            }
        }
    }

    fn constant(&mut self, dot: &Value<'a>, word: &'a Word, parameter: Parameter) -> Run<Value<'a>> {
        match (parameter, &word.term) {
            (Parameter::Any, _) => self.word(dot, word),
            (Parameter::Text, Term::Text { value, .. }) => Ok(Value::Str(value)),
            (Parameter::Text, _) => self.fail(format!("expected string; found {word}")),
            (parameter, _) => self.fail(format!("can't handle {word} for arg of type {}", parameter.type_name())),
        }
    }

    fn validated(&self, value: Value<'a>, parameter: Parameter) -> Run<Value<'a>> {
        let expected = parameter.type_name();
        match (parameter, &value) {
            (Parameter::Any, _)
            | (Parameter::Text, Value::Str(_) | Value::Text(_))
            | (Parameter::Samples, Value::Samples(_) | Value::Nil)
            | (Parameter::Sample, Value::Sample(_) | Value::Nil) => Ok(value),
            (Parameter::Text, Value::Nil) => self.fail(format!("invalid value; expected {expected}")),
            (_, other) => self.fail(wrong_type(expected, other.type_name())),
        }
    }
}

fn wrong_type(expected: &str, got: impl Display) -> String {
    format!("wrong type for value; expected {expected}; got {got}")
}

fn at_of(node: &Node) -> usize {
    match node {
        Node::Action { at, .. } | Node::Control { at, .. } | Node::Template { at, .. } => *at,
        Node::Text(_) | Node::Break | Node::Continue => 0,
    }
}
