//! Loading many rules, and one evaluation of an alerting rule with many alerts. The engine only hands out a prepared
//! vector, so that what is measured is the rules' own work.

use std::hint::black_box;
use std::sync::Arc;

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use promethium_model::{
    AppendError, AppendOptions, Appendable, Appended, Appender, CommitError, CommitStats, Labels, MemStore, Point,
    SampleValue, SeriesKey, SeriesRef,
};
use promethium_rules::template::{GoTemplates, Render, TemplateData};
use promethium_rules::testing::{Asked, ScriptedEngine, vector};
use promethium_rules::{Discard, RuleGlobals, RuleManager, RuleOptions, RuleSource};

/// Answers every query with the same series.
fn prepared(series: Vec<Labels>) -> Arc<ScriptedEngine> {
    let samples = move |asked: &Asked<'_>| vector(asked.time_ms, series.iter().map(|labels| (labels.clone(), 0.5)));
    Arc::new(ScriptedEngine::new(move |asked| Ok(samples(asked))))
}

/// Takes every sample and keeps none.
struct Sink;

impl Appendable for Sink {
    fn appender(&self) -> Box<dyn Appender + '_> {
        Box::new(Sink)
    }
}

impl Appender for Sink {
    fn append(&mut self, _: SeriesKey<'_>, point: Point<'_>, _: &AppendOptions<'_>) -> Result<Appended, AppendError> {
        black_box(point.timestamp_ms);
        Ok(Appended::new(SeriesRef(1), false))
    }

    fn commit(self: Box<Self>) -> Result<CommitStats, CommitError> {
        Ok(CommitStats::default())
    }

    fn rollback(self: Box<Self>) {}
}

fn series(n: usize) -> Vec<Labels> {
    let labels = |i: usize| {
        Labels::from_pairs([
            ("__name__", "up"),
            ("instance", &format!("10.0.{}.{}:9100", i / 256, i % 256)),
            ("job", "node"),
            ("zone", "b"),
        ])
    };
    (0..n).map(labels).collect()
}

const ALERT: &str = "groups:
- name: g
  rules:
  - alert: Down
    expr: up == 0
    for: 5m
    labels: {severity: page}
    annotations: {summary: '{{ $labels.instance }} has been down: {{ $value | humanizePercentage }}'}
";
const RECORD: &str = "groups: [{name: g, rules: [{record: job:up:sum, expr: up, labels: {team: a}}]}]";

fn manager(series: usize, text: &str) -> RuleManager {
    let manager = RuleManager::new(prepared(self::series(series)), RuleOptions::default());
    manager.load(&[RuleSource::new("rules.yml", text)], &RuleGlobals::default(), 0).unwrap();
    manager
}

fn evaluate(c: &mut Criterion) {
    let mut group = c.benchmark_group("evaluate");
    for (name, text) in [("alerting", ALERT), ("recording", RECORD)] {
        for n in [10, 10_000] {
            let (manager, store) = (manager(n, text), MemStore::new());
            let mut ts_ms = 0;
            group.throughput(Throughput::Elements(n as u64));
            group.bench_function(BenchmarkId::new(name, n), |b| {
                b.iter(|| {
                    ts_ms += 60_000;
                    manager.evaluate_all_at(ts_ms, &store, &Sink, &Discard);
                });
            });
        }
    }
}

fn load(c: &mut Criterion) {
    let rule = |i: usize| {
        format!(
            "  - alert: A{i}\n    expr: up == {i}\n    for: 5m\n    labels: {{severity: page}}\n    annotations: {{s: '{{{{ $value }}}}'}}\n"
        )
    };
    let text = format!("groups:\n- name: g\n  rules:\n{}", (0..1_000).map(rule).collect::<String>());
    let source = [RuleSource::new("rules.yml", text)];
    let manager = RuleManager::new(prepared(Vec::new()), RuleOptions::default());
    let mut group = c.benchmark_group("load");
    group.throughput(Throughput::Elements(1_000));
    group.bench_function("1000 rules", |b| {
        b.iter(|| manager.load(black_box(&source), &RuleGlobals::default(), 0).unwrap());
    });
}

/// Ten thousand alerting rules over a hundred series each, with the real engine over data in memory; nothing is active.
fn tick(c: &mut Criterion) {
    const RULES: usize = 10_000;
    let store = MemStore::new();
    let mut appender = store.appender();
    for n in 0..100 {
        let labels =
            Labels::from_pairs([("__name__", "x"), ("instance", &format!("10.0.0.{n}:9100")), ("job", "node")]);
        for step in 0..=40 {
            let point = Point::float(step * 15_000, (step * n) as f64);
            appender.append(SeriesKey::Labels(&labels), point, &AppendOptions::default()).unwrap();
        }
    }
    appender.commit().unwrap();
    let rule = |i: usize| format!("  - {{alert: A{i}, expr: 'rate(x[5m]) > {}', for: 5m}}\n", i + 1_000_000);
    let text = format!("groups:\n- name: g\n  rules:\n{}", (0..RULES).map(rule).collect::<String>());
    let engine = promethium_promql::Engine::new(promethium_promql::EngineOptions::default());
    let manager = RuleManager::new(Arc::new(engine), RuleOptions::default());
    manager.load(&[RuleSource::new("rules.yml", text)], &RuleGlobals::default(), 0).unwrap();
    let mut group = c.benchmark_group("tick");
    group.sample_size(10).throughput(Throughput::Elements(RULES as u64));
    group.bench_function("10000 rules x 100 series", |b| {
        b.iter(|| manager.evaluate_all_at(600_000, &store, &Sink, &Discard));
    });
}

/// Annotations as they are written every day.
fn templates(c: &mut Criterion) {
    let labels = series(1).remove(0);
    let (external, value) = (Labels::from_pairs([("site", "north")]), SampleValue::Float(0.123_4));
    let data = TemplateData::new(&labels, &value, &external, "http://prom");
    let mut group = c.benchmark_group("template");
    group.throughput(Throughput::Elements(1));
    for (name, text) in [
        ("plain", "Instance {{ $labels.instance }} of {{ $labels.job }} is down."),
        ("printf", "{{ $labels.instance }} has {{ printf \"%.2f\" $value }}% left ({{ $value | humanizePercentage }})"),
        ("branches", "{{ if gt $value 0.1 }}{{ with $labels.zone }}zone {{ . }}{{ end }}{{ else }}low{{ end }}"),
    ] {
        let template = GoTemplates.compile("__alert_Bench", text).unwrap();
        group.bench_function(name, |b| b.iter(|| black_box(template.render(black_box(&data)).unwrap())));
    }
}

criterion_group!(benches, evaluate, load, tick, templates);
criterion_main!(benches);
