//! Selectors, matchers and label lists.
#![deny(
    clippy::indexing_slicing,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::arithmetic_side_effects
)]

use promethium_model::labels::METRIC_NAME;
use promethium_model::quote::go_quoted;
use promethium_model::{MatchOp, Matcher};
use smol_str::SmolStr;

use super::ast::{Expr, ExprId, Selector};
use super::error::{Fault, Parsed};
use super::parse::Parser;
use super::span::Span;
use super::token::{Keyword, Token, TokenKind};

impl Parser<'_> {
    /// A selector whose name, if it has one in front of the braces, was just read.
    #[inline]
    pub(super) fn selector(&mut self, name: Option<Token>) -> Parsed<ExprId> {
        let mut span = name.map_or(self.token().span, |t| t.span);
        let mut selector = Selector::default();
        selector.name = name.map(|name| name.span.of(self.text).into());
        if self.kind() == TokenKind::LeftBrace {
            let (matchers, braces) = self.matchers(selector.name.as_deref())?;
            selector.matchers = matchers;
            span = span.to(braces);
        }
        self.push(Expr::Selector(selector), span, 0)
    }

    /// `{…}` and its span.
    fn matchers(&mut self, name: Option<&str>) -> Parsed<(Vec<Matcher>, Span)> {
        let open = self.advance().span;
        let mut matchers = Vec::new();
        let mut quoted_name: Option<String> = None;
        while self.kind() != TokenKind::RightBrace {
            let matcher = self.matcher(name.or(quoted_name.as_deref()))?;
            if let BraceItem::Name(name) = &matcher {
                quoted_name = Some(name.clone());
            }
            // Most have one or two, and room for four is more than half a kilobyte.
            matchers.reserve_exact(usize::from(matchers.is_empty()));
            matchers.push(matcher.into_matcher());
            if !self.accept(TokenKind::Comma) {
                break;
            }
        }
        let expected = if matchers.is_empty() { "identifier or \"}\"" } else { "\",\" or \"}\"" };
        let close = self.expect(TokenKind::RightBrace, "label matching", expected)?;
        Ok((matchers, open.to(close.span)))
    }

    fn matcher(&mut self, name: Option<&str>) -> Parsed<BraceItem> {
        let token = self.token();
        let label = match token.kind {
            TokenKind::Identifier => token.span.of(self.text).to_owned(),
            TokenKind::String => self.utf8(token)?,
            _ => return Err(self.unexpected("label matching", "identifier or \"}\"")),
        };
        self.advance();
        let TokenKind::Match(op) = self.kind() else {
            let ends = matches!(self.kind(), TokenKind::Comma | TokenKind::RightBrace);
            if token.kind == TokenKind::String && ends {
                return self.quoted_name(name, label, token.span);
            }
            return Err(self.unexpected("label matching", "label matching operator"));
        };
        self.advance();
        let value = self.expect(TokenKind::String, "label matching", "string")?;
        let value_text = self.utf8(value)?;
        self.count(weight(op, &value_text), token.span)?;
        let matcher = self
            .options
            .regexes
            .matcher(op, label, value_text)
            .map_err(|error| Fault::new(token.span.to(value.span), error.to_string()))?;
        self.count(matcher.regex().map_or(0, |regex| regex.program_bytes() / PROGRAM_BYTES), token.span)?;
        Ok(BraceItem::Matcher(matcher))
    }

    fn quoted_name(&self, earlier: Option<&str>, name: String, span: Span) -> Parsed<BraceItem> {
        match earlier {
            Some(earlier) => {
                let (a, b) = (go_quoted(earlier), go_quoted(&name));
                Err(Fault::new(span, format!("metric name must not be set twice: {a} or {b}")))
            }
            None => Ok(BraceItem::Name(name)),
        }
    }

    /// A string where only text can stand: what is stored is always UTF-8.
    fn utf8(&self, token: Token) -> Parsed<String> {
        String::from_utf8(self.unquoted(token)?).map_err(|error| {
            let shown = promethium_model::quote::go_quoted_bytes(error.as_bytes());
            Fault::new(token.span, format!("label text is not valid UTF-8: {shown}"))
        })
    }

    /// `(a, b)` of `by`, `on` and the like, and its span.
    pub(super) fn label_list(&mut self) -> Parsed<(Vec<SmolStr>, Span)> {
        let open = self.expect(TokenKind::LeftParen, "grouping opts", "\"(\"")?.span;
        let mut labels = Vec::new();
        while self.kind() != TokenKind::RightParen {
            labels.reserve_exact(usize::from(labels.is_empty()));
            labels.push(self.label()?);
            if !self.accept(TokenKind::Comma) {
                break;
            }
        }
        let close = self.expect(TokenKind::RightParen, "grouping opts", "\",\" or \")\"")?;
        Ok((labels, open.to(close.span)))
    }

    fn label(&mut self) -> Parsed<SmolStr> {
        let token = self.token();
        let label = match token.kind {
            TokenKind::String => {
                let bytes = self.unquoted(token)?;
                let label = str::from_utf8(&bytes).ok().filter(|l| !l.is_empty());
                label.ok_or_else(|| self.bad_label(token))?.into()
            }
            TokenKind::Keyword(Keyword::Without) => return Err(self.unexpected("grouping opts", "label")),
            TokenKind::Identifier
            | TokenKind::MetricIdentifier
            | TokenKind::Keyword(_)
            | TokenKind::Aggregate(_)
            | TokenKind::Op(_)
                if token.span.of(self.text).starts_with(|c: char| c.is_ascii_alphabetic() || c == '_' || c == ':') =>
            {
                token.span.of(self.text).into()
            }
            _ => return Err(self.unexpected("grouping opts", "label")),
        };
        self.advance();
        self.count(1, token.span)?;
        Ok(label)
    }

    fn bad_label(&self, token: Token) -> Box<Fault> {
        let bytes = self.unquoted(token).unwrap_or_default();
        let shown = promethium_model::quote::go_quoted_bytes(&bytes);
        Fault::new(token.span, format!("invalid label name for grouping: {shown}"))
    }
}

/// Bytes of a pattern's program that count as a part.
const PROGRAM_BYTES: usize = 1 << 10;

/// A matcher in parts: to read a pattern takes as long as to make sixteen nodes, and is linear in its length.
fn weight(op: MatchOp, value: &str) -> usize {
    match op {
        MatchOp::Equal | MatchOp::NotEqual => 1,
        MatchOp::Regex | MatchOp::NotRegex => (value.len() / 4).saturating_add(16),
    }
}

/// What stands between two commas inside braces.
enum BraceItem {
    Name(String),
    Matcher(Matcher),
}

impl BraceItem {
    fn into_matcher(self) -> Matcher {
        match self {
            BraceItem::Name(name) => Matcher::equal(METRIC_NAME, name),
            BraceItem::Matcher(matcher) => matcher,
        }
    }
}

/// Whether some condition excludes series that lack its label.
pub(super) fn excludes_something(selector: &Selector) -> bool {
    selector.has_bare_name() || selector.matchers.iter().any(|m| !m.matches_empty())
}

/// Whether the name was set in front of the braces and once more inside.
pub(super) fn names_twice(selector: &Selector) -> Option<(&str, &str)> {
    let name = selector.name.as_deref()?;
    let other = selector.matchers.iter().find(|m| m.name == METRIC_NAME)?;
    Some((name, other.value.as_str()))
}
