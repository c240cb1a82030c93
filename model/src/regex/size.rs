//! How large a pattern can become when it is compiled, told from its syntax tree.

use regex_syntax::hir::{Class, Hir, HirKind};

/// Bytes of a state and of what leads out of it, with room to spare.
const STATE: usize = 48;

/// Bytes of the states that spell one range of code points in UTF-8: at most ten sequences of at most four bytes.
const RANGE: usize = 10 * 4 * STATE;

/// An upper bound of the bytes of the compiled pattern, to the accuracy of a small factor. Linear in the tree; what repeats is
/// counted as often as it is copied.
pub(super) fn upper_bound(hir: &Hir) -> usize {
    let sum = |parts: &[Hir]| {
        parts.iter().fold(STATE, |sum, part| sum.saturating_add(STATE).saturating_add(upper_bound(part)))
    };
    match hir.kind() {
        HirKind::Empty | HirKind::Look(_) => STATE,
        HirKind::Literal(literal) => literal.0.len().saturating_mul(STATE),
        HirKind::Class(Class::Unicode(class)) => class.ranges().len().saturating_mul(RANGE),
        HirKind::Class(Class::Bytes(class)) => class.ranges().len().saturating_mul(STATE),
        HirKind::Repetition(repetition) => {
            let copies = repetition.max.unwrap_or(repetition.min).saturating_add(1) as usize;
            upper_bound(&repetition.sub).saturating_add(2 * STATE).saturating_mul(copies)
        }
        HirKind::Capture(capture) => upper_bound(&capture.sub).saturating_add(2 * STATE),
        HirKind::Concat(parts) | HirKind::Alternation(parts) => sum(parts),
    }
}
