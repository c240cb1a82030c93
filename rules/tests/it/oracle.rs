//! The state machine against a naive model that keeps the whole history and derives everything from it.

use std::collections::HashMap;

use promethium_model::Labels;
use promethium_rules::{AlertBook, AlertState, AlertTiming, Observation};
use proptest::prelude::*;

const SERIES: usize = 3;
const MINUTE_MS: i64 = 60_000;

/// One evaluation: when, and whether each alert's series is in the result.
#[derive(Clone, Copy, Debug)]
struct Tick {
    ts_ms: i64,
    seen: [bool; SERIES],
}

/// The life of one alert, derived from all ticks so far.
#[derive(Clone, Debug, PartialEq)]
enum Life {
    Unknown,
    Pending { since_ms: i64 },
    Firing { since_ms: i64, fired_ms: i64 },
    Resolved { fired_ms: i64, at_ms: i64 },
}

/// Walks the history of one series with plain words: an episode starts with a tick that sees it, ripens after `for`,
/// and ends when it was missed for as long as `keep_firing_for` (at once when that is 0 or the alert is unripe).
fn life_of(series: usize, history: &[Tick], timing: &AlertTiming) -> Life {
    let mut life = Life::Unknown;
    for (i, tick) in history.iter().enumerate() {
        let missed_since_ms = history[..=i].iter().rev().take_while(|t| !t.seen[series]).last().map(|t| t.ts_ms);
        life = match (life, missed_since_ms) {
            (Life::Unknown | Life::Resolved { .. }, None) => ripen(tick.ts_ms, tick.ts_ms, timing),
            (Life::Unknown | Life::Pending { .. }, Some(_)) => Life::Unknown,
            (Life::Pending { since_ms }, None) => ripen(since_ms, tick.ts_ms, timing),
            (firing @ Life::Firing { .. }, None) => firing,
            (Life::Firing { since_ms, fired_ms }, Some(missed_ms)) => {
                if tick.ts_ms - missed_ms < timing.keep_firing_for_ms {
                    Life::Firing { since_ms, fired_ms }
                } else {
                    Life::Resolved { fired_ms, at_ms: tick.ts_ms }
                }
            }
            (Life::Resolved { fired_ms, at_ms }, Some(_)) => {
                if tick.ts_ms - at_ms > 15 * MINUTE_MS {
                    Life::Unknown
                } else {
                    Life::Resolved { fired_ms, at_ms }
                }
            }
        };
    }
    life
}

fn ripen(since_ms: i64, ts_ms: i64, timing: &AlertTiming) -> Life {
    if ts_ms - since_ms >= timing.for_ms {
        Life::Firing { since_ms, fired_ms: ts_ms }
    } else {
        Life::Pending { since_ms }
    }
}

fn labels(series: usize) -> Labels {
    Labels::from_pairs([("series", series.to_string())])
}

fn observed(book: &AlertBook, series: usize) -> Life {
    let Some(alert) = book.iter().find(|alert| alert.labels == labels(series)) else { return Life::Unknown };
    let (since_ms, fired_ms) = (alert.active_at_ms, alert.fired_at_ms.unwrap_or(i64::MIN));
    match alert.state {
        AlertState::Pending => Life::Pending { since_ms },
        AlertState::Firing => Life::Firing { since_ms, fired_ms },
        AlertState::Inactive => Life::Resolved { fired_ms, at_ms: alert.resolved_at_ms.unwrap() },
        AlertState::Unknown => panic!("an alert is never unknown"),
    }
}

/// Who is told, by the same plain words: never a pending one; a resolved one that was not told since; else whoever was
/// not told for longer than the delay.
fn should_send(life: &Life, last_sent_ms: Option<i64>, ts_ms: i64, delay_ms: i64) -> bool {
    match (life, last_sent_ms) {
        (Life::Unknown | Life::Pending { .. }, _) => false,
        (_, None) => true,
        (Life::Resolved { at_ms, .. }, Some(sent_ms)) if *at_ms > sent_ms => true,
        (_, Some(sent_ms)) => ts_ms - sent_ms > delay_ms,
    }
}

fn ticks() -> impl Strategy<Value = Vec<Tick>> {
    let tick = (prop_oneof![8 => Just(1i64), 1 => 2..5i64, 1 => Just(20)], any::<[(bool, bool); SERIES]>());
    prop::collection::vec(tick, 60).prop_map(|steps| {
        let mut ts_ms = 0;
        let mut seen = [false; SERIES];
        let flip = |(steps, flips): (i64, [(bool, bool); SERIES])| {
            ts_ms += steps * MINUTE_MS;
            // Series stay as they are three times out of four, so that alerts ripen.
            for (now, (a, b)) in seen.iter_mut().zip(flips) {
                *now ^= a && b;
            }
            Tick { ts_ms, seen }
        };
        steps.into_iter().map(flip).collect()
    })
}

proptest! {
    // 256 histories of 60 ticks: more than 15,000 evaluations.
    #![proptest_config(ProptestConfig::with_cases(256))]

    #[test]
    fn the_book_agrees_with_the_history(
        history in ticks(),
        for_min in 0i64..6,
        keep_min in 0i64..6,
        delay_min in 1i64..5,
    ) {
        let timing = AlertTiming::new(for_min * MINUTE_MS, keep_min * MINUTE_MS);
        let mut book = AlertBook::new();
        let mut last_sent = [None; SERIES];
        for (i, tick) in history.iter().enumerate() {
            let seen: HashMap<Labels, Observation> = (0..SERIES)
                .filter(|s| tick.seen[*s])
                .map(|s| (labels(s), Observation { value: i as f64, annotations: Vec::new() }))
                .collect();
            let before: Vec<Life> = (0..SERIES).map(|s| observed(&book, s)).collect();
            book.step(tick.ts_ms, &timing, seen).unwrap();
            let sent = book.take_due(tick.ts_ms, delay_min * MINUTE_MS, MINUTE_MS);
            for series in 0..SERIES {
                let life = life_of(series, &history[..=i], &timing);
                prop_assert_eq!(observed(&book, series), life.clone(), "series {} after {:?}", series, &history[..=i]);
                let is_new = matches!(before[series], Life::Unknown | Life::Resolved { .. })
                    && matches!(life, Life::Pending { .. } | Life::Firing { .. });
                if is_new || life == Life::Unknown {
                    last_sent[series] = None;
                }
                let expected = should_send(&life, last_sent[series], tick.ts_ms, delay_min * MINUTE_MS);
                prop_assert_eq!(sent.iter().any(|alert| alert.labels == labels(series)), expected);
                if expected {
                    last_sent[series] = Some(tick.ts_ms);
                }
            }
        }
    }
}
