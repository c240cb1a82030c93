//! Template text to tokens.
#![deny(
    clippy::indexing_slicing,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::arithmetic_side_effects
)]

/// What is wrong with a template, and at which byte.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct SyntaxError {
    pub(super) at: usize,
    pub(super) message: String,
}

/// A word inside `{{ }}`.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Word {
    /// The byte it starts at.
    pub(super) at: usize,
    /// As written.
    pub(super) source: String,
    pub(super) kind: WordKind,
}

#[derive(Clone, Debug, PartialEq)]
pub(super) enum WordKind {
    /// `printf`
    Name(String),
    /// `.Labels.job`, `$labels.job`
    Path(String),
    /// `"text"`, or raw between backquotes
    Text(String),
    /// `0.5`
    Number(String),
    /// `|`
    Pipe,
}

/// A stretch of a template.
#[derive(Debug, PartialEq)]
pub(super) enum Piece {
    Text(String),
    /// The words of one `{{ }}`; comments leave none behind.
    Action(usize, Vec<Word>),
}

/// Cuts a template into text and actions, trim markers applied.
pub(super) fn pieces(text: &str) -> Result<Vec<Piece>, SyntaxError> {
    let mut scan = Scan { text, at: 0 };
    let mut pieces = Vec::new();
    let mut trim_left = false;
    while let Some(open) = scan.rest().find("{{") {
        let plain = scan.rest().get(..open).unwrap_or_default();
        scan.skip(open.saturating_add(2));
        let opened_at = scan.at;
        let trim_right = scan.take_left_trim();
        push_text(&mut pieces, plain, trim_left, trim_right);
        let words = if scan.rest().starts_with("/*") { scan.comment()? } else { Some(scan.words(opened_at)?) };
        pieces.extend(words.map(|words| Piece::Action(opened_at, words)));
        trim_left = scan.take_close();
    }
    push_text(&mut pieces, scan.rest(), trim_left, false);
    Ok(pieces)
}

fn push_text(pieces: &mut Vec<Piece>, plain: &str, trim_left: bool, trim_right: bool) {
    let plain = if trim_left { plain.trim_start_matches(is_blank) } else { plain };
    let plain = if trim_right { plain.trim_end_matches(is_blank) } else { plain };
    if !plain.is_empty() {
        pieces.push(Piece::Text(plain.to_owned()));
    }
}

fn is_blank(c: char) -> bool {
    matches!(c, ' ' | '\t' | '\r' | '\n')
}

fn is_name_char(c: char) -> bool {
    c == '_' || c.is_alphanumeric()
}

struct Scan<'a> {
    text: &'a str,
    at: usize,
}

