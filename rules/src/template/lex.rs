//! A template's text as tokens, by the rules of Go's `text/template/parse`.
//!
//! An error is a token like any other, the last one: the parser may find something wrong before it.
#![cfg_attr(
    not(test),
    deny(
        clippy::indexing_slicing,
        clippy::unwrap_used,
        clippy::expect_used,
        clippy::panic,
        clippy::arithmetic_side_effects
    )
)]

const LEFT: &str = "{{";
const RIGHT: &str = "}}";

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Token<'t> {
    pub(super) kind: Kind,
    /// First byte.
    pub(super) at: usize,
    pub(super) text: &'t str,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Error(String),
    Eof,
    /// Text outside of actions, trimmed.
    Text,
    Left,
    Right,
    Space,
    Assign,
    Declare,
    Pipe,
    LeftParen,
    RightParen,
    Char,
    Bool,
    /// A number or a character constant.
    Number,
    Dot,
    Field,
    Variable,
    Quoted,
    Raw,
    Identifier,
    Nil,
    Keyword(Keyword),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Keyword {
    Block,
    Break,
    Continue,
    Define,
    Else,
    End,
    If,
    Range,
    Template,
    With,
}

impl Keyword {
    fn named(word: &str) -> Option<Keyword> {
        Some(match word {
            "block" => Keyword::Block,
            "break" => Keyword::Break,
            "continue" => Keyword::Continue,
            "define" => Keyword::Define,
            "else" => Keyword::Else,
            "end" => Keyword::End,
            "if" => Keyword::If,
            "range" => Keyword::Range,
            "template" => Keyword::Template,
            "with" => Keyword::With,
            _ => return None,
        })
    }
}

/// All tokens; the last one is the end or an error.
pub(super) fn tokens(text: &str) -> Vec<Token<'_>> {
    let mut lexer = Lexer { text, at: 0, parens: 0, out: Vec::new() };
    if let Err((at, message)) = lexer.run() {
        lexer.out.push(Token { kind: Kind::Error(message), at, text: "" });
    }
    lexer.out
}

/// Go's `unicode.IsSpace` restricted to what templates take for blanks.
pub(super) fn is_blank(c: char) -> bool {
    matches!(c, ' ' | '\t' | '\r' | '\n')
}

fn is_word_char(c: char) -> bool {
    c == '_' || c.is_alphanumeric()
}

type Step = Result<(), (usize, String)>;

struct Lexer<'t> {
    text: &'t str,
    at: usize,
    parens: usize,
    out: Vec<Token<'t>>,
}

