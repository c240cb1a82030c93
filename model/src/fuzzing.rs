//! Bodies of the fuzz targets. `cargo test` replays their seeds from `fuzz-corpus`.

use crate::regex::GoRegex;

/// The first line is a pattern, the others are texts: whatever a pattern says of itself agrees with its engine.
pub fn regex(data: &[u8]) {
    let Ok(data) = std::str::from_utf8(data) else { return };
    let mut lines = data.split('\n');
    let Some(re) = lines.next().and_then(|pattern| GoRegex::new(pattern).ok()) else { return };
    for text in lines.chain(["", re.pattern(), re.prefix(), re.suffix()]) {
        agrees_with_engine(&re, text);
    }
}

/// Fails where the fast path or the analysis of a pattern contradicts its engine.
///
/// # Panics
///
/// On a contradiction.
pub fn agrees_with_engine(re: &GoRegex, text: &str) {
    let pattern = re.pattern();
    let matches = re.is_match_by_engine(text);
    assert_eq!(re.is_match(text), matches, "{pattern:?} on {text:?}");
    assert_eq!(re.expand(text, "$0").as_deref(), matches.then_some(text), "{pattern:?} on {text:?}");
    if let Some(set) = re.literal_set() {
        assert_eq!(set.iter().any(|t| t == text), matches, "{pattern:?} on {text:?}, set {set:?}");
    }
    if matches && re.literal_set().is_none() {
        let rest = text.strip_prefix(re.prefix()).and_then(|rest| rest.strip_suffix(re.suffix()));
        let rest =
            re.contains().iter().try_fold(rest.unwrap_or_else(|| panic!("{pattern:?} on {text:?}")), |rest, t| {
                rest.split_once(t.as_str()).map(|(_, after)| after)
            });
        assert!(rest.is_some(), "{pattern:?} on {text:?}, contains {:?}", re.contains());
    }
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
