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

/// The longest keyword has twelve bytes, the shortest two.
const MAX_KEYWORD: usize = 12;
const MIN_KEYWORD: usize = 2;

/// The keyword, operator, aggregation or number that a word means, in any case.
#[inline]
pub(crate) fn keyword(word: &[u8]) -> Option<TokenKind> {
    if (MIN_KEYWORD..=MAX_KEYWORD).contains(&word.len()) { short_word(word) } else { None }
}

fn short_word(word: &[u8]) -> Option<TokenKind> {
    let mut lower = [0u8; MAX_KEYWORD];
    let lower = lower.get_mut(..word.len())?;
    lower.copy_from_slice(word);
    lower.make_ascii_lowercase();
    Some(match &*lower {
        b"and" => TokenKind::Op(BinaryOp::And),
        b"or" => TokenKind::Op(BinaryOp::Or),
        b"unless" => TokenKind::Op(BinaryOp::Unless),
        b"atan2" => TokenKind::Op(BinaryOp::Atan2),
        b"sum" => TokenKind::Aggregate(AggregateOp::Sum),
        b"avg" => TokenKind::Aggregate(AggregateOp::Avg),
        b"count" => TokenKind::Aggregate(AggregateOp::Count),
        b"min" => TokenKind::Aggregate(AggregateOp::Min),
        b"max" => TokenKind::Aggregate(AggregateOp::Max),
        b"group" => TokenKind::Aggregate(AggregateOp::Group),
        b"stddev" => TokenKind::Aggregate(AggregateOp::Stddev),
        b"stdvar" => TokenKind::Aggregate(AggregateOp::Stdvar),
        b"topk" => TokenKind::Aggregate(AggregateOp::Topk),
        b"bottomk" => TokenKind::Aggregate(AggregateOp::Bottomk),
        b"count_values" => TokenKind::Aggregate(AggregateOp::CountValues),
        b"quantile" => TokenKind::Aggregate(AggregateOp::Quantile),
        b"limitk" => TokenKind::Aggregate(AggregateOp::Limitk),
        b"limit_ratio" => TokenKind::Aggregate(AggregateOp::LimitRatio),
        b"inf" | b"nan" => TokenKind::Number,
        b"offset" => TokenKind::Keyword(Keyword::Offset),
        b"smoothed" => TokenKind::Keyword(Keyword::Smoothed),
        b"anchored" => TokenKind::Keyword(Keyword::Anchored),
        b"by" => TokenKind::Keyword(Keyword::By),
        b"without" => TokenKind::Keyword(Keyword::Without),
        b"on" => TokenKind::Keyword(Keyword::On),
        b"ignoring" => TokenKind::Keyword(Keyword::Ignoring),
        b"group_left" => TokenKind::Keyword(Keyword::GroupLeft),
        b"group_right" => TokenKind::Keyword(Keyword::GroupRight),
        b"fill" => TokenKind::Keyword(Keyword::Fill),
        b"fill_left" => TokenKind::Keyword(Keyword::FillLeft),
        b"fill_right" => TokenKind::Keyword(Keyword::FillRight),
        b"bool" => TokenKind::Keyword(Keyword::Bool),
        b"start" => TokenKind::Keyword(Keyword::Start),
        b"end" => TokenKind::Keyword(Keyword::End),
        b"step" => TokenKind::Keyword(Keyword::Step),
        b"range" => TokenKind::Keyword(Keyword::Range),
        b"min_of" => TokenKind::Keyword(Keyword::MinOf),
        b"max_of" => TokenKind::Keyword(Keyword::MaxOf),
        _ => return None,
    })
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_mean_their_operators_in_any_case() {
        for op in AggregateOp::ALL {
            assert_eq!(keyword(op.as_str().as_bytes()), Some(TokenKind::Aggregate(op)));
        }
        for op in [BinaryOp::And, BinaryOp::Or, BinaryOp::Unless, BinaryOp::Atan2] {
            assert_eq!(keyword(op.as_str().to_uppercase().as_bytes()), Some(TokenKind::Op(op)));
        }
        assert_eq!(keyword(b"Group_Left"), Some(TokenKind::Keyword(Keyword::GroupLeft)));
        assert_eq!((keyword(b"a"), keyword(b""), keyword(b"count_valuess")), (None, None, None));
    }
}
