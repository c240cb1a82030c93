//! Why a text is no PromQL.

use promethium_model::{Position, QueryError};
use thiserror::Error;

use super::span::Span;

/// A text is no PromQL, or has a wrong type. Shown as `line:col: parse error: message`, in Prometheus' words.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("{position}: parse error: {message}")]
#[non_exhaustive]
pub struct ParseError {
    /// Line and byte column of the start.
    pub position: Position,
    /// The bytes the error speaks of.
    pub span: Span,
    /// What is wrong.
    pub message: String,
}

impl From<ParseError> for QueryError {
    fn from(error: ParseError) -> QueryError {
        QueryError::Parse { position: error.position, message: error.message }
    }
}

/// An error before its position is counted out in lines and columns.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Fault {
    pub(crate) span: Span,
    pub(crate) message: String,
}

impl Fault {
    pub(crate) fn new(span: Span, message: impl Into<String>) -> Box<Fault> {
        Box::new(Fault { span, message: message.into() })
    }

    pub(crate) fn locate(self, text: &str) -> ParseError {
        let position = Position::of(text, self.span.start as usize);
        ParseError { position, span: self.span, message: self.message }
    }
}

/// The fault is boxed: what is parsed mostly fits two registers.
pub(crate) type Parsed<T> = Result<T, Box<Fault>>;
