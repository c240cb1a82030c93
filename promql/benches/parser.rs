//! The parser on the expressions of Prometheus' own benchmark: accepted, refused, and long.

use std::hint::black_box;

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use promethium_promql::Features;
use promethium_promql::parser::{ParserOptions, parse};

const ACCEPTED: [&str; 17] = [
    "a",
    "metric",
    "1",
    "1 >= bool 1",
    "1 + 2/(3*1)",
    "foo or bar",
    "foo and bar unless baz or qux",
    "bar + on(foo) bla / on(baz, buz) group_right(test) blub",
    "foo / ignoring(test,blub) group_left(blub) bar",
    "foo - ignoring(test,blub) group_right(bar,foo) bar",
    "foo{a=\"b\", foo!=\"bar\", test=~\"test\", bar!~\"baz\"}",
    "min_over_time(rate(foo{bar=\"baz\"}[2s])[5m:])[4m:3s]",
    "sum without(and, by, avg, count, alert, annotations)(some_metric) [30m:10s]",
    "sort_by_label(metric, \"foo\", \"bar\")",
    // Those that peers are compared on.
    "up",
    "sum by (instance) (rate(node_cpu_seconds_total[5m]))",
    "sum by (handler) (rate(http_requests_total{code=~\"5..\",handler=~\"/api/v1/(query|write).*\"}[5m]))",
];

const REFUSED: [&str; 6] =
    ["(", "}", "1 or 1", "1 or on(bar) foo", "foo unless on(bar) group_left(baz) bar", "test[5d] OFFSET 10s [10m:5s]"];

fn options() -> ParserOptions {
    let mut options = ParserOptions::default();
    options.features = Features::all();
    options
}

fn table(c: &mut Criterion) {
    let options = options();
    let mut group = c.benchmark_group("parse");
    for text in ACCEPTED.into_iter().chain(REFUSED) {
        group.bench_with_input(BenchmarkId::from_parameter(text), text, |b, text| {
            b.iter(|| black_box(parse(black_box(text), &options).is_ok()));
        });
    }
    group.finish();
}

/// What is repeated up to a mebibyte.
const HOSTILE: &[(&str, &str)] = &[
    ("chain", "a+"),
    ("powers", "2^"),
    ("signs", "-"),
    ("parentheses", "("),
    ("calls", "abs("),
    ("braces", "{a=\"b\"} or "),
    ("matchers", "{a=\"b\","),
    ("labels", "sum by (a,"),
    ("durations", "a[1h+"),
    ("strings", "\"\\x61"),
    ("comments", "# a\n"),
    ("spaces", " "),
    ("not utf-8 names", "é"),
];

/// Time must grow with the length alone, whatever the shape.
fn long(c: &mut Criterion) {
    let mut options = options();
    options.max_bytes = usize::MAX;
    let mut group = c.benchmark_group("parse_long");
    group.sample_size(10);
    for (name, unit) in HOSTILE {
        for bytes in [1 << 18, 1 << 19, 1 << 20] {
            let text = unit.repeat(bytes / unit.len());
            group.throughput(Throughput::Bytes(text.len() as u64));
            group.bench_with_input(BenchmarkId::new(*name, bytes), &text, |b, text| {
                b.iter(|| black_box(parse(black_box(text), &options).is_ok()));
            });
        }
    }
    group.finish();
}

criterion_group!(benches, table, long);
criterion_main!(benches);
