//! The bodies of the fuzz targets.

use promethium_model::quote::go_quoted;

use crate::request::{ApiRequest, Method};
use crate::{parse_duration_ns, parse_time_ms};

/// Decodes a request from arbitrary bytes and reads every parameter as a time and as a duration. The first line is the
/// target, the rest is the form body.
pub fn request(data: &[u8]) {
    let split = data.iter().position(|b| *b == b'\n').unwrap_or(data.len());
    let (target, body) = data.split_at_checked(split).unwrap_or((data, &[]));
    let target = String::from_utf8_lossy(target);
    let request = ApiRequest::new(Method::Post, &target)
        .with_body(Some("application/x-www-form-urlencoded"), body.strip_prefix(b"\n").unwrap_or(body));
    for name in ["time", "start", "end", "step", "timeout", "query"] {
        for value in request.all(name) {
            let time = parse_time_ms(value);
            assert!(time.is_ok() || time.is_err_and(|e| e.to_string().contains(&go_quoted(value))));
            let _ = parse_duration_ns(value);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::path::Path;

    use proptest::prelude::*;

    #[test]
    fn the_corpus_is_read() {
        let corpus = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz-corpus/request");
        let seeds: Vec<_> =
            fs::read_dir(corpus).unwrap().map(|entry| fs::read(entry.unwrap().path()).unwrap()).collect();
        assert!(seeds.len() >= 6);
        seeds.iter().for_each(|seed| super::request(seed));
    }

    proptest! {
        #[test]
        fn any_bytes_are_read(data in prop::collection::vec(any::<u8>(), 0..200)) {
            super::request(&data);
        }

        #[test]
        fn texts_near_the_grammar_are_read(text in "/?(time|step|start)=[-+%0-9a-fA-FTZ:.xpe\n&;=]{0,60}") {
            super::request(text.as_bytes());
        }
    }
}
