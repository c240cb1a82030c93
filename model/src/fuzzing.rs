//! Bodies of the fuzz targets. `cargo test` replays their seeds from `fuzz-corpus`.

use regex_automata::meta;

use crate::regex::GoRegex;

/// The first line is a pattern, the others are texts: whatever a pattern says of itself agrees with its engine.
pub fn regex(data: &[u8]) {
    let Ok(data) = std::str::from_utf8(data) else { return };
    let mut lines = data.split('\n');
    let Some(subject) = lines.next().and_then(Subject::new) else { return };
    let (pattern, prefix, suffix) = (subject.regex.pattern(), subject.regex.prefix(), subject.regex.suffix());
    for text in lines.chain(["", pattern, prefix, suffix]) {
        subject.check(text);
    }
}

/// A pattern under test, beside an engine that knows nothing of fast paths.
pub(crate) struct Subject {
    pub(crate) regex: GoRegex,
    engine: meta::Regex,
}

impl Subject {
    /// `None` when the pattern is refused.
    pub(crate) fn new(pattern: &str) -> Option<Subject> {
        let regex = GoRegex::new(pattern).ok()?;
        let engine = regex.build_engine().ok()?;
        Some(Subject { regex, engine })
    }

    /// Fails where the fast path or the analysis contradicts the engine.
    pub(crate) fn check(&self, text: &str) {
        let Subject { regex, engine } = self;
        let pattern = regex.pattern();
        let matches = engine.is_match(text);
        assert_eq!(regex.is_match(text), matches, "{pattern:?} on {text:?}");
        assert_eq!(regex.expand(text, "$0").as_deref(), matches.then_some(text), "{pattern:?} on {text:?}");
        match regex.literal_set() {
            Some(set) => assert_eq!(set.iter().any(|t| t == text), matches, "{pattern:?} on {text:?}, set {set:?}"),
            None if matches => assert!(has_known_parts(regex, text), "{pattern:?} on {text:?}"),
            None => {}
        }
    }
}

fn has_known_parts(regex: &GoRegex, text: &str) -> bool {
    let between = text.strip_prefix(regex.prefix()).and_then(|rest| rest.strip_suffix(regex.suffix()));
    let after = |rest: &str, part: &String| rest.split_once(part.as_str()).map(|(_, after)| after.to_owned());
    between.is_some_and(|rest| regex.contains().iter().try_fold(rest.to_owned(), |rest, p| after(&rest, p)).is_some())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_corpus_is_replayed() {
        let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/fuzz-corpus/regex");
        let mut seeds = 0;
        for entry in std::fs::read_dir(folder).unwrap() {
            regex(&std::fs::read(entry.unwrap().path()).unwrap());
            seeds += 1;
        }
        assert!(seeds >= 10);
    }
}
