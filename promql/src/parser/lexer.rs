//! Text to tokens, in one pass and linear time.
//!
//! Three modes: outside, inside braces, and between `[` and the first number of its duration. The first error ends the
//! token list, so that whatever the parser finds wrong before it is reported first.
#![deny(
    clippy::indexing_slicing,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::arithmetic_side_effects
)]

use promethium_model::MatchOp;

use super::error::{Fault, Parsed};
use super::op::BinaryOp;
use super::span::Span;
use super::string;
use super::token::{Keyword, Token, TokenKind, keyword};

/// The tokens of a text, the last of which is the end or the place of the error.
#[derive(Debug)]
pub(crate) struct Lexed {
    pub(crate) tokens: Vec<Token>,
    pub(crate) error: Option<Fault>,
}

pub(crate) fn lex(text: &str) -> Lexed {
    let mut lexer =
        Lexer { text, pos: 0, tokens: Vec::with_capacity(16), parens: 0, bracket: None, mode: Mode::Outside };
    let error = lexer.run().err();
    let (kind, span) = match &error {
        Some(fault) => (TokenKind::Error, fault.span),
        None => (TokenKind::End, Span::new(text.len(), text.len())),
    };
    lexer.tokens.push(Token { kind, span });
    Lexed { tokens: lexer.tokens, error }
}

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

struct Lexer<'a> {
    text: &'a str,
    pos: usize,
    tokens: Vec<Token>,
    parens: usize,
    bracket: Option<Bracket>,
    mode: Mode,
}

impl<'a> Lexer<'a> {
    fn run(&mut self) -> Parsed<()> {
        loop {
            self.skip_blank();
            let Some(c) = self.peek() else { return self.finish() };
            match self.mode {
                Mode::Outside => self.outside(c)?,
                Mode::Braces => self.in_braces(c)?,
                Mode::Duration => self.in_duration(c)?,
            }
        }
    }

    fn finish(&self) -> Parsed<()> {
        match self.mode {
            Mode::Braces => Err(self.fault("unexpected end of input inside braces")),
            Mode::Duration => Err(self.fault("unexpected end of input in duration expression")),
            Mode::Outside if self.parens > 0 => Err(self.fault("unclosed left parenthesis")),
            Mode::Outside if self.bracket.is_some() => Err(self.fault("unclosed left bracket")),
            Mode::Outside => Ok(()),
        }
    }

    fn outside(&mut self, c: char) -> Parsed<()> {
        match c {
            ',' => self.emit(TokenKind::Comma, 1),
            '@' => self.emit(TokenKind::At, 1),
            '{' => {
                self.mode = Mode::Braces;
                self.emit(TokenKind::LeftBrace, 1);
            }
            '[' if self.bracket.is_some() => return Err(self.fault("unexpected left bracket '['")),
            '[' => {
                self.mode = Mode::Duration;
                self.bracket = Some(Bracket { content: false, colon: false });
                self.emit(TokenKind::LeftBracket, 1);
            }
            ']' if self.bracket.is_some() => self.close_bracket(),
            ']' => return Err(self.fault("unexpected right bracket ']'")),
            '(' | ')' => return self.paren(c),
            '"' | '\'' | '`' => return self.string(c),
            '0'..='9' => return self.number(),
            '.' if self.peek_second().is_some_and(|d| d.is_ascii_digit()) => return self.number(),
            '=' | '!' | '<' | '>' => return self.comparison(c),
            ':' if self.bracket.is_some_and(|b| b.colon) => return Err(self.fault("unexpected colon ':'")),
            ':' if self.bracket.is_some() => self.colon(),
            c if c.is_ascii_alphabetic() || c == '_' || c == ':' => return self.word(c),
            c => match arithmetic(c) {
                Some(op) => self.emit(TokenKind::Op(op), 1),
                None => return Err(self.unexpected("unexpected character", c)),
            },
        }
        Ok(())
    }

