//! What follows a backslash.

use regex_syntax::hir::{Hir, Look};

use super::{Node, Parser, Result};

impl<'p> Parser<'p> {
    /// A backslash outside of brackets.
    pub(super) fn backslash(&mut self) -> Result<()> {
        let start = self.rest;
        let mut ahead = start.chars();
        let look = match ahead.nth(1) {
            Some('A') => Look::Start,
            Some('z') => Look::End,
            Some('b') => Look::WordAscii,
            Some('B') => Look::WordAsciiNegate,
            Some('Q') => return self.quoted(),
            _ => return self.escaped_class_or_char(),
        };
        self.rest = ahead.as_str();
        self.current.push(Node::leaf(Hir::look(look)));
        Ok(())
    }

    /// `\Q…\E`: the text between is literal; without `\E`, up to the end.
    fn quoted(&mut self) -> Result<()> {
        let text = self.rest.strip_prefix("\\Q").unwrap_or(self.rest);
        let (literal, rest) = text.split_once("\\E").unwrap_or((text, ""));
        self.rest = rest;
        literal.chars().try_for_each(|c| self.literal(c))
    }

    fn escaped_class_or_char(&mut self) -> Result<()> {
        if let Some(class) = self.escaped_class()? {
            let node = self.class_node(class)?;
            self.current.push(node);
            return Ok(());
        }
        match self.escaped_char()? {
            Some(c) => self.literal(c),
            None => {
                self.current.push(Node::leaf(Hir::fail()));
                Ok(())
            }
        }
    }

    /// The code point that an escape names; `None` when it is a surrogate, which no text contains.
    pub(super) fn escaped_char(&mut self) -> Result<Option<char>> {
        self.escaped_code_point().map(char::from_u32)
    }

    /// The code point that an escape names, at most 0x10FFFF.
    pub(super) fn escaped_code_point(&mut self) -> Result<u32> {
        let start = self.rest;
        self.advance('\\');
        let Some(c) = self.take_char() else {
            return Err(self.error("trailing backslash at end of expression", ""));
        };
        let code_point = match c {
            '0' => Some(self.octal(0)),
            // A single digit would be a back-reference.
            '1'..='7' if self.rest.starts_with(|c: char| c.is_digit(8)) => Some(self.octal(c.to_digit(8).unwrap_or(0))),
            'x' => self.hexadecimal(),
            'a' => Some(0x07),
            'f' => Some(0x0C),
            'n' => Some(0x0A),
            'r' => Some(0x0D),
            't' => Some(0x09),
            'v' => Some(0x0B),
            _ if c.is_ascii() && !c.is_ascii_alphanumeric() => Some(u32::from(c)),
            _ => None,
        };
        code_point.ok_or_else(|| self.error("invalid escape sequence", self.since(start)))
    }

    /// Up to two octal digits more.
    fn octal(&mut self, first: u32) -> u32 {
        let mut value = first;
        for _ in 0..2 {
            let Some(digit) = self.rest.chars().next().and_then(|c| c.to_digit(8)) else { break };
            self.take_char();
            value = value.wrapping_mul(8).wrapping_add(digit);
        }
        value
    }

    /// `\xHH`, or `\x{H…}` with any number of digits.
    fn hexadecimal(&mut self) -> Option<u32> {
        let first = self.take_char()?;
        if first != '{' {
            let second = self.take_char();
            return Some(first.to_digit(16)?.wrapping_mul(16).wrapping_add(second?.to_digit(16)?));
        }
        let mut value = None;
        loop {
            match self.take_char()? {
                '}' => return value,
                c => {
                    let digit = c.to_digit(16)?;
                    let next = value.unwrap_or(0_u32).wrapping_mul(16).wrapping_add(digit);
                    value = Some(next).filter(|v| *v <= u32::from(char::MAX));
                    value?;
                }
            }
        }
    }
}
