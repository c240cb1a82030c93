//! Groups: `(…)`, `(?P<name>…)`, `(?<name>…)`, `(?flags)` and `(?flags:…)`.

use super::node::Node;
use super::{Parser, Result};

/// What `(?…)` switches.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Flags {
    /// `i`
    pub(super) fold_case: bool,
    /// `m`
    pub(super) multi_line: bool,
    /// `s`, on at the start
    pub(super) dot_matches_newline: bool,
    /// `U`
    pub(super) swap_greed: bool,
}

impl Default for Flags {
    fn default() -> Self {
        Flags { fold_case: false, multi_line: false, dot_matches_newline: true, swap_greed: false }
    }
}

impl Flags {
    /// Whether `c` is a flag, which is then set to `on`.
    fn set(&mut self, c: char, on: bool) -> bool {
        match c {
            'i' => self.fold_case = on,
            'm' => self.multi_line = on,
            's' => self.dot_matches_newline = on,
            'U' => self.swap_greed = on,
            _ => return false,
        }
        true
    }
}

/// A group whose end has not come yet; the outermost one is the pattern.
#[derive(Default)]
pub(super) struct Frame {
    pub(super) flags_before: Flags,
    pub(super) capture: Option<u32>,
    pub(super) alternatives: Vec<Node>,
    pub(super) items: Vec<Node>,
}

impl Frame {
    pub(super) fn push(&mut self, node: Node) {
        self.items.push(node);
    }

    pub(super) fn take_concat(&mut self) -> Node {
        Node::concat(std::mem::take(&mut self.items))
    }
}

impl<'p> Parser<'p> {
    pub(super) fn open_group(&mut self) -> Result<()> {
        let start = self.rest;
        self.advance('(');
        if !self.rest.starts_with('?') {
            return self.push_group(true, None);
        }
        self.advance('?');
        match self.group_name(start)? {
            Some(name) => self.push_group(true, Some(name.to_owned())),
            None => self.flags_group(start),
        }
    }

    fn push_group(&mut self, captures: bool, name: Option<String>) -> Result<()> {
        if self.open.len() >= self.max_height as usize {
            return Err(self.too_deep());
        }
        let mut frame = Frame { flags_before: self.flags, ..Frame::default() };
        if captures {
            frame.capture = u32::try_from(self.groups.len()).ok();
            self.groups.push(name);
        }
        self.open.push(std::mem::replace(&mut self.current, frame));
        Ok(())
    }

    /// The name of `(?P<name>` and `(?<name>`; the same name may stand at several groups.
    fn group_name(&mut self, start: &'p str) -> Result<Option<&'p str>> {
        let named = self.rest.strip_prefix("P<").or_else(|| self.rest.strip_prefix('<'));
        let Some(named) = named.filter(|named| !named.is_empty()) else { return Ok(None) };
        let Some((name, rest)) = named.split_once('>') else {
            return Err(self.error("invalid named capture", start));
        };
        self.rest = rest;
        if name.is_empty() || !name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_') {
            return Err(self.error("invalid named capture", self.since(start)));
        }
        Ok(Some(name))
    }

    /// `(?flags)` holds to the end of the group around it, `(?flags:…)` within its own.
    fn flags_group(&mut self, start: &'p str) -> Result<()> {
        let mut flags = self.flags;
        let mut on = true;
        // After a minus there must be a flag.
        let mut complete = true;
        while let Some(c) = self.take_char() {
            match c {
                _ if flags.set(c, on) => complete = true,
                '-' if on => (on, complete) = (false, false),
                ':' if complete => {
                    self.push_group(false, None)?;
                    self.flags = flags;
                    return Ok(());
                }
                ')' if complete => {
                    self.flags = flags;
                    return Ok(());
                }
                _ => break,
            }
        }
        Err(self.error("invalid or unsupported Perl syntax", self.since(start)))
    }
}