    fn in_braces(&mut self, c: char) -> Parsed<()> {
        match c {
            '}' => {
                self.mode = Mode::Outside;
                self.emit(TokenKind::RightBrace, 1);
            }
            ',' => self.emit(TokenKind::Comma, 1),
            '{' => return Err(self.fault("unexpected left brace '{'")),
            '"' | '\'' | '`' => return self.string(c),
            '=' if self.peek_second() == Some('~') => self.emit(TokenKind::Match(MatchOp::Regex), 2),
            '=' => self.emit(TokenKind::Match(MatchOp::Equal), 1),
            '!' => match self.peek_second() {
                Some('~') => self.emit(TokenKind::Match(MatchOp::NotRegex), 2),
                Some('=') => self.emit(TokenKind::Match(MatchOp::NotEqual), 2),
                other => return Err(self.unexpected_after("unexpected character after '!' inside braces", other)),
            },
            c if c.is_ascii_alphabetic() || c == '_' => {
                let len = self.length_of(|b| b.is_ascii_alphanumeric() || b == b'_');
                self.emit(TokenKind::Identifier, len);
            }
            c => return Err(self.unexpected("unexpected character inside braces", c)),
        }
        Ok(())
    }

    /// Before the first number, a colon needs something in front of it.
    fn in_duration(&mut self, c: char) -> Parsed<()> {
        let Bracket { content, colon } = self.bracket.unwrap_or(Bracket { content: false, colon: false });
        match c {
            ']' => self.close_bracket(),
            ':' if colon => return Err(self.fault_behind("unexpected repeated colon in duration expression")),
            ':' if content => self.colon(),
            ':' => return Err(self.fault_behind("unexpected colon before duration in duration expression")),
            c => {
                self.bracket = Some(Bracket { content: true, colon });
                return self.duration_token(c);
            }
        }
        Ok(())
    }

    fn duration_token(&mut self, c: char) -> Parsed<()> {
        match c {
            '0'..='9' | '.' => {
                self.mode = Mode::Outside;
                return self.number();
            }
            '(' | ')' => return self.paren(c),
            ',' => self.emit(TokenKind::Comma, 1),
            c => match (arithmetic(c), self.duration_keyword()) {
                (Some(op), _) => self.emit(TokenKind::Op(op), 1),
                (_, Some((keyword, len))) => self.emit(TokenKind::Keyword(keyword), len),
                _ => return Err(self.unexpected("unexpected character in duration expression", c)),
            },
        }
        Ok(())
    }

    fn colon(&mut self) {
        self.bracket = Some(Bracket { content: true, colon: true });
        self.emit(TokenKind::Colon, 1);
    }

    fn close_bracket(&mut self) {
        self.mode = Mode::Outside;
        self.bracket = None;
        self.emit(TokenKind::RightBracket, 1);
    }

    /// `step`, `range`, `min_of` or `max_of`, the only words inside brackets, and its length.
    fn duration_keyword(&self) -> Option<(Keyword, usize)> {
        let len = self.length_of(|b| b.is_ascii_alphabetic() || b == b'_');
        match keyword(Span::new(self.pos, self.pos.saturating_add(len)).of(self.text)) {
            Some(TokenKind::Keyword(k @ (Keyword::Step | Keyword::Range | Keyword::MinOf | Keyword::MaxOf))) => {
                Some((k, len))
            }
            _ => None,
        }
    }

    fn paren(&mut self, c: char) -> Parsed<()> {
        if c == '(' {
            self.parens = self.parens.saturating_add(1);
            self.emit(TokenKind::LeftParen, 1);
            return Ok(());
        }
        let Some(open) = self.parens.checked_sub(1) else {
            return Err(self.fault_behind("unexpected right parenthesis ')'"));
        };
        self.parens = open;
        self.emit(TokenKind::RightParen, 1);
        Ok(())
    }

    fn comparison(&mut self, c: char) -> Parsed<()> {
        let (op, len) = match (c, self.peek_second()) {
            ('=', Some('=')) => (BinaryOp::Equal, 2),
            ('=', Some('~')) => return Err(self.unexpected_after("unexpected character after '='", Some('~'))),
            ('=', _) => {
                self.emit(TokenKind::Assign, 1);
                return Ok(());
            }
            ('!', Some('=')) => (BinaryOp::NotEqual, 2),
            ('!', other) => return Err(self.unexpected_after("unexpected character after '!'", other)),
            ('<', Some('=')) => (BinaryOp::LessEqual, 2),
            ('<', Some('/')) => (BinaryOp::TrimUpper, 2),
            ('<', _) => (BinaryOp::Less, 1),
            (_, Some('=')) => (BinaryOp::GreaterEqual, 2),
            (_, Some('/')) => (BinaryOp::TrimLower, 2),
            _ => (BinaryOp::Greater, 1),
        };
        self.emit(TokenKind::Op(op), len);
        Ok(())
    }

