//! Every limit is met: what happens beyond it.

use promethium_model::Limits;
use promethium_rules::{RuleGlobals, RuleManager, RuleSource, RuleView};

use crate::harness::{World, options};

fn world(change: impl Fn(&mut Limits), rules: &str) -> World {
    let mut limits = Limits::default();
    change(&mut limits);
    let world = World::empty(options().with_limits(limits));
    world.load(rules, 0);
    world
}

fn refusal(change: impl Fn(&mut Limits), rules: &str) -> String {
    let mut limits = Limits::default();
    change(&mut limits);
    let manager = RuleManager::new(std::sync::Arc::new(crate::harness::engine()), options().with_limits(limits));
    manager.load(&[RuleSource::new("rules.yml", rules)], &RuleGlobals::default(), 0).unwrap_err().to_string()
}

fn alert(fields: &str) -> String {
    format!("groups:\n- name: g\n  rules:\n  - alert: A\n    expr: up == 0\n{fields}")
}

fn last_error(world: &World) -> Option<String> {
    match &world.rules.groups()[0].rules[0] {
        RuleView::Alerting(rule) => rule.last_error.clone(),
        RuleView::Recording(rule) => rule.last_error.clone(),
    }
}

#[test]
fn rules_of_a_file() {
    let text = "groups: [{name: g, rules: [{record: a, expr: 1}, {record: b, expr: 1}, {record: c, expr: 1}]}]";
    assert_eq!(refusal(|l| l.max_rules_per_file = 2, text), "rules.yml: 3 rules exceed the limit of 2 a file");
    world(|l| l.max_rules_per_file = 3, text);
}

#[test]
fn bytes_of_a_file() {
    let text = alert("");
    let refused = refusal(|l| l.max_config_bytes = 20, &text);
    assert_eq!(refused, "rules.yml: file is larger than the limit of 20 bytes");
}

#[test]
fn alerts_of_a_rule() {
    let world = world(|l| l.max_alerts_per_rule = 2, &alert(""));
    for (at_s, job) in [(0, "a"), (60, "b"), (120, "c")] {
        world.put(at_s, &[("__name__", "up"), ("job", job)], 0.0);
        world.tick(at_s);
        assert_eq!(last_error(&world).is_some(), at_s == 120);
    }
    assert_eq!(last_error(&world).as_deref(), Some("exceeded limit of 2 with 3 alerts"));
}

/// The bounds of queries hold for rules, and for queries in their templates; an alert outlives the latter.
#[test]
fn samples_of_a_query() {
    use promethium_promql::{Engine, EngineOptions};
    let mut limits = Limits::default();
    limits.max_query_samples = 2;
    let mut world = World::empty(options());
    world.rules =
        RuleManager::new(std::sync::Arc::new(Engine::new(EngineOptions::default())), options().with_limits(limits));
    world.load(
        "groups: [{name: g, rules: [{record: r, expr: up}, {alert: A, expr: 'up{n=\"0\"}', \
         annotations: {all: '{{ query \"up\" | len }}', one: '{{ $value }}'}}]}]",
        0,
    );
    for n in 0..3 {
        world.put(0, &[("__name__", "up"), ("n", &n.to_string())], 7.0);
    }
    world.tick(0);
    let error = last_error(&world).unwrap();
    assert!(error.contains("too many samples"), "{error}");
    let alert = world.rules.alerts().remove(0);
    let [(_, all), (_, one)] = &alert.annotations[..] else { panic!("{alert:?}") };
    assert!(all.starts_with("<error expanding template: ") && all.contains("too many samples"), "{all}");
    assert_eq!(one, "7");
}

#[test]
fn names_and_texts_as_they_are_written() {
    let long = "x".repeat(11);
    for (fields, expected) in [
        (format!("    labels: {{{long}: y}}\n"), "label name of 11 bytes exceeds the limit of 10"),
        (format!("    annotations: {{{long}: y}}\n"), "label name of 11 bytes exceeds the limit of 10"),
        (format!("    labels: {{a: {long}}}\n"), "label \"a\": 11 bytes exceed the limit of 10"),
        (format!("    annotations: {{a: {long}}}\n"), "annotation \"a\": 11 bytes exceed the limit of 10"),
    ] {
        let refused = refusal(
            |l| {
                l.max_label_name_bytes = 10;
                l.max_label_value_bytes = 10;
                l.max_annotation_bytes = 10;
            },
            &alert(&fields),
        );
        assert_eq!(refused, format!("rules.yml: group \"g\", rule 1, \"A\": {expected}"));
    }
}

