//! Pieces of a pattern on their way to a [`Hir`].

use regex_syntax::hir::Hir;

/// A piece, with what the limits ask about it.
pub(super) struct Node {
    kind: Kind,
    /// Levels of the tree, 1 for a leaf.
    pub(super) height: u32,
    /// Copies that counted repetitions make of the innermost piece.
    pub(super) copies: u32,
}

enum Kind {
    // Characters stay apart until the concatenation is complete: a repetition takes only the last one.
    Char(char),
    Hir(Hir),
}

impl Node {
    pub(super) fn char(c: char) -> Node {
        Node { kind: Kind::Char(c), height: 1, copies: 1 }
    }

    pub(super) fn leaf(hir: Hir) -> Node {
        Node { kind: Kind::Hir(hir), height: 1, copies: 1 }
    }

    pub(super) fn into_hir(self) -> Hir {
        match self.kind {
            Kind::Char(c) => Hir::literal(c.to_string().into_bytes()),
            Kind::Hir(hir) => hir,
        }
    }

    /// A level around the piece.
    pub(super) fn wrap(self, around: impl FnOnce(Hir) -> Hir) -> Node {
        let (height, copies) = (self.height.saturating_add(1), self.copies);
        Node { kind: Kind::Hir(around(self.into_hir())), height, copies }
    }

    pub(super) fn alternation(nodes: Vec<Node>) -> Node {
        Node::join(nodes, |nodes| Hir::alternation(nodes.into_iter().map(Node::into_hir).collect()))
    }

    pub(super) fn concat(nodes: Vec<Node>) -> Node {
        Node::join(nodes, |nodes| Hir::concat(merge_chars(nodes)))
    }

    fn join(mut nodes: Vec<Node>, join: impl FnOnce(Vec<Node>) -> Hir) -> Node {
        if nodes.len() == 1
            && let Some(only) = nodes.pop()
        {
            return only;
        }
        let height = nodes.iter().map(|n| n.height).max().unwrap_or(0).saturating_add(1);
        let copies = nodes.iter().map(|n| n.copies).max().unwrap_or(1);
        Node { kind: Kind::Hir(join(nodes)), height, copies }
    }
}

/// Runs of characters become one literal each.
fn merge_chars(nodes: Vec<Node>) -> Vec<Hir> {
    let mut merged = Vec::new();
    let mut text = String::new();
    for node in nodes {
        match node.kind {
            Kind::Char(c) => text.push(c),
            Kind::Hir(hir) => {
                flush(&mut text, &mut merged);
                merged.push(hir);
            }
        }
    }
    flush(&mut text, &mut merged);
    merged
}

fn flush(text: &mut String, into: &mut Vec<Hir>) {
    if !text.is_empty() {
        into.push(Hir::literal(std::mem::take(text).into_bytes()));
    }
}
