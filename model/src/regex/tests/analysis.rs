//! What is known of a pattern without running it.

use super::super::GoRegex;

fn re(pattern: &str) -> GoRegex {
    GoRegex::new(pattern).unwrap_or_else(|e| panic!("{pattern:?}: {e}"))
}

#[test]
fn literal_sets() {
    let rows: &[(&str, Option<&[&str]>)] = &[
        ("", Some(&[""])),
        ("foo", Some(&["foo"])),
        ("foo|bar", Some(&["bar", "foo"])),
        ("(foo|bar)baz", Some(&["barbaz", "foobaz"])),
        ("^(?:a|b)$", Some(&["a", "b"])),
        ("(^a$|b)", Some(&["a", "b"])),
        ("a?", Some(&["", "a"])),
        ("a{2,3}", Some(&["aa", "aaa"])),
        ("[ab][cd]", Some(&["ac", "ad", "bc", "bd"])),
        ("50[03]|404", Some(&["404", "500", "503"])),
        ("(?i)ab", Some(&["AB", "Ab", "aB", "ab"])),
        ("(?i)k", Some(&["K", "k", "\u{212A}"])),
        ("a|a|a", Some(&["a"])),
        ("|a", Some(&["", "a"])),
        (r"\x{D800}", Some(&[])),
        (r"a\.b", Some(&["a.b"])),
        ("(a|b)(c|)", Some(&["a", "ac", "b", "bc"])),
        ("a*", None),
        ("a.", None),
        ("a+|b", None),
        (r"\d\d\d", None),
        ("a^b", None),
        (r"\ba", None),
        ("(?m)^a", None),
    ];
    for (pattern, expected) in rows {
        let expected = expected.map(|set| set.iter().map(|s| (*s).to_owned()).collect::<Vec<_>>());
        assert_eq!(re(pattern).literal_set().map(<[String]>::to_vec), expected, "{pattern:?}");
    }
}

#[test]
fn the_set_is_given_up_beyond_256_texts() {
    assert_eq!(re("[0-9a-f][0-9a-f]").literal_set().map(<[String]>::len), Some(256));
    assert_eq!(re("[0-9a-g][0-9a-f]").literal_set(), None);
    let numbers = |n: usize| (0..n).map(|i| i.to_string()).collect::<Vec<_>>().join("|");
    assert_eq!(re(&numbers(256)).literal_set().map(<[String]>::len), Some(256));
    let beyond = re(&numbers(257));
    assert_eq!(beyond.literal_set(), None);
    assert!(beyond.is_match("256") && !beyond.is_match("257"));
}

#[test]
fn prefix_suffix_and_what_is_between() {
    let rows: &[(&str, &str, &str, &[&str])] = &[
        ("foo.*", "foo", "", &[]),
        (".*foo", "", "foo", &[]),
        (".*foo.*", "", "", &["foo"]),
        ("a.*b.*c", "a", "c", &["b"]),
        (".*a.*b.*", "", "", &["a", "b"]),
        ("foo(bar|baz).*", "fooba", "", &[]),
        (".*(foo|bar)x", "", "x", &[]),
        (".*-(eu|us)-.*", "", "", &["-"]),
        ("(foo.*|fob.*)", "fo", "", &[]),
        ("(.*foo|.*boo)", "", "oo", &[]),
        ("xa+y", "xa", "y", &[]),
        ("(?:a.b){2,}", "a", "b", &[]),
        ("(?:a.b)+c", "a", "bc", &[]),
        (r"foo\b.*", "foo", "", &[]),
        (r"^foo\d+bar$", "foo", "bar", &[]),
        (r"10\.\d+\.0\.\d+", "10.", "", &[".0."]),
        ("(?i)foo.*", "", "", &[]),
        ("(?i)1-foo.*", "1-", "", &[]),
        ("a(b.*c)d", "ab", "cd", &[]),
        ("(a|a.*a)", "a", "", &[]),
        ("é.*ü", "é", "ü", &[]),
        ("(?:é|è).*", "", "", &[]),
        ("foo", "foo", "foo", &[]),
        (".*", "", "", &[]),
        ("", "", "", &[]),
    ];
    for (pattern, prefix, suffix, contains) in rows {
        let re = re(pattern);
        assert_eq!((re.prefix(), re.suffix()), (*prefix, *suffix), "{pattern:?}");
        assert_eq!(re.contains(), *contains, "{pattern:?}");
    }
}

#[test]
fn the_engine_is_the_exception() {
    for pattern in ["foo", "foo|bar", ".*", ".+", "foo.*", ".*foo", ".*foo.*", "a.+b", "^foo$", "(?i)ok", "a.*b.*c"] {
        assert!(re(pattern).inner.engine.is_none(), "{pattern}");
    }
    for pattern in ["fo+", r"\d+", "(foo.*)"] {
        assert!(re(pattern).inner.engine.is_some(), "{pattern}");
    }
}

#[test]
fn programs_are_compiled_when_something_is_matched() {
    for pattern in ["fo+", "(a|b)c*d", r"[a-z]+\d", ".{20}"] {
        let regex = re(pattern);
        let expected = regex.program_bytes();
        assert!(!regex.is_compiled() && expected > 0, "{pattern}");
        assert!(!regex.is_match("an other text"));
        regex.inner.engine.as_ref().unwrap().get();
        assert!(regex.is_compiled() && regex.program_bytes() > 0, "{pattern}");
    }
    assert_eq!(re("foo.*").program_bytes(), 0);
    // Of what might be too large the size is found out at once; it is compiled no earlier.
    assert!(!re(r"\pL{40}").is_compiled());
    assert!(GoRegex::new(r"(?:\pL{30}){30}").is_err());
}
