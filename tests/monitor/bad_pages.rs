//! A malformed page, or one over a limit: the scrape fails whole.

use promethium::model::Limits;
use promethium::scrape::{Health, TargetConfig};

use crate::support::{Page, Rig};

const GOOD: &str = "jobs_total 1\nqueue_length{queue=\"a\"} 2\n";

/// Scrapes the good page twice, then `bad`, and checks that nothing of it is there. Gives the target's error.
fn error_after(bad: &str, limits: Limits, configure: fn(TargetConfig) -> TargetConfig) -> String {
    let page = Page::new(GOOD);
    let rig = Rig::new(|m| m.limits(limits).target(configure(page.target("app"))));
    rig.run(2);
    let earlier = rig.contents();
    page.set(bad);
    let failed_ms = rig.run(1);

    assert_eq!(rig.value("up"), Some(0.0), "{bad}");
    assert_eq!(crate::support::before(&rig.contents(), failed_ms), earlier, "{bad}");
    assert_eq!(rig.value("count({job='app', __name__!~'up|scrape_.*'})"), None, "{bad}: a series goes on");
    assert_eq!(rig.value("count(last_over_time({__name__=~'jobs_total|queue_length'}[1m]))"), Some(2.0));
    assert!(rig.contents().iter().all(|(labels, _)| !labels.contains("fresh")), "{bad}: half a page");
    let status = rig.monitor.targets().remove(0);
    assert_eq!((status.health, status.last_scrape_ms), (Health::Down, Some(failed_ms)));

    page.set(GOOD);
    rig.run(1);
    assert_eq!(rig.value("count({job='app', __name__!~'up|scrape_.*'})"), Some(2.0), "{bad}: nothing comes back");
    assert_eq!(rig.monitor.targets()[0].last_error, "");
    status.last_error
}

#[test]
fn a_malformed_page_is_refused_with_line_and_column() {
    for (bad, error) in [
        (
            "fresh 1\nqueue_length{queue=\"a\" 2\n",
            r#"expected label name, got "2" ("INVALID") while parsing: "queue_length{queue=\"a\" 2" (line 2, column 24)"#,
        ),
        (
            "fresh 1\njobs_total one\n",
            r#"strconv.ParseFloat: parsing "one": invalid syntax while parsing: "jobs_total one" (line 2, column 12)"#,
        ),
        (
            "fresh 1\n\u{1}\n",
            r#"expected a valid start token, got "\x01" ("INVALID") while parsing: "\x01" (line 2, column 1)"#,
        ),
    ] {
        assert_eq!(error_after(bad, Limits::default(), |t| t), error, "{bad:?}");
    }
}

#[test]
fn a_page_over_a_limit_of_its_target_is_refused() {
    type Configure = fn(TargetConfig) -> TargetConfig;
    let cases: [(&str, Configure, &str); 3] = [
        (
            "fresh 1\njobs_total 2\nqueue_length 3\n",
            |mut t| {
                t.sample_limit = 2;
                t
            },
            "sample limit exceeded",
        ),
        (
            "fresh 1\njobs_total 2\nqueue_length 3\nanother 123456789\n",
            |mut t| {
                t.body_size_limit = 50;
                t
            },
            "body size limit exceeded",
        ),
        (
            "fresh 1\nwide{a=\"1\",b=\"2\",c=\"3\",d=\"4\"} 2\n",
            |mut t| {
                t.label_limit = 5;
                t
            },
            "label_limit exceeded (metric: wide, number of labels: 7, limit: 5)",
        ),
    ];
    for (bad, configure, error) in cases {
        assert_eq!(error_after(bad, Limits::default(), configure), error, "{bad:?}");
    }
}

#[test]
fn a_page_over_a_limit_of_the_monitor_is_refused() {
    let limits = |set: fn(&mut Limits)| {
        let mut limits = Limits::default();
        set(&mut limits);
        limits
    };
    let long_line = format!("fresh 1\nlong{{name=\"{}\"}} 1\n", "x".repeat(100));
    let long_value = format!(
        "label_value_length_limit exceeded (metric: long, label name: name, value: \"{}\", length: 100, limit: 64)",
        "x".repeat(50)
    );
    for (bad, limits, error) in [
        (
            "fresh 1\na 2\nb 3\n",
            limits(|l| l.max_scrape_samples = 2),
            "more than 2 samples in a page (line 3, column 1)",
        ),
        (&*long_line, limits(|l| l.max_line_bytes = 64), "line longer than 64 bytes (line 2, column 65)"),
        (&*long_line, limits(|l| l.max_label_value_bytes = 64), &*long_value),
        (&*long_line, limits(|l| l.max_scrape_body_bytes = 100), "body size limit exceeded"),
    ] {
        assert_eq!(error_after(bad, limits, |t| t), error, "{bad:?}");
    }
}

#[test]
fn a_target_that_is_added_later_is_held_to_the_same_limits() {
    let mut limits = Limits::default();
    limits.max_scrape_samples = 1;
    let rig = Rig::new(|m| m.limits(limits));
    rig.monitor.add_target(Page::new(GOOD).target("late")).unwrap();
    rig.run(1);
    assert_eq!(rig.monitor.targets()[0].last_error, "more than 1 samples in a page (line 2, column 1)");
}

#[test]
fn a_store_that_is_full_takes_the_series_that_it_knows() {
    let mut limits = Limits::default();
    limits.max_series = 7;
    let page = Page::new(GOOD);
    let rig = Rig::new(|m| m.limits(limits).target(page.target("app")));
    rig.run(1);
    page.set(&format!("{GOOD}another 1\n"));
    let report = rig.monitor.tick(rig.now_ms()).unwrap();
    let (_, scrape) = &report.scrapes[0];
    assert_eq!((scrape.up, scrape.rejected.series_limit), (true, 1));
    assert_eq!(rig.value("jobs_total"), Some(1.0));
    assert_eq!(rig.value("another"), None);
}
