//! Templates.

use super::super::GoRegex;

#[test]
fn templates_expand_as_in_go() {
    let rows = [
        ("(a)(b)", "ab", "$2$1", "ba"),
        ("(a)(b)", "ab", "${2}1", "b1"),
        ("(a)(b)", "ab", "$21", ""),
        ("(a)(b)", "ab", "$0", "ab"),
        ("(a)(b)", "ab", "$3", ""),
        ("(a)(b)", "ab", "$1x", ""),
        ("(a)(b)", "ab", "$1-x", "a-x"),
        ("(a)(b)", "ab", "$1_", ""),
        ("(a)(b)", "ab", "${1}_", "a_"),
        ("(a)(b)", "ab", "$01", ""),
        ("(a)(b)", "ab", "${01}", ""),
        ("(a)(b)", "ab", "$1000000000000", ""),
        ("(?P<x>a)b", "ab", "$x", "a"),
        ("(?P<x>a)b", "ab", "${x}y", "ay"),
        ("(?P<x>a)b", "ab", "$xy", ""),
        ("(?P<x>a)b", "ab", "$x.y", "a.y"),
        ("(?<x>a)b", "ab", "$1$x", "aa"),
        ("(?P<x>a)|(?P<x>b)", "b", "$x", "b"),
        ("(?P<x>a)(?P<x>b)", "ab", "$x", "a"),
        ("(?P<7>a)(?P<seven>b)", "ab", "$7", ""),
        ("(a)|(b)", "b", "[$1][$2]", "[][b]"),
        ("(a)", "a", "$", "$"),
        ("(a)", "a", "$$", "$"),
        ("(a)", "a", "$$1", "$1"),
        ("(a)", "a", "$$$1", "$a"),
        ("(a)", "a", "a$", "a$"),
        ("(a)", "a", "$-", "$-"),
        ("(a)", "a", "${", "${"),
        ("(a)", "a", "${}", "${}"),
        ("(a)", "a", "${1", "${1"),
        ("(a)", "a", "${1-}", "${1-}"),
        ("(a)", "a", "${-1}", "${-1}"),
        ("(a)", "a", "$ 1", "$ 1"),
        ("(a)", "a", "é$1é", "é"),
        ("(a)", "a", "$1·", "a·"),
        ("(a)", "a", "$1٣", ""),
        ("(a)", "a", "$1\u{301}", "a\u{301}"),
        ("(.*)", "", "x$1", "x"),
        ("(.*)", "host:9100", "$1", "host:9100"),
        ("([^:]+)(?::\\d+)?", "host:9100", "${1}:80", "host:80"),
        ("a.*", "abc", "$0-$1", "abc-"),
        ("(a*)(a*)", "aaa", "$1|$2", "aaa|"),
        ("(a*?)(a*)", "aaa", "$1|$2", "|aaa"),
        ("(?U)(a*)(a*)", "aaa", "$1|$2", "|aaa"),
        ("(a|ab)(c|bcd)?(d*)", "abcd", "$1,$2,$3", "a,bcd,"),
        ("(a){0}(b)", "b", "$1,$2", ",b"),
    ];
    for (pattern, text, template, expected) in rows {
        let re = GoRegex::new(pattern).unwrap_or_else(|e| panic!("{pattern:?}: {e}"));
        assert_eq!(re.expand(text, template).as_deref(), Some(expected), "{pattern:?} {text:?} {template:?}");
    }
}

#[test]
fn without_a_match_there_is_nothing_to_expand() {
    for pattern in ["a", "(a)", "a.+", "(a|b)+c"] {
        assert_eq!(GoRegex::new(pattern).unwrap().expand("x", "$0"), None, "{pattern}");
    }
}