/// The alert stays, and says in place of the text what went wrong.
#[test]
fn texts_as_they_are_rendered() {
    // Written they are short, rendered they have 40 bytes, or take 100 steps.
    let fields = "    labels: {l: '{{ printf \"%40d\" 1 }}'}\n    \
                  annotations: {a: '{{ printf \"%40d\" 1 }}', loop: '{{ range 99 }}{{ end }}'}\n";
    for (label_bytes, annotation_bytes, output_bytes, steps, wrong) in [
        (39, 99, 99, 999, "l"),
        (99, 39, 99, 999, "a"),
        (99, 99, 39, 999, "l a"),
        (99, 99, 99, 90, "loop"),
        (99, 99, 99, 999, ""),
    ] {
        let world = world(
            |l| {
                (l.max_label_value_bytes, l.max_annotation_bytes) = (label_bytes, annotation_bytes);
                (l.max_template_output_bytes, l.max_template_steps) = (output_bytes, steps);
            },
            &alert(fields),
        );
        world.put(0, &[("__name__", "up")], 0.0);
        world.tick(0);
        let alert = world.rules.alerts().remove(0);
        let texts = alert.labels.iter().chain(alert.annotations.iter().map(|(n, v)| (n.as_str(), v.as_str())));
        let failed: Vec<&str> =
            texts.filter(|(_, text)| text.contains("template exceeds the limit of")).map(|(name, _)| name).collect();
        assert_eq!(failed.join(" "), wrong);
    }
}

/// Time counts too; the clock is the host's.
#[test]
fn time_of_a_template() {
    use promethium_model::{Clock, Labels, SampleValue};
    use promethium_rules::template::{GoTemplates, Render, TemplateData, TemplateLimits};
    use std::sync::atomic::{AtomicU64, Ordering};

    /// Every look at it takes a second.
    #[derive(Default)]
    struct Slow(AtomicU64);

    impl Clock for Slow {
        fn now_ms(&self) -> i64 {
            0
        }

        fn monotonic(&self) -> std::time::Duration {
            std::time::Duration::from_secs(self.0.fetch_add(1, Ordering::SeqCst))
        }
    }

    let template = GoTemplates.compile("t", "{{ range 100000 }}x{{ end }}").unwrap();
    let (labels, value) = (Labels::empty(), SampleValue::Float(1.0));
    let limits = TemplateLimits::default().with_deadline(std::sync::Arc::new(Slow::default()));
    let data = TemplateData::new(&labels, &value, &labels, "").with_limits(limits);
    let error = template.render(&data).unwrap_err().to_string();
    assert!(error.ends_with("template exceeds the limit of 10000 ms"), "{error}");
}

/// No limit loses an alert: the rule goes on, its other annotations too.
#[test]
fn a_template_that_takes_too_long_leaves_the_alert() {
    use promethium_model::Clock;
    use std::sync::atomic::{AtomicU64, Ordering};

    /// Every look at it takes a second, but queries have all the time in the world.
    #[derive(Default)]
    struct Slow(AtomicU64);

    impl Clock for Slow {
        fn now_ms(&self) -> i64 {
            0
        }

        fn monotonic(&self) -> std::time::Duration {
            std::time::Duration::from_secs(self.0.fetch_add(1, Ordering::SeqCst))
        }
    }

    let mut limits = Limits::default();
    (limits.template_timeout_ms, limits.query_timeout_ms) = (3_000, u64::MAX);
    let clock = std::sync::Arc::new(Slow::default());
    let world = World::empty(options().with_limits(limits).with_clock(clock));
    world.load(&alert("    annotations: {long: '{{ range 100000 }}x{{ end }}', short: 'value {{ $value }}'}\n"), 0);
    world.put(0, &[("__name__", "up")], 0.0);
    world.tick(0);
    let alert = world.rules.alerts().remove(0);
    let [(_, long), (_, short)] = &alert.annotations[..] else { panic!("{alert:?}") };
    assert!(long.starts_with("<error expanding template: ") && long.contains("the limit of 3000 ms"), "{long}");
    assert_eq!((short.as_str(), last_error(&world)), ("value 0", None));
}

#[test]
fn nesting_of_templates() {
    use promethium_model::{Labels, SampleValue};
    use promethium_rules::template::{GoTemplates, Render, TemplateData};
    let deep = |n: usize| format!("{}{}", "{{ if 1 }}".repeat(n), "{{ end }}".repeat(n));
    assert!(GoTemplates.compile("t", &deep(200)).is_ok());
    let refused = GoTemplates.compile("t", &deep(100_000)).err().unwrap().to_string();
    assert!(refused.contains("nested deeper than 200 levels"), "{refused}");
    let parens = GoTemplates.compile("t", &format!("{{{{ {}", "(".repeat(100_000))).err().unwrap().to_string();
    assert!(parens.contains("nested deeper than 200 levels"), "{parens}");

    let endless = GoTemplates.compile("t", "{{ define `x` }}{{ template `x` }}{{ end }}{{ template `x` }}").unwrap();
    let (labels, value) = (Labels::empty(), SampleValue::Float(1.0));
    let error = endless.render(&TemplateData::new(&labels, &value, &labels, "")).unwrap_err().to_string();
    assert!(error.ends_with("exceeded maximum template depth (100)"), "{error}");
}
