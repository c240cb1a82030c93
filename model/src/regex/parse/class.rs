//! Character classes: `[…]`, `\d`, `[:alpha:]`, `\p{…}`.

use regex_syntax::hir::{Class, ClassUnicode, ClassUnicodeRange, Hir};

use super::node::Node;
use super::{Parser, RegexError, Result, unicode};

/// Room for the ranges of all classes of a pattern: few bytes of pattern can name thousands of ranges.
pub(super) struct ClassBudget {
    left: usize,
    limit_bytes: usize,
}

impl ClassBudget {
    pub(super) fn new(limit_bytes: usize) -> Self {
        ClassBudget { left: limit_bytes.checked_div(size_of::<ClassUnicodeRange>()).unwrap_or(0), limit_bytes }
    }

    /// Accounts for so many ranges, or for the work of making them.
    pub(super) fn take(&mut self, ranges: usize) -> Result<()> {
        let exceeded = RegexError::Limit { what: "size of character classes", limit: self.limit_bytes };
        self.left = self.left.checked_sub(ranges).ok_or(exceeded)?;
        Ok(())
    }
}

/// The classes that Perl escapes and POSIX names stand for, all within ASCII.
type Ascii = &'static [(char, char)];

const DIGIT: Ascii = &[('0', '9')];
// Without the vertical tab, unlike the POSIX class.
const PERL_SPACE: Ascii = &[('\t', '\n'), ('\x0C', '\r'), (' ', ' ')];
const WORD: Ascii = &[('0', '9'), ('A', 'Z'), ('_', '_'), ('a', 'z')];

fn perl_class(c: char) -> Option<(Ascii, bool)> {
    Some(match c {
        'd' => (DIGIT, false),
        'D' => (DIGIT, true),
        's' => (PERL_SPACE, false),
        'S' => (PERL_SPACE, true),
        'w' => (WORD, false),
        'W' => (WORD, true),
        _ => return None,
    })
}

fn posix_class(name: &str) -> Option<Ascii> {
    Some(match name {
        "alnum" => &[('0', '9'), ('A', 'Z'), ('a', 'z')],
        "alpha" => &[('A', 'Z'), ('a', 'z')],
        "ascii" => &[('\0', '\x7F')],
        "blank" => &[('\t', '\t'), (' ', ' ')],
        "cntrl" => &[('\0', '\x1F'), ('\x7F', '\x7F')],
        "digit" => DIGIT,
        "graph" => &[('!', '~')],
        "lower" => &[('a', 'z')],
        "print" => &[(' ', '~')],
        "punct" => &[('!', '/'), (':', '@'), ('[', '`'), ('{', '~')],
        "space" => &[('\t', '\r'), (' ', ' ')],
        "upper" => &[('A', 'Z')],
        "word" => WORD,
        "xdigit" => &[('0', '9'), ('A', 'F'), ('a', 'f')],
        _ => return None,
    })
}

impl<'p> Parser<'p> {
    /// `[…]`. Only a class name, an escape or a range is special inside: `[a&&b]` and `[[a]` hold literal characters.
    pub(super) fn bracket_class(&mut self) -> Result<()> {
        let start = self.rest;
        self.advance('[');
        let negated = self.rest.starts_with('^');
        if negated {
            self.advance('^');
        }
        let mut items = Vec::new();
        let mut first = true;
        // A closing bracket in the first place is a literal.
        while first || !self.rest.starts_with(']') {
            first = false;
            match self.named_class()? {
                Some(class) => items.extend_from_slice(class.ranges()),
                None => self.class_range(start, &mut items)?,
            }
        }
        self.advance(']');
        let mut class = ClassUnicode::new(items);
        if negated {
            class.negate();
        }
        let node = self.class_node(class)?;
        self.current.push(node);
        Ok(())
    }

    fn named_class(&mut self) -> Result<Option<ClassUnicode>> {
        match self.posix_class()? {
            Some(class) => Ok(Some(class)),
            None => self.escaped_class(),
        }
    }

    /// `[:name:]` or `[:^name:]`. Without `:]` later on, the bracket is a literal.
    fn posix_class(&mut self) -> Result<Option<ClassUnicode>> {
        let start = self.rest;
        let Some(inside) = start.strip_prefix("[:").filter(|_| !self.no_class_name_ends) else { return Ok(None) };
        let Some((name, rest)) = inside.split_once(":]") else {
            self.no_class_name_ends = true;
            return Ok(None);
        };
        self.rest = rest;
        let (name, negated) = name.strip_prefix('^').map_or((name, false), |name| (name, true));
        match posix_class(name) {
            Some(ranges) => self.ascii_class(ranges, negated).map(Some),
            None => Err(self.error("invalid character class range", self.since(start))),
        }
    }

