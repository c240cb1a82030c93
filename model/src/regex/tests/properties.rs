//! Analysis and fast paths against the engine, on generated patterns.

use proptest::prelude::*;
use proptest::test_runner::RngSeed;

use crate::fuzzing::Subject;

/// Small alphabets, so that texts match by chance.
fn pattern() -> impl Strategy<Value = String> {
    let leaf = prop_oneof![
        4 => "[abk]{1,3}",
        1 => Just(".".to_owned()),
        2 => Just(".*".to_owned()),
        1 => Just(".+".to_owned()),
        1 => Just("[ab]".to_owned()),
        1 => Just("[^a]".to_owned()),
        1 => Just(r"\w".to_owned()),
        1 => Just(r"\b".to_owned()),
        1 => Just("^".to_owned()),
        1 => Just("$".to_owned()),
        1 => Just("é".to_owned()),
        1 => Just("(?i:ab)".to_owned()),
        1 => Just("(?-s:.*)".to_owned()),
        1 => Just(String::new()),
    ];
    leaf.prop_recursive(4, 24, 4, |inner| {
        prop_oneof![
            4 => prop::collection::vec(inner.clone(), 1..4).prop_map(|subs| subs.concat()),
            2 => prop::collection::vec(inner.clone(), 1..4).prop_map(|subs| format!("(?:{})", subs.join("|"))),
            1 => inner.clone().prop_map(|sub| format!("({sub})")),
            2 => (inner, prop_oneof![Just("*"), Just("+"), Just("?"), Just("{2}"), Just("{1,2}"), Just("{2,}?")])
                .prop_map(|(sub, op)| format!("(?:{sub}){op}")),
        ]
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1024, rng_seed: RngSeed::Fixed(1), ..ProptestConfig::default() })]

    #[test]
    fn what_is_known_agrees_with_the_engine(
        pattern in pattern(),
        texts in prop::collection::vec("[abkAKé\n]{0,7}", 24),
    ) {
        let subject = Subject::new(&pattern).unwrap();
        for text in texts.iter().map(String::as_str).chain([""]) {
            subject.check(text);
        }
    }

    /// Texts made from the pattern itself: they match, or nearly so.
    #[test]
    fn what_is_known_makes_texts_that_match(pattern in pattern()) {
        let subject = Subject::new(&pattern).unwrap();
        let regex = &subject.regex;
        for text in regex.literal_set().unwrap_or_default() {
            subject.check(text);
            prop_assert!(regex.is_match(text), "{pattern:?} on {text:?}");
        }
        let known = [&[regex.prefix().to_owned()], regex.contains(), &[regex.suffix().to_owned()]].concat();
        for glue in ["", "a", "b", "\n"] {
            subject.check(&known.join(glue));
        }
    }

    #[test]
    fn any_text_is_a_pattern_or_an_error(
        text in prop_oneof![any::<String>(), r"[()\[\]{}|*+?^$.\\a-cpPQEx0-9:,<>i-]{0,40}"],
    ) {
        if let Some(subject) = Subject::new(&text) {
            subject.check(&text);
            subject.check("");
        }
    }
}
