//! Matchers over 100,000 label values, by the way that a pattern takes; the plain engine is there to compare with.

use std::hint::black_box;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use promethium_model::{GoRegex, MatchOp, Matcher};
use regex_automata::meta;

const VALUES: usize = 100_000;

fn pods() -> Vec<String> {
    let apps = ["api", "billing", "checkout", "frontend", "ingress", "metrics", "search", "worker"];
    (0..VALUES).map(|i| format!("{}-{:x}-{:05x}", apps[i % apps.len()], i / 97, i)).collect()
}

fn patterns() -> Vec<(&'static str, String)> {
    let set = |n: usize| pods()[..n].join("|");
    vec![
        ("literal", "api-0-00000".to_owned()),
        ("set of 8", set(8)),
        ("set of 200", set(200)),
        ("prefix", "checkout-.*".to_owned()),
        ("suffix", ".*-00ff3".to_owned()),
        ("contains", ".*-3ab-.*".to_owned()),
        ("engine behind prefix", "checkout-[0-9]+-[0-9a-f]+".to_owned()),
        ("engine", "[a-f].*-[0-9]+-[0-9a-f]+0".to_owned()),
        ("fold case", "(?i)CHECKOUT-.*".to_owned()),
    ]
}

fn matchers(c: &mut Criterion) {
    let values = pods();
    let mut group = c.benchmark_group("match 100k values");
    group.throughput(Throughput::Elements(values.len() as u64));
    let equal = Matcher::equal("pod", "api-0-00000");
    group.bench_function("equal", |bench| bench.iter(|| values.iter().filter(|v| equal.matches(v)).count()));
    for (name, pattern) in patterns() {
        let matcher = Matcher::new(MatchOp::Regex, "pod", &*pattern).expect("valid pattern");
        let engine = meta::Regex::new(&format!("^(?s:{pattern})$")).expect("valid pattern");
        let hits = values.iter().filter(|v| matcher.matches(v)).count();
        assert_eq!(hits, values.iter().filter(|v| engine.is_match(v.as_str())).count(), "{name}");
        group.bench_function(name, |bench| bench.iter(|| values.iter().filter(|v| matcher.matches(v)).count()));
        group.bench_function(format!("{name}, engine alone"), |bench| {
            bench.iter(|| values.iter().filter(|v| engine.is_match(v.as_str())).count());
        });
    }
    group.finish();
}

fn compile(c: &mut Criterion) {
    let mut group = c.benchmark_group("compile");
    for (name, pattern) in patterns() {
        group.bench_function(name, |bench| bench.iter(|| GoRegex::new(black_box(&pattern))));
    }
    group.finish();
}

criterion_group!(benches, matchers, compile);
criterion_main!(benches);
