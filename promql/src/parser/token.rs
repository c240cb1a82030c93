//! Tokens, and how messages name them.

use promethium_model::MatchOp;
use promethium_model::quote::go_quoted;

use super::op::{AggregateOp, BinaryOp};
use super::span::Span;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Token {
    pub(crate) kind: TokenKind,
    pub(crate) span: Span,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum TokenKind {
    End,
    /// The text ends here with an error, which the lexer keeps.
    Error,
    Identifier,
    MetricIdentifier,
    String,
    Number,
    Duration,
    LeftParen,
    RightParen,
    LeftBrace,
    RightBrace,
    LeftBracket,
    RightBracket,
    Comma,
    Colon,
    At,
    /// `=` outside braces, where it has no meaning.
    Assign,
    Match(MatchOp),
    Op(BinaryOp),
    Aggregate(AggregateOp),
    Keyword(Keyword),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Keyword {
    Offset,
    Smoothed,
    Anchored,
    By,
    Without,
    On,
    Ignoring,
    GroupLeft,
    GroupRight,
    Fill,
    FillLeft,
    FillRight,
    Bool,
    Start,
    End,
    Step,
    Range,
    MinOf,
    MaxOf,
}

impl Keyword {
    const ALL: [(&'static str, Keyword); 19] = [
        ("offset", Keyword::Offset),
        ("smoothed", Keyword::Smoothed),
        ("anchored", Keyword::Anchored),
        ("by", Keyword::By),
        ("without", Keyword::Without),
        ("on", Keyword::On),
        ("ignoring", Keyword::Ignoring),
        ("group_left", Keyword::GroupLeft),
        ("group_right", Keyword::GroupRight),
        ("fill", Keyword::Fill),
        ("fill_left", Keyword::FillLeft),
        ("fill_right", Keyword::FillRight),
        ("bool", Keyword::Bool),
        ("start", Keyword::Start),
        ("end", Keyword::End),
        ("step", Keyword::Step),
        ("range", Keyword::Range),
        ("min_of", Keyword::MinOf),
        ("max_of", Keyword::MaxOf),
    ];

    /// Whether the word may stand as a metric's name.
    pub(crate) fn can_name_metric(self) -> bool {
        use Keyword::{Bool, GroupLeft, GroupRight, Ignoring, On};
        !matches!(self, Bool | On | Ignoring | GroupLeft | GroupRight)
    }

    /// Whether `word(` is a call.
    pub(crate) fn can_be_called(self) -> bool {
        use Keyword::{End, MaxOf, MinOf, Range, Start, Step};
        matches!(self, Start | End | Step | Range | MinOf | MaxOf)
    }
}

/// The keyword, operator, aggregation or number that a word means, in any case.
pub(crate) fn keyword(word: &str) -> Option<TokenKind> {
    // The longest keyword has twelve bytes.
    if word.len() > 12 {
        return None;
    }
    let is = |name: &str| word.eq_ignore_ascii_case(name);
    let op = [BinaryOp::And, BinaryOp::Or, BinaryOp::Unless, BinaryOp::Atan2].into_iter().find(|op| is(op.as_str()));
    if let Some(op) = op {
        return Some(TokenKind::Op(op));
    }
    if let Some(op) = AggregateOp::ALL.into_iter().find(|op| is(op.as_str())) {
        return Some(TokenKind::Aggregate(op));
    }
    if is("inf") || is("nan") {
        return Some(TokenKind::Number);
    }
    Keyword::ALL.into_iter().find(|(name, _)| is(name)).map(|(_, k)| TokenKind::Keyword(k))
}

/// A token as "unexpected …" names it.
pub(crate) fn describe(token: Token, text: &str) -> String {
    let word = token.span.of(text);
    match token.kind {
        TokenKind::End => "end of input".to_owned(),
        TokenKind::Error => word.to_owned(),
        TokenKind::Identifier => format!("identifier {}", go_quoted(word)),
        TokenKind::MetricIdentifier => format!("metric identifier {}", go_quoted(word)),
        TokenKind::String => format!("string {}", shortened(word)),
        TokenKind::Number => format!("number {}", shortened(word)),
        TokenKind::Duration => format!("duration {}", shortened(word)),
        TokenKind::Op(_) => format!("<op:{word}>"),
        TokenKind::Match(op) if op != MatchOp::Equal => format!("<op:{}>", op.as_str()),
        TokenKind::Aggregate(_) => format!("<aggr:{word}>"),
        TokenKind::Keyword(Keyword::Start | Keyword::End) => go_quoted(word),
        TokenKind::Keyword(_) => format!("<{word}>"),
        TokenKind::At => "<op:@>".to_owned(),
        _ => go_quoted(word),
    }
}

// Quotes of a string are part of its text here.
fn shortened(word: &str) -> String {
    if word.len() <= 10 {
        return go_quoted(word);
    }
    let cut = word.char_indices().nth(10).map_or(word.len(), |(i, _)| i);
    format!("{}...", go_quoted(word.get(..cut).unwrap_or(word)))
}
