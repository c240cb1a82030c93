//! Limits, and patterns that mean harm.

use super::super::{GoRegex, RegexError};
use crate::limits::Limits;

const LIMITS: Limits = Limits::standard();

/// Runs on a stack that recursion by input length would overflow.
fn on_a_small_stack(work: impl FnOnce() + Send + 'static) {
    std::thread::Builder::new().stack_size(256 << 10).spawn(work).unwrap().join().unwrap();
}

#[test]
fn length_is_limited() {
    let longest = "a".repeat(LIMITS.max_regex_bytes);
    assert!(GoRegex::new(&longest).is_ok());
    let too_long = GoRegex::new(&(longest + "a")).unwrap_err();
    assert_eq!(too_long, RegexError::Limit { what: "length in bytes", limit: LIMITS.max_regex_bytes });
}

#[test]
fn nesting_is_limited() {
    let nested = |open: &str, close: &str, n: usize| GoRegex::new(&(open.repeat(n) + "a" + &close.repeat(n)));
    on_a_small_stack(move || {
        let depth = LIMITS.max_regex_depth as usize;
        assert!(nested("(", ")", depth - 1).is_ok());
        for (open, close) in [("(", ")"), ("(?:", ")"), ("(?:", ")*"), ("(?:x|", ")"), ("(?:.", ".)"), ("(b|", "c)*")] {
            let error = nested(open, close, depth + 1).unwrap_err().to_string();
            assert!(error.contains("expression nests too deeply"), "{open}{close}: {error}");
        }
    });
}

#[test]
fn the_deepest_tree_of_every_kind_is_walked_on_a_small_stack() {
    on_a_small_stack(|| {
        for (open, close) in
            [("(", ")"), ("(?:", ")*"), ("(?:x|", "y)"), ("(?:.", ".)"), ("(b|", "c)*"), ("(?i:(", "))")]
        {
            let deepest = (1..=LIMITS.max_regex_depth as usize)
                .rev()
                .find_map(|n| GoRegex::new(&(open.repeat(n) + "a" + &close.repeat(n))).ok());
            let deepest = deepest.expect("some depth is allowed");
            assert!(deepest.pattern().len() > 50);
            assert_eq!(deepest.is_match("no"), deepest.clone().is_match("no"));
        }
    });
}

#[test]
fn compiled_size_is_limited() {
    for pattern in [r"(\pL{100}){10}", r"\pL{1000}", "((a{100}){10}|b)".repeat(2000).as_str()] {
        let error = GoRegex::new(pattern).unwrap_err();
        let limit = LIMITS.max_regex_program_bytes;
        assert_eq!(error, RegexError::Limit { what: "compiled size in bytes", limit }, "{pattern:.20}");
    }
    let classes = GoRegex::new(&r"\pL".repeat(20_000)).unwrap_err();
    assert!(matches!(classes, RegexError::Limit { what: "size of character classes", .. }), "{classes}");
    let folded = GoRegex::new(&"(?i)[B-\u{10FFFF}]".repeat(3_000)).unwrap_err();
    assert!(matches!(folded, RegexError::Limit { what: "size of character classes", .. }), "{folded}");
}

/// A mebibyte of each: refused for its length, and when cut to the limit, read in one pass on a small stack.
#[test]
fn hostile_input_is_refused_or_read() {
    let units = [
        "(", ")", "(?:", "(?i:", "[", "[[:", "[a-", "\\", "\\Q", "\\x{", "\\p{", "{", "{1", "a{1,", "a*", "a?", "|",
        "(|", "(a|", "^", "$", "^$", "\\b", ".*", ".+a", "(?P<a>", "(a)", "é", "(?i)", "[^a]", "\\pN", "a{500}",
        "[a]?",
    ];
    on_a_small_stack(move || {
        for unit in units {
            let megabyte = unit.repeat((1 << 20) / unit.len());
            assert!(matches!(GoRegex::new(&megabyte), Err(RegexError::Limit { .. })), "{unit}");
            let longest = unit.repeat(LIMITS.max_regex_bytes / unit.len());
            if let Ok(re) = GoRegex::new(&longest) {
                assert_eq!(re.matches_empty(), re.is_match(""), "{unit}");
            }
        }
    });
}
