//! What parsing costs, counted at the allocator: it grows with the length of a text and no faster, whatever the text, and ends at
//! the limit on parts.
#![cfg(feature = "parser")]

use allocation_counter::{AllocationInfo, measure};
use promethium_promql::Features;
use promethium_promql::parser::{ParserOptions, parse};

/// What is repeated, with `%` for a number that no other repetition has, and what ends the text.
const HOSTILE: &[(&str, &str)] = &[
    ("a+", "a"),
    ("a%+", "a"),
    ("1 -", "1"),
    ("2^", "1"),
    ("-", "1"),
    ("(", "1"),
    ("abs(", "a"),
    ("a[1m] + ", "a"),
    ("a[1m:1m] or ", "a"),
    ("a offset 1m or ", "a"),
    ("a[1+1]+", "a"),
    ("a or on(b) group_left(c) ", "a"),
    ("{a=\"b\"} or ", "a"),
    ("{a=~\"%.x+\"} or ", "a"),
    ("{a=~\"(%.|b)+\"} or ", "a"),
    ("{a=\"b\",", "}"),
    ("sum by (a,", "b)(a)"),
    ("sum by (a) (a) + ", "a"),
    ("label_join(a, \"b\",", "\"c\")"),
    ("\"\\x61\" + ", "a"),
    ("# a\n", "a"),
    (" ", "a"),
    ("fill ", "a"),
    ("\u{e9}", "a"),
    ("a[", "1m]"),
    ("a[(", "1m]"),
    ("a[step()+", "1m]"),
    ("a[min_of(1,", "1)]"),
];

const LISTS: &[(&str, &str, &str)] = &[
    ("sum by (", "a%,", "b)(a)"),
    ("a / on(", "a%,", ") group_left(b%) b"),
    ("{", "a=\"b\",", "}"),
    ("{", "a%!~\".+x\",", "b=\"c\"}"),
    ("label_join(a,", "\"b\",", "\"c\")"),
    ("a[", "1+", "1]"),
    ("a[", "1^", "1]"),
    ("\"", "\\x61", "\""),
    ("{a=~\"", "(a|b)", "\"}"),
    ("{a=~\"", "x%.y|", "\"}"),
    ("{a=~\"", "[a-p]", "\"}"),
    ("{a=~\"", "(?:ab|c)?", "\"}"),
];

fn options(max_parts: usize) -> ParserOptions {
    let mut options = ParserOptions::default();
    options.features = Features::all();
    options.max_bytes = usize::MAX;
    options.max_parts = max_parts;
    options
}

fn text(head: &str, unit: &str, tail: &str, bytes: usize) -> String {
    let mut text = head.to_owned();
    let mut n = 0;
    while text.len() + tail.len() < bytes {
        text.push_str(&unit.replace('%', &n.to_string()));
        n += 1;
    }
    text + tail
}

fn texts(bytes: usize) -> impl Iterator<Item = (String, String)> {
    let of = move |head, unit, tail| (format!("{head}{unit}{tail}"), text(head, unit, tail, bytes));
    let plain = HOSTILE.iter().map(move |(unit, tail)| of("", unit, tail));
    plain.chain(LISTS.iter().map(move |(head, unit, tail)| of(head, unit, tail)))
}

fn work(text: &str, max_parts: usize) -> AllocationInfo {
    let options = options(max_parts);
    measure(|| drop(parse(text, &options)))
}

/// Vectors double, so that a length just above a power of two pays for the next.
const GROWTH: f64 = 2.5;

/// What every text may take that is refused at its first bytes.
const FIXED: u64 = 64;

#[test]
fn work_grows_with_the_length_of_any_text() {
    for ((kind, once), (_, twice)) in texts(48 << 10).zip(texts(96 << 10)) {
        let (once, twice) = (work(&once, usize::MAX), work(&twice, usize::MAX));
        let linear = |a: u64, b: u64, fixed: u64| b as f64 <= GROWTH * a.max(fixed) as f64;
        let (a, b) = (once.count_total, twice.count_total);
        assert!(linear(a, b, FIXED), "{kind}: {a} allocations, {b} for twice the length");
        let (a, b) = (once.bytes_total, twice.bytes_total);
        assert!(linear(a, b, FIXED << 8), "{kind}: {a} bytes, {b} for twice the length");
    }
}

/// Patterns as long as they may be, many of them.
#[test]
fn long_patterns_are_read_in_linear_work() {
    for unit in ["(a|b)", "[0-9a-z]", "x.y|", "(?:ab|c){1,3}", "[^a]", ".", "(?i:k)"] {
        let pattern = |bytes: usize| format!("{{a=~\"{}z\"}}", unit.repeat(bytes / unit.len()));
        let [once, twice] = [30_000, 60_000].map(|bytes| work(&pattern(bytes), usize::MAX).count_total);
        assert!(twice as f64 <= GROWTH * once as f64, "{unit}: {once} allocations, {twice} for twice the length");
        assert!(twice < 12 * 60_000, "{unit}: {twice} allocations");
    }
}

#[test]
fn a_mebibyte_of_anything_ends_at_the_limit_on_parts() {
    let limit = ParserOptions::default().max_parts;
    for (kind, text) in texts(1 << 20) {
        let work = work(&text, limit);
        // A matcher of a pattern counts sixteen parts and takes some sixty allocations.
        assert!(work.count_total <= 5 * limit as u64, "{kind}: {} allocations", work.count_total);
        assert!(work.bytes_max <= 12 << 20, "{kind}: {} bytes at once", work.bytes_max);
    }
}

#[test]
fn the_limit_on_parts_is_met_exactly() {
    for (query, parts) in [
        ("a", 1),
        ("a + b", 3),
        ("sum by (a, b) (rate(c{d=\"e\"}[5m]))", 7),
        ("a[1m+1m]", 3),
        ("{a=~\"b+\"}", 17),
        ("{a=~\"0123456789abcdef+\"}", 22),
    ] {
        assert!(parse(query, &options(parts)).is_ok(), "{query} has more than {parts} parts");
        let error = parse(query, &options(parts - 1)).unwrap_err();
        assert_eq!(error.message, format!("expression has more than {} parts", parts - 1), "{query}");
    }
}

#[test]
fn what_is_asked_every_day_takes_few_allocations() {
    for (query, most) in [
        ("up", 1),
        ("1 + 2/(3*1)", 2),
        ("foo and bar unless baz or qux", 2),
        ("sum by (instance) (rate(node_cpu_seconds_total[5m]))", 4),
        ("foo / ignoring(test,blub) group_left(blub) bar", 5),
    ] {
        let work = work(query, 100);
        assert!(work.count_total <= most, "{query} took {} allocations", work.count_total);
    }
}