impl<'t> Lexer<'t> {
    fn rest(&self) -> &'t str {
        self.text.get(self.at..).unwrap_or_default()
    }

    fn peek(&self) -> Option<char> {
        self.rest().chars().next()
    }

    fn skip(&mut self, bytes: usize) {
        self.at = self.at.saturating_add(bytes).min(self.text.len());
    }

    fn skip_while(&mut self, keep: impl Fn(char) -> bool) {
        let rest = self.rest();
        self.skip(rest.find(|c| !keep(c)).unwrap_or(rest.len()));
    }

    fn push(&mut self, kind: Kind, start: usize) {
        let text = self.text.get(start..self.at).unwrap_or_default();
        self.out.push(Token { kind, at: start, text });
    }

    fn fail<T>(&self, at: usize, message: impl Into<String>) -> Result<T, (usize, String)> {
        Err((at, message.into()))
    }

    fn run(&mut self) -> Step {
        while let Some(end) = self.rest().find(LEFT) {
            self.text_until(end);
            self.action()?;
        }
        let rest = self.rest();
        if !rest.is_empty() {
            self.text_until(rest.len());
        }
        self.push(Kind::Eof, self.at);
        Ok(())
    }

    /// Text up to `len` bytes on; a trim marker behind it takes its blanks.
    fn text_until(&mut self, len: usize) {
        let start = self.at;
        self.skip(len);
        let text = self.text.get(start..self.at).unwrap_or_default();
        let trims = self.rest().get(LEFT.len()..).is_some_and(begins_with_trim);
        let text = if trims { text.trim_end_matches(is_blank) } else { text };
        if !text.is_empty() {
            self.out.push(Token { kind: Kind::Text, at: start, text });
        }
    }

    /// From the opening delimiter to the closing one, a comment included.
    fn action(&mut self) -> Step {
        let start = self.at;
        let trims = self.rest().get(LEFT.len()..).is_some_and(begins_with_trim);
        let marker = if trims { 2 } else { 0 };
        let after = self.rest().get(LEFT.len().saturating_add(marker)..).unwrap_or_default();
        if after.starts_with("/*") {
            self.skip(LEFT.len().saturating_add(marker));
            return self.comment();
        }
        self.skip(LEFT.len());
        self.push(Kind::Left, start);
        self.skip(marker);
        self.parens = 0;
        loop {
            if let Some((trims, len)) = self.closing() {
                if self.parens > 0 {
                    return self.fail(self.at, "unclosed left paren");
                }
                let start = self.at;
                self.skip(len);
                self.push(Kind::Right, start);
                if trims {
                    self.skip_while(is_blank);
                }
                return Ok(());
            }
            self.word()?;
        }
    }

    fn comment(&mut self) -> Step {
        let start = self.at;
        let Some(end) = self.rest().find("*/") else { return self.fail(start, "unclosed comment") };
        self.skip(end.saturating_add(2));
        let Some((trims, len)) = self.closing() else {
            return self.fail(start, "comment ends before closing delimiter");
        };
        self.skip(len);
        if trims {
            self.skip_while(is_blank);
        }
        Ok(())
    }

    /// Whether a closing delimiter stands here: whether it trims, and its length.
    fn closing(&self) -> Option<(bool, usize)> {
        let rest = self.rest();
        if ends_with_trim(rest) {
            return Some((true, 2usize.saturating_add(RIGHT.len())));
        }
        rest.starts_with(RIGHT).then_some((false, RIGHT.len()))
    }

    fn word(&mut self) -> Step {
        let start = self.at;
        let Some(c) = self.peek() else { return self.fail(start, "unclosed action") };
        let kind = match c {
            c if is_blank(c) => {
                self.blanks();
                Kind::Space
            }
            '=' => self.one(Kind::Assign),
            ':' if self.rest().starts_with(":=") => {
                self.skip(2);
                Kind::Declare
            }
            ':' => return self.fail(start, "expected :="),
            '|' => self.one(Kind::Pipe),
            '"' => self.quoted('"', "unterminated quoted string", Kind::Quoted)?,
            '\'' => self.quoted('\'', "unterminated character constant", Kind::Number)?,
            '`' => self.raw()?,
            '$' => self.name(Kind::Variable)?,
            '.' if !self.rest().get(1..).is_some_and(|r| r.starts_with(|c: char| c.is_ascii_digit())) => {
                self.name(Kind::Field)?
            }
            '+' | '-' | '.' | '0'..='9' => self.number()?,
            c if is_word_char(c) => self.identifier()?,
            '(' => {
                self.parens = self.parens.saturating_add(1);
                self.one(Kind::LeftParen)
            }
            ')' if self.parens == 0 => return self.fail(start, "unexpected right paren"),
            ')' => {
                self.parens = self.parens.saturating_sub(1);
                self.one(Kind::RightParen)
            }
            c if c.is_ascii_graphic() => self.one(Kind::Char),
            c => return self.fail(start, format!("unrecognized character in action: {}", code_point(c))),
        };
        self.push(kind, start);
        Ok(())
    }

    fn one(&mut self, kind: Kind) -> Kind {
        self.skip(1);
        kind
    }

    /// Blanks; the one before a closing trim marker belongs to the marker.
    fn blanks(&mut self) {
        loop {
            if ends_with_trim(self.rest()) || !self.peek().is_some_and(is_blank) {
                return;
            }
            self.skip(1);
        }
    }

    fn quoted(&mut self, quote: char, unterminated: &str, kind: Kind) -> Result<Kind, (usize, String)> {
        let start = self.at;
        let mut chars = self.rest().char_indices().skip(1);
        while let Some((i, c)) = chars.next() {
            match c {
                c if c == quote => {
                    self.skip(i.saturating_add(1));
                    return Ok(kind);
                }
                '\\' if !matches!(chars.next(), None | Some((_, '\n'))) => {}
                '\\' | '\n' => break,
                _ => {}
            }
        }
        self.fail(start, unterminated)
    }

    fn raw(&mut self) -> Result<Kind, (usize, String)> {
        match self.rest().get(1..).and_then(|body| body.find('`')) {
            Some(end) => {
                self.skip(end.saturating_add(2));
                Ok(Kind::Raw)
            }
            None => self.fail(self.at, "unterminated raw quoted string"),
        }
    }

    /// `.field`, `$variable`, or the sign alone.
    fn name(&mut self, kind: Kind) -> Result<Kind, (usize, String)> {
        let start = self.at;
        self.skip(1);
        if self.at_terminator() {
            return Ok(if kind == Kind::Field { Kind::Dot } else { kind });
        }
        self.skip_while(is_word_char);
        self.expect_terminator(start)?;
        Ok(kind)
    }

    fn identifier(&mut self) -> Result<Kind, (usize, String)> {
        let start = self.at;
        self.skip_while(is_word_char);
        self.expect_terminator(start)?;
        let word = self.text.get(start..self.at).unwrap_or_default();
        Ok(match word {
            "true" | "false" => Kind::Bool,
            "nil" => Kind::Nil,
            word => Keyword::named(word).map_or(Kind::Identifier, Kind::Keyword),
        })
    }

    fn expect_terminator(&self, start: usize) -> Step {
        match self.peek() {
            Some(c) if !self.at_terminator() => self.fail(start, format!("bad character {}", code_point(c))),
            _ => Ok(()),
        }
    }

    fn at_terminator(&self) -> bool {
        match self.peek() {
            None | Some('.' | ',' | '|' | ':' | ')' | '(') => true,
            Some(c) => is_blank(c) || self.rest().starts_with(RIGHT),
        }
    }

    /// A number in any of Go's forms; a sign behind it makes it a complex one, which must end in `i`.
    fn number(&mut self) -> Result<Kind, (usize, String)> {
        let start = self.at;
        let well_formed = self.real_number();
        let is_complex = self.peek().is_some_and(|c| matches!(c, '+' | '-'));
        let complex_ok = !is_complex || (self.real_number() && self.text.get(..self.at).unwrap_or("").ends_with('i'));
        let text = self.text.get(start..self.at).unwrap_or_default();
        if !(well_formed && complex_ok) {
            return self.fail(start, format!("bad number syntax: {}", promethium_model::quote::go_quoted(text)));
        }
        Ok(Kind::Number)
    }

    /// Advances over one real number; false when a letter or digit follows that does not belong to it.
    fn real_number(&mut self) -> bool {
        self.accept(|c| matches!(c, '+' | '-'), 1);
        let mut radix = 10;
        if self.accept(|c| c == '0', 1) {
            for (letters, of) in [("xX", 16), ("oO", 8), ("bB", 2)] {
                if radix == 10 && self.accept(|c| letters.contains(c), 1) {
                    radix = of;
                }
            }
        }
        let digit = move |c: char| c == '_' || c.is_digit(radix);
        self.skip_while(digit);
        if self.accept(|c| c == '.', 1) {
            self.skip_while(digit);
        }
        let exponent = if radix == 16 { "pP" } else { "eE" };
        if matches!(radix, 10 | 16) && self.accept(|c| exponent.contains(c), 1) {
            self.accept(|c| matches!(c, '+' | '-'), 1);
            self.skip_while(|c| c == '_' || c.is_ascii_digit());
        }
        self.accept(|c| c == 'i', 1);
        match self.peek() {
            Some(c) if is_word_char(c) => {
                self.skip(c.len_utf8());
                false
            }
            _ => true,
        }
    }

    fn accept(&mut self, wanted: impl Fn(char) -> bool, bytes: usize) -> bool {
        let found = self.peek().is_some_and(wanted);
        if found {
            self.skip(bytes);
        }
        found
    }
}