    /// `\d` and the like, or `\p{…}`, where one stands next.
    pub(super) fn escaped_class(&mut self) -> Result<Option<ClassUnicode>> {
        let mut ahead = self.rest.chars();
        if ahead.next() != Some('\\') {
            return Ok(None);
        }
        match ahead.next() {
            Some('p' | 'P') => self.unicode_class().map(Some),
            Some(c) => match perl_class(c) {
                Some((ranges, negated)) => {
                    self.rest = ahead.as_str();
                    self.ascii_class(ranges, negated).map(Some)
                }
                None => Ok(None),
            },
            None => Ok(None),
        }
    }

    /// `\pN`, `\p{Name}`, `\p{^Name}`; a capital P negates once more.
    fn unicode_class(&mut self) -> Result<ClassUnicode> {
        let start = self.rest;
        self.advance('\\');
        let mut negated = self.take_char() == Some('P');
        let name_start = self.rest;
        let name = match self.take_char() {
            Some('{') => match self.rest.split_once('}') {
                Some((name, rest)) => {
                    self.rest = rest;
                    name
                }
                None => return Err(self.error("invalid character class range", start)),
            },
            _ => self.since(name_start),
        };
        let name = match name.strip_prefix('^') {
            Some(name) => {
                negated = !negated;
                name
            }
            None => name,
        };
        let Some(class) = unicode::class(name) else {
            return Err(self.error("invalid character class range", self.since(start)));
        };
        self.finish_named(class, negated)
    }

    fn ascii_class(&mut self, ranges: Ascii, negated: bool) -> Result<ClassUnicode> {
        let class = ClassUnicode::new(ranges.iter().map(|(a, b)| ClassUnicodeRange::new(*a, *b)));
        self.finish_named(class, negated)
    }

    /// A named class is folded on its own, and then negated: `(?i)\W` has no letter, whatever its case.
    fn finish_named(&mut self, mut class: ClassUnicode, negated: bool) -> Result<ClassUnicode> {
        if self.flags.fold_case {
            self.folder.fold(&mut class, &mut self.classes)?;
        }
        if negated {
            class.negate();
        }
        self.classes.take(class.ranges().len())?;
        Ok(class)
    }

    /// One character, or a range of two.
    fn class_range(&mut self, class_start: &'p str, items: &mut Vec<ClassUnicodeRange>) -> Result<()> {
        let start = self.rest;
        let low = self.class_code_point(class_start)?;
        let mut high = low;
        let mut ahead = self.rest.chars();
        if ahead.next() == Some('-') && ahead.next().is_some_and(|c| c != ']') {
            self.advance('-');
            high = self.class_code_point(class_start)?;
            if high < low {
                return Err(self.error("invalid character class range", self.since(start)));
            }
        }
        let Some(range) = without_surrogates(low, high) else { return Ok(()) };
        self.push_range(range, items)
    }

    fn push_range(&mut self, range: ClassUnicodeRange, items: &mut Vec<ClassUnicodeRange>) -> Result<()> {
        self.classes.take(1)?;
        if !self.flags.fold_case {
            items.push(range);
            return Ok(());
        }
        let mut folded = ClassUnicode::new([range]);
        self.folder.fold(&mut folded, &mut self.classes)?;
        items.extend_from_slice(folded.ranges());
        Ok(())
    }

    fn class_code_point(&mut self, class_start: &'p str) -> Result<u32> {
        if self.rest.starts_with('\\') {
            return self.escaped_code_point();
        }
        match self.take_char() {
            Some(c) => Ok(u32::from(c)),
            None => Err(self.error("missing closing ]", class_start)),
        }
    }

    pub(super) fn class_node(&mut self, class: ClassUnicode) -> Result<Node> {
        self.classes.take(class.ranges().len())?;
        Ok(Node::leaf(Hir::class(Class::Unicode(class))))
    }

    pub(super) fn folded_literal(&mut self, c: char) -> Result<Node> {
        let mut class = ClassUnicode::new([ClassUnicodeRange::new(c, c)]);
        self.folder.fold(&mut class, &mut self.classes)?;
        match class.ranges() {
            [only] if only.start() == only.end() => Ok(Node::char(c)),
            _ => self.class_node(class),
        }
    }
}

/// The characters of a range of code points; `None` when it holds surrogates alone.
fn without_surrogates(low: u32, high: u32) -> Option<ClassUnicodeRange> {
    let low = char::from_u32(low).unwrap_or('\u{E000}');
    let high = char::from_u32(high).unwrap_or('\u{D7FF}');
    (low <= high).then(|| ClassUnicodeRange::new(low, high))
}