    fn word(&mut self, c: char) -> Parsed<()> {
        if self.bracket.is_some() {
            let expected = || self.fault(&format!("unexpected character: {}, expected ':'", quoted_char(c)));
            let (keyword, len) = self.duration_keyword().ok_or_else(expected)?;
            self.emit(TokenKind::Keyword(keyword), len);
            return Ok(());
        }
        let len = self.length_of(|b| b.is_ascii_alphanumeric() || b == b'_' || b == b':');
        let word = Span::new(self.pos, self.pos.saturating_add(len)).of(self.text);
        let kind = match keyword(word) {
            Some(TokenKind::Keyword(Keyword::Fill | Keyword::FillLeft | Keyword::FillRight))
                if !self.opens_paren_after(len) =>
            {
                TokenKind::Identifier
            }
            Some(kind) => kind,
            None if word.contains(':') => TokenKind::MetricIdentifier,
            None => TokenKind::Identifier,
        };
        self.emit(kind, len);
        Ok(())
    }

    fn opens_paren_after(&self, len: usize) -> bool {
        self.rest().get(len..).is_some_and(|rest| rest.trim_start().starts_with('('))
    }

    fn string(&mut self, quote: char) -> Parsed<()> {
        let len = string::scan(self.rest(), quote).map_err(|message| self.fault(&message))?;
        self.emit(TokenKind::String, len);
        Ok(())
    }

    fn number(&mut self) -> Parsed<()> {
        let (kind, len) = super::number::scan(self.rest());
        let Some(kind) = kind else {
            let bad = Span::new(self.pos, self.pos.saturating_add(len));
            let shown = promethium_model::quote::go_quoted(bad.of(self.text));
            return Err(Fault::new(bad, format!("bad number or duration syntax: {shown}")));
        };
        self.emit(kind, len);
        Ok(())
    }

    fn skip_blank(&mut self) {
        loop {
            self.pos = self.pos.saturating_add(self.length_of(|b| matches!(b, b' ' | b'\t' | b'\n' | b'\r')));
            if self.peek() != Some('#') {
                return;
            }
            self.pos = self.pos.saturating_add(self.length_of(|b| b != b'\n'));
        }
    }

    fn rest(&self) -> &'a str {
        self.text.get(self.pos..).unwrap_or("")
    }

    fn peek(&self) -> Option<char> {
        self.rest().chars().next()
    }

    fn peek_second(&self) -> Option<char> {
        self.rest().chars().nth(1)
    }

    /// Bytes from here on for which `belongs` holds.
    fn length_of(&self, belongs: impl Fn(u8) -> bool) -> usize {
        let rest = self.rest().as_bytes();
        rest.iter().position(|b| !belongs(*b)).unwrap_or(rest.len())
    }

    fn emit(&mut self, kind: TokenKind, len: usize) {
        let end = self.pos.saturating_add(len);
        self.tokens.push(Token { kind, span: Span::new(self.pos, end) });
        self.pos = end;
    }

    fn fault(&self, message: &str) -> Fault {
        let end = self.peek().map_or(0, char::len_utf8).saturating_add(self.pos);
        Fault::new(Span::new(self.pos, end), message)
    }

    /// Prometheus counts some characters as read before it finds that they have no place.
    fn fault_behind(&self, message: &str) -> Fault {
        let end = self.fault("").span.end;
        Fault { span: Span { start: end, end }, message: message.to_owned() }
    }

    fn unexpected(&self, what: &str, c: char) -> Fault {
        self.fault(&format!("{what}: {}", quoted_char(c)))
    }

    fn unexpected_after(&self, what: &str, c: Option<char>) -> Fault {
        // Go's lexer reads the end of the text as rune −1, which its quoting shows as U+FFFD.
        self.unexpected(what, c.unwrap_or('\u{fffd}'))
    }
}

fn arithmetic(c: char) -> Option<BinaryOp> {
    Some(match c {
        '+' => BinaryOp::Add,
        '-' => BinaryOp::Sub,
        '*' => BinaryOp::Mul,
        '/' => BinaryOp::Div,
        '%' => BinaryOp::Mod,
        '^' => BinaryOp::Pow,
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
