//! How large a pattern can become when it is compiled, told from its syntax tree.

use regex_syntax::hir::{Class, ClassUnicodeRange, Hir, HirKind};
use regex_syntax::utf8::Utf8Sequences;

/// Bytes of a state and of what leads out of it, with room to spare.
const STATE: usize = 48;

/// Bytes of the states that spell one range of code points in UTF-8. All that is not ASCII, with or without some of ASCII, is nine
/// sequences that share their ends.
fn range(range: &ClassUnicodeRange) -> usize {
    let states = match (range.start(), range.end()) {
        (_, end) if end.is_ascii() => 1,
        (start, char::MAX) if start <= '\u{80}' => 10,
        (start, end) => Utf8Sequences::new(start, end).map(|sequence| sequence.len()).sum(),
    };
    states * STATE
}

/// An upper bound of the bytes of the compiled pattern, to the accuracy of a small factor. Linear in the tree; what repeats is
/// counted as often as it is copied.
pub(super) fn upper_bound(hir: &Hir) -> usize {
    let sum = |parts: &[Hir]| {
        parts.iter().fold(STATE, |sum, part| sum.saturating_add(STATE).saturating_add(upper_bound(part)))
    };
    match hir.kind() {
        HirKind::Empty | HirKind::Look(_) => STATE,
        HirKind::Literal(literal) => literal.0.len().saturating_mul(STATE),
        HirKind::Class(Class::Unicode(class)) => class.ranges().iter().map(range).fold(STATE, usize::saturating_add),
        HirKind::Class(Class::Bytes(class)) => class.ranges().len().saturating_mul(STATE),
        HirKind::Repetition(repetition) => {
            let copies = repetition.max.unwrap_or(repetition.min).saturating_add(1) as usize;
            upper_bound(&repetition.sub).saturating_add(2 * STATE).saturating_mul(copies)
        }
        HirKind::Capture(capture) => upper_bound(&capture.sub).saturating_add(2 * STATE),
        HirKind::Concat(parts) | HirKind::Alternation(parts) => sum(parts),
    }
}

#[cfg(test)]
mod tests {
    use regex_automata::nfa::thompson;

    use super::*;
    use crate::limits::Limits;
    use crate::regex::parse::parse;

    #[test]
    fn bounds_are_seven_fifths_of_automata() {
        for pattern in [
            ".{200}",
            "[^a]{200}",
            "[a-z]{200}",
            "(a|b){200}",
            "(?:abc|d.e|f+)*",
            r"\pL{30}",
            "[\u{e0}-\u{10ffff}]{50}",
            "[\u{80}-\u{10ffff}]{50}",
            "(?i)straße+",
            "a?b*c+",
        ] {
            let hir = parse(pattern, &Limits::standard()).unwrap().hir;
            let automaton = thompson::Compiler::new().build_from_hir(&hir).unwrap();
            let (bytes, bound) = (automaton.memory_usage(), upper_bound(&hir));
            // What every automaton has counts for little in a large one.
            assert!(bytes.saturating_sub(600) * 7 / 5 <= bound, "{pattern}: {bytes} bytes, bound {bound}");
        }
    }
}