/// `- ` behind the opening delimiter.
fn begins_with_trim(after: &str) -> bool {
    after.strip_prefix('-').is_some_and(|rest| rest.starts_with(is_blank))
}

/// ` -}}`.
fn ends_with_trim(rest: &str) -> bool {
    rest.starts_with(is_blank)
        && rest.get(1..).is_some_and(|r| r.strip_prefix('-').is_some_and(|r| r.starts_with(RIGHT)))
}

/// Go's `%#U`: `U+0041 'A'`.
pub(super) fn code_point(c: char) -> String {
    let number = format!("U+{:04X}", u32::from(c));
    match c.is_control() {
        true => number,
        false => format!("{number} '{c}'"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kinds(text: &str) -> Vec<(Kind, &str)> {
        tokens(text).into_iter().map(|token| (token.kind, token.text)).collect()
    }

    #[test]
    fn trim_markers_take_the_blanks_around_them() {
        let found = kinds("a \n{{- $x -}}\t b{{/* c */}}d {{- /* e */ -}} f");
        let texts: Vec<&str> = found.iter().filter(|(kind, _)| *kind == Kind::Text).map(|(_, text)| *text).collect();
        assert_eq!(texts, ["a", "b", "d", "f"]);
        assert_eq!(kinds("{{-1}}")[1], (Kind::Number, "-1"));
    }

    #[test]
    fn what_does_not_end_is_an_error_token() {
        for (text, message) in [
            ("{{", "unclosed action"),
            ("{{/* x", "unclosed comment"),
            ("{{/* x */ y}}", "comment ends before closing delimiter"),
            ("{{ \"x", "unterminated quoted string"),
            ("{{ \"x\\", "unterminated quoted string"),
            ("{{ 'x", "unterminated character constant"),
            ("{{ `x", "unterminated raw quoted string"),
            ("{{ (1 }}", "unclosed left paren"),
            ("{{ 1) }}", "unexpected right paren"),
            ("{{ 12abc }}", "bad number syntax: \"12a\""),
            ("{{ 1+2 }}", "bad number syntax: \"1+2\""),
            ("{{ .x^ }}", "bad character U+005E '^'"),
            ("{{ \u{1} }}", "unrecognized character in action: U+0001"),
            ("{{ $x : 1 }}", "expected :="),
        ] {
            let last = tokens(text).pop().map(|token| token.kind);
            assert_eq!(last, Some(Kind::Error(message.to_owned())), "{text}");
        }
    }
}
