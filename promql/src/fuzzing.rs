//! Bodies of the fuzz targets. Each takes any bytes and asserts what must hold of them.

use crate::Features;
use crate::parser::{ParserOptions, parse};

/// Parses any text; what was accepted prints to a text that parses and prints the same.
///
/// # Panics
///
/// When that does not hold.
pub fn promql_parse(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let options = ParserOptions { features: Features::all(), ..ParserOptions::default() };
    let ast = match parse(text, &options) {
        Ok(ast) => ast,
        Err(error) => return assert!(error.span.start as usize <= text.len()),
    };
    let printed = ast.to_string();
    // Printing may lengthen a text past the limits of the parser, never change its meaning.
    let generous = ParserOptions { max_bytes: usize::MAX, ..options };
    let again = parse(&printed, &generous).unwrap_or_else(|e| panic!("{printed:?} does not parse back: {e}"));
    assert_eq!(again.to_string(), printed);
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    #[test]
    fn the_corpus_replays() {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz-corpus/promql_parse");
        let mut replayed = 0;
        for entry in std::fs::read_dir(&folder).unwrap() {
            super::promql_parse(&std::fs::read(entry.unwrap().path()).unwrap());
            replayed += 1;
        }
        assert!(replayed >= 10, "{} holds too few seeds", folder.display());
    }
}
