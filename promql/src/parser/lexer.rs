//! Text to tokens, one at a time, in linear time.
//!
//! Three modes: outside, inside braces, and between `[` and the first number of its duration. The first error ends the
//! tokens, so that whatever the parser finds wrong before it is reported first.
#![deny(
    clippy::indexing_slicing,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::arithmetic_side_effects
)]

use promethium_model::MatchOp;

use super::error::Fault;
use super::op::BinaryOp;
use super::span::Span;
use super::string;
use super::token::{Keyword, Token, TokenKind, keyword};

#[derive(Clone, Copy, PartialEq, Eq)]
enum Mode {
    Outside,
    Braces,
    /// From `[` to the first number, from which on brackets are read like the outside.
    Duration,
}

/// What was seen since `[`.
#[derive(Clone, Copy)]
struct Bracket {
    content: bool,
    colon: bool,
}

/// Gives the tokens of a text, and at its end the end or the place of the error as often as asked.
pub(crate) struct Lexer<'a> {
    text: &'a str,
    pos: usize,
    parens: usize,
    bracket: Option<Bracket>,
    mode: Mode,
    /// The last token, when it was given.
    end: Option<Token>,
    error: Option<Box<Fault>>,
}

impl<'a> Lexer<'a> {
    pub(crate) fn new(text: &'a str) -> Self {
        Lexer { text, pos: 0, parens: 0, bracket: None, mode: Mode::Outside, end: None, error: None }
    }

    /// What is wrong where the error's token stands; once.
    pub(crate) fn take_error(&mut self) -> Option<Box<Fault>> {
        self.error.take()
    }

    pub(crate) fn next(&mut self) -> Token {
        if let Some(end) = self.end {
            return end;
        }
        let c = loop {
            match self.peek() {
                Some(b' ' | b'\t' | b'\n' | b'\r') => self.pos = self.pos.saturating_add(1),
                Some(b'#') => self.pos = self.pos.saturating_add(self.length_of(|b| b != b'\n')),
                Some(c) => break c,
                None => return self.finish(),
            }
        };
        match self.mode {
            Mode::Outside => self.outside(c),
            Mode::Braces => self.in_braces(c),
            Mode::Duration => self.in_duration(c),
        }
    }

    fn finish(&mut self) -> Token {
        let fault = match self.mode {
            Mode::Braces => "unexpected end of input inside braces",
            Mode::Duration => "unexpected end of input in duration expression",
            Mode::Outside if self.parens > 0 => "unclosed left parenthesis",
            Mode::Outside if self.bracket.is_some() => "unclosed left bracket",
            Mode::Outside => {
                let end = Token { kind: TokenKind::End, span: Span::new(self.text.len(), self.text.len()) };
                return *self.end.insert(end);
            }
        };
        self.fail(self.fault(fault))
    }

    #[inline]
    fn outside(&mut self, c: u8) -> Token {
        match c {
            b',' => self.emit(TokenKind::Comma, 1),
            b'@' => self.emit(TokenKind::At, 1),
            b'{' => {
                self.mode = Mode::Braces;
                self.emit(TokenKind::LeftBrace, 1)
            }
            b'[' if self.bracket.is_some() => self.fail(self.fault("unexpected left bracket '['")),
            b'[' => {
                self.mode = Mode::Duration;
                self.bracket = Some(Bracket { content: false, colon: false });
                self.emit(TokenKind::LeftBracket, 1)
            }
            b']' if self.bracket.is_some() => self.close_bracket(),
            b']' => self.fail(self.fault("unexpected right bracket ']'")),
            b'(' | b')' => self.paren(c),
            b'"' | b'\'' | b'`' => self.string(c),
            b'0'..=b'9' => self.number(),
            b'.' if self.peek_second().is_some_and(|d| d.is_ascii_digit()) => self.number(),
            b'=' | b'!' | b'<' | b'>' => self.comparison(c),
            b':' if self.bracket.is_some_and(|b| b.colon) => self.fail(self.fault("unexpected colon ':'")),
            b':' if self.bracket.is_some() => self.colon(),
            b'a'..=b'z' | b'A'..=b'Z' | b'_' | b':' => self.word(),
            c => match arithmetic(c) {
                Some(op) => self.emit(TokenKind::Op(op), 1),
                None => self.fail(self.unexpected("unexpected character")),
            },
        }
    }