impl<'a> Scan<'a> {
    fn rest(&self) -> &'a str {
        self.text.get(self.at..).unwrap_or_default()
    }

    fn skip(&mut self, bytes: usize) {
        self.at = self.at.saturating_add(bytes);
    }

    fn take_while(&mut self, accept: impl Fn(char) -> bool) -> &'a str {
        let rest = self.rest();
        let end = rest.find(|c| !accept(c)).unwrap_or(rest.len());
        self.skip(end);
        rest.get(..end).unwrap_or_default()
    }

    fn error<T>(&self, message: impl Into<String>) -> Result<T, SyntaxError> {
        Err(SyntaxError { at: self.at, message: message.into() })
    }

    /// `- ` right after the opening braces.
    fn take_left_trim(&mut self) -> bool {
        let mut chars = self.rest().chars();
        let trims = chars.next() == Some('-') && chars.next().is_some_and(is_blank);
        if trims {
            self.skip(1);
            self.take_while(is_blank);
        }
        trims
    }

    /// Whether the action ends here, with or without a trim marker before the braces.
    fn at_close(&self) -> bool {
        self.rest().starts_with("}}") || self.at_trimmed_close()
    }

    fn at_trimmed_close(&self) -> bool {
        let blank_before = self.text.get(..self.at).is_some_and(|before| before.ends_with(is_blank));
        self.rest().starts_with("-}}") && blank_before
    }

    /// Steps over the closing braces; true when they trim what follows.
    fn take_close(&mut self) -> bool {
        let trims = self.rest().starts_with("-}}");
        self.skip(if trims { 3 } else { 2 });
        trims
    }

    /// Steps over a comment, up to its closing braces.
    fn comment(&mut self) -> Result<Option<Vec<Word>>, SyntaxError> {
        let Some(end) = self.rest().find("*/") else { return self.error("unclosed comment") };
        self.skip(end.saturating_add(2));
        let after_blanks = Scan { text: self.text, at: self.at.saturating_add(1) };
        if self.rest().starts_with(is_blank) && after_blanks.at_trimmed_close() {
            self.skip(1);
        }
        if self.at_close() { Ok(None) } else { self.error("comment ends before closing delimiter") }
    }

    fn words(&mut self, opened_at: usize) -> Result<Vec<Word>, SyntaxError> {
        let mut words = Vec::new();
        loop {
            self.take_while(is_blank);
            if self.at_close() {
                return Ok(words);
            }
            let at = self.at;
            let Some(first) = self.rest().chars().next() else {
                return Err(SyntaxError { at: opened_at, message: "unclosed action".to_owned() });
            };
            let kind = self.word(first)?;
            let source = self.text.get(at..self.at).unwrap_or_default().to_owned();
            words.push(Word { at, source, kind });
        }
    }

    fn word(&mut self, first: char) -> Result<WordKind, SyntaxError> {
        match first {
            '|' => {
                self.skip(1);
                Ok(WordKind::Pipe)
            }
            '"' => self.quoted(),
            '`' => self.raw(),
            '.' | '$' => Ok(WordKind::Path(self.path())),
            c if c.is_ascii_digit() || c == '-' || c == '+' => Ok(WordKind::Number(self.number().to_owned())),
            c if is_name_char(c) => Ok(WordKind::Name(self.take_while(is_name_char).to_owned())),
            c => self.error(format!("{c:?} is not available in these templates")),
        }
    }

    fn path(&mut self) -> String {
        let start = self.at;
        self.skip(1);
        self.take_while(|c| is_name_char(c) || c == '.');
        self.text.get(start..self.at).unwrap_or_default().to_owned()
    }

    fn number(&mut self) -> &'a str {
        let start = self.at;
        self.skip(1);
        self.take_while(|c| c.is_ascii_alphanumeric() || c == '.' || c == '_');
        self.text.get(start..self.at).unwrap_or_default()
    }

    fn raw(&mut self) -> Result<WordKind, SyntaxError> {
        let body = self.rest().get(1..).unwrap_or_default();
        let Some(end) = body.find('`') else { return self.error("unterminated raw quoted string") };
        self.skip(end.saturating_add(2));
        Ok(WordKind::Text(body.get(..end).unwrap_or_default().to_owned()))
    }

    fn quoted(&mut self) -> Result<WordKind, SyntaxError> {
        let mut out = String::new();
        let body = self.rest().get(1..).unwrap_or_default();
        let mut chars = body.char_indices();
        while let Some((i, c)) = chars.next() {
            match c {
                '"' => {
                    self.skip(i.saturating_add(2));
                    return Ok(WordKind::Text(out));
                }
                '\n' => break,
                '\\' => match chars.next().and_then(|(_, escape)| unescape(escape)) {
                    Some(c) => out.push(c),
                    None => return self.error("unknown escape in quoted string"),
                },
                c => out.push(c),
            }
        }
        self.error("unterminated quoted string")
    }
}

fn unescape(escape: char) -> Option<char> {
    Some(match escape {
        'a' => '\x07',
        'b' => '\x08',
        'f' => '\x0c',
        'n' => '\n',
        'r' => '\r',
        't' => '\t',
        'v' => '\x0b',
        '\\' | '"' => escape,
        _ => return None,
    })
}