    fn in_braces(&mut self, c: u8) -> Token {
        match c {
            b'}' => {
                self.mode = Mode::Outside;
                self.emit(TokenKind::RightBrace, 1)
            }
            b',' => self.emit(TokenKind::Comma, 1),
            b'{' => self.fail(self.fault("unexpected left brace '{'")),
            b'"' | b'\'' | b'`' => self.string(c),
            b'=' if self.peek_second() == Some('~') => self.emit(TokenKind::Match(MatchOp::Regex), 2),
            b'=' => self.emit(TokenKind::Match(MatchOp::Equal), 1),
            b'!' => match self.peek_second() {
                Some('~') => self.emit(TokenKind::Match(MatchOp::NotRegex), 2),
                Some('=') => self.emit(TokenKind::Match(MatchOp::NotEqual), 2),
                other => self.fail(self.unexpected_char("unexpected character after '!' inside braces", at_end(other))),
            },
            c if c.is_ascii_alphabetic() || c == b'_' => {
                let len = self.length_of(|b| b.is_ascii_alphanumeric() || b == b'_');
                self.emit(TokenKind::Identifier, len)
            }
            _ => self.fail(self.unexpected("unexpected character inside braces")),
        }
    }

    /// Before the first number, a colon needs something in front of it.
    fn in_duration(&mut self, c: u8) -> Token {
        let Bracket { content, colon } = self.bracket.unwrap_or(Bracket { content: false, colon: false });
        match c {
            b']' => self.close_bracket(),
            b':' if colon => self.fail(self.fault_behind("unexpected repeated colon in duration expression")),
            b':' if content => self.colon(),
            b':' => self.fail(self.fault_behind("unexpected colon before duration in duration expression")),
            c => {
                self.bracket = Some(Bracket { content: true, colon });
                self.duration_token(c)
            }
        }
    }

    fn duration_token(&mut self, c: u8) -> Token {
        match c {
            b'0'..=b'9' | b'.' => {
                self.mode = Mode::Outside;
                self.number()
            }
            b'(' | b')' => self.paren(c),
            b',' => self.emit(TokenKind::Comma, 1),
            c => match (arithmetic(c), self.duration_keyword()) {
                (Some(op), _) => self.emit(TokenKind::Op(op), 1),
                (_, Some((keyword, len))) => self.emit(TokenKind::Keyword(keyword), len),
                _ => self.fail(self.unexpected("unexpected character in duration expression")),
            },
        }
    }

    fn colon(&mut self) -> Token {
        self.bracket = Some(Bracket { content: true, colon: true });
        self.emit(TokenKind::Colon, 1)
    }

    fn close_bracket(&mut self) -> Token {
        self.mode = Mode::Outside;
        self.bracket = None;
        self.emit(TokenKind::RightBracket, 1)
    }

    /// `step`, `range`, `min_of` or `max_of`, the only words inside brackets, and its length.
    fn duration_keyword(&self) -> Option<(Keyword, usize)> {
        let len = self.length_of(|b| b.is_ascii_alphabetic() || b == b'_');
        match keyword(self.text.as_bytes().get(self.pos..self.pos.saturating_add(len)).unwrap_or(&[])) {
            Some(TokenKind::Keyword(k @ (Keyword::Step | Keyword::Range | Keyword::MinOf | Keyword::MaxOf))) => {
                Some((k, len))
            }
            _ => None,
        }
    }

    fn paren(&mut self, c: u8) -> Token {
        if c == b'(' {
            self.parens = self.parens.saturating_add(1);
            return self.emit(TokenKind::LeftParen, 1);
        }
        let Some(open) = self.parens.checked_sub(1) else {
            return self.fail(self.fault_behind("unexpected right parenthesis ')'"));
        };
        self.parens = open;
        self.emit(TokenKind::RightParen, 1)
    }

    fn comparison(&mut self, c: u8) -> Token {
        let (op, len) = match (c, self.peek_second()) {
            (b'=', Some('=')) => (BinaryOp::Equal, 2),
            (b'=', Some('~')) => return self.fail(self.unexpected_char("unexpected character after '='", '~')),
            (b'=', _) => return self.emit(TokenKind::Assign, 1),
            (b'!', Some('=')) => (BinaryOp::NotEqual, 2),
            (b'!', other) => {
                return self.fail(self.unexpected_char("unexpected character after '!'", at_end(other)));
            }
            (b'<', Some('=')) => (BinaryOp::LessEqual, 2),
            (b'<', Some('/')) => (BinaryOp::TrimUpper, 2),
            (b'<', _) => (BinaryOp::Less, 1),
            (_, Some('=')) => (BinaryOp::GreaterEqual, 2),
            (_, Some('/')) => (BinaryOp::TrimLower, 2),
            _ => (BinaryOp::Greater, 1),
        };
        self.emit(TokenKind::Op(op), len)
    }

    #[inline]
    fn word(&mut self) -> Token {
        if self.bracket.is_some() {
            return match self.duration_keyword() {
                Some((keyword, len)) => self.emit(TokenKind::Keyword(keyword), len),
                None => {
                    let c = quoted_char(self.peek_char());
                    self.fail(self.fault(&format!("unexpected character: {c}, expected ':'")))
                }
            };
        }
        let mut colons = false;
        let len = self.length_of(|b| {
            colons |= b == b':';
            b.is_ascii_alphanumeric() || b == b'_' || b == b':'
        });
        let word = self.text.as_bytes().get(self.pos..self.pos.saturating_add(len)).unwrap_or(&[]);
        let kind = match keyword(word) {
            Some(TokenKind::Keyword(Keyword::Fill | Keyword::FillLeft | Keyword::FillRight))
                if !self.opens_paren_after(len) =>
            {
                TokenKind::Identifier
            }
            Some(kind) => kind,
            None if colons => TokenKind::MetricIdentifier,
            None => TokenKind::Identifier,
        };
        self.emit(kind, len)
    }

    fn opens_paren_after(&self, len: usize) -> bool {
        self.rest().get(len..).is_some_and(|rest| rest.trim_start().starts_with('('))
    }

    fn string(&mut self, quote: u8) -> Token {
        match string::scan(self.rest(), char::from(quote)) {
            Ok(len) => self.emit(TokenKind::String, len),
            Err(message) => self.fail(self.fault(&message)),
        }
    }

    fn number(&mut self) -> Token {
        let (kind, len) = super::number::scan(self.rest());
        if let Some(kind) = kind {
            return self.emit(kind, len);
        }
        let bad = Span::new(self.pos, self.pos.saturating_add(len));
        let shown = promethium_model::quote::go_quoted(bad.of(self.text));
        self.fail(Fault::new(bad, format!("bad number or duration syntax: {shown}")))
    }

    fn rest(&self) -> &'a str {
        self.text.get(self.pos..).unwrap_or("")
    }

    #[inline]
    fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.pos).copied()
    }

    fn peek_second(&self) -> Option<char> {
        self.rest().chars().nth(1)
    }

    /// The character at hand, of which [`Lexer::peek`] gives the first byte.
    fn peek_char(&self) -> char {
        at_end(self.rest().chars().next())
    }

    /// Bytes from here on for which `belongs` holds.
    #[inline]
    fn length_of(&self, mut belongs: impl FnMut(u8) -> bool) -> usize {
        let rest = self.text.as_bytes().get(self.pos..).unwrap_or(&[]);
        let mut len = 0;
        while rest.get(len).is_some_and(|b| belongs(*b)) {
            len = len.saturating_add(1);
        }
        len
    }

    #[inline]
    fn emit(&mut self, kind: TokenKind, len: usize) -> Token {
        let end = self.pos.saturating_add(len);
        let span = Span::new(self.pos, end);
        self.pos = end;
        Token { kind, span }
    }

    #[cold]
    fn fail(&mut self, fault: Box<Fault>) -> Token {
        let end = Token { kind: TokenKind::Error, span: fault.span };
        self.error = Some(fault);
        *self.end.insert(end)
    }

    fn fault(&self, message: &str) -> Box<Fault> {
        let end = self.rest().chars().next().map_or(0, char::len_utf8).saturating_add(self.pos);
        Fault::new(Span::new(self.pos, end), message)
    }

    /// Prometheus counts some characters as read before it finds that they have no place.
    fn fault_behind(&self, message: &str) -> Box<Fault> {
        let end = self.fault("").span.end;
        Fault::new(Span { start: end, end }, message)
    }

    fn unexpected(&self, what: &str) -> Box<Fault> {
        self.unexpected_char(what, self.peek_char())
    }

    fn unexpected_char(&self, what: &str, c: char) -> Box<Fault> {
        self.fault(&format!("{what}: {}", quoted_char(c)))
    }
}

/// Go's lexer reads the end of the text as rune −1, which its quoting shows as U+FFFD.
fn at_end(c: Option<char>) -> char {
    c.unwrap_or('\u{fffd}')
}

fn arithmetic(c: u8) -> Option<BinaryOp> {
    Some(match c {
        b'+' => BinaryOp::Add,
        b'-' => BinaryOp::Sub,
        b'*' => BinaryOp::Mul,
        b'/' => BinaryOp::Div,
        b'%' => BinaryOp::Mod,
        b'^' => BinaryOp::Pow,
        _ => return None,
    })
}

fn quoted_char(c: char) -> String {
    match c {
        '\'' => "'\\''".to_owned(),
        '"' => "'\"'".to_owned(),
        c => {
            let quoted = promethium_model::quote::go_quoted(c.encode_utf8(&mut [0; 4]));
            format!("'{}'", quoted.trim_matches('"'))
        }
    }
}
