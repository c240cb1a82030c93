//! A rule's alerts over 100,000 evaluations with reloads, restarts, failing queries and clocks that jump, against a model
//! that is written down from the description of the state machine, not from its code.

use std::sync::{Arc, Mutex};

use promethium_model::{Labels, Matcher, MemStore, QueryError, QueryableExt, TimeRange, is_stale};
use promethium_rules::testing::{ScriptedEngine, vector};
use promethium_rules::{AlertState, Grid, RuleGlobals, RuleManager, RuleSource};

use crate::harness::{Inbox, options};

const SERIES: usize = 3;
const MINUTE_MS: i64 = 60_000;
const GRACE_MS: i64 = 2 * MINUTE_MS;
const TOLERANCE_MS: i64 = 60 * MINUTE_MS;
const RESEND_MS: i64 = 60_000;
const EPISODES: u64 = 210;
const TICKS: usize = 500;

/// The series that are switched on; `None` is a query that fails.
type Switches = Arc<Mutex<Option<[bool; SERIES]>>>;

fn engine(switches: &Switches) -> Arc<ScriptedEngine> {
    let switches = Arc::clone(switches);
    Arc::new(ScriptedEngine::new(move |asked| {
        let on = switches.lock().unwrap().ok_or_else(|| QueryError::Execution("asked to".to_owned()))?;
        let labels = |s: usize| Labels::from_pairs([("s", s.to_string())]);
        Ok(vector(asked.time_ms, (0..SERIES).filter(|s| on[*s]).map(|s| (labels(s), 1.0))))
    }))
}

/// A small generator of even numbers of chance: runs repeat exactly.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 11) % sides
    }
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Life {
    Gone,
    Pending { since: i64 },
    Firing { since: i64, fired: i64, alone_since: Option<i64> },
    Resolved { fired: i64, at: i64 },
}

#[derive(Clone, Copy, Debug, PartialEq)]
struct Timing {
    for_ms: i64,
    keep_ms: i64,
}

/// The alert of one series.
#[derive(Clone)]
struct One {
    life: Life,
    sent: Option<i64>,
    /// The stored samples of `ALERTS_FOR_STATE`: time, and since when; `None` is a stale marker.
    stored: Vec<(i64, Option<i64>)>,
    /// Whether this process stored it at the evaluation before.
    stored_before: bool,
}

struct Model {
    alerts: [One; SERIES],
    timing: Timing,
    until_restore: u32,
}

impl Model {
    fn restart(&mut self) {
        for alert in &mut self.alerts {
            alert.life = Life::Gone;
            alert.sent = None;
            alert.stored_before = false;
        }
        self.until_restore = 2;
    }

    /// Gives who is told.
    fn tick(&mut self, ts: i64, on: Option<[bool; SERIES]>) -> Vec<usize> {
        let mut told = Vec::new();
        if let Some(on) = on {
            for (s, on) in on.into_iter().enumerate() {
                self.alerts[s].step(ts, on, self.timing);
                if self.alerts[s].is_due(ts) {
                    self.alerts[s].sent = Some(ts);
                    told.push(s);
                }
                if self.until_restore == 0 {
                    self.alerts[s].store(ts);
                }
            }
        }
        if self.until_restore > 0 {
            self.until_restore -= 1;
            if self.until_restore == 0 {
                let timing = self.timing;
                self.alerts.iter_mut().for_each(|alert| alert.restore(ts + 1, timing));
            }
        }
        told
    }
}

impl One {
    fn step(&mut self, ts: i64, on: bool, timing: Timing) {
        self.life = match (self.life, on) {
            (Life::Gone | Life::Resolved { .. }, true) => {
                self.sent = None;
                Life::Pending { since: ts }
            }
            (Life::Firing { since, fired, .. }, true) => Life::Firing { since, fired, alone_since: None },
            (Life::Firing { since, fired, alone_since }, false) => {
                let alone = alone_since.unwrap_or(ts);
                match timing.keep_ms > 0 && ts - alone < timing.keep_ms {
                    true => Life::Firing { since, fired, alone_since: Some(alone) },
                    false => Life::Resolved { fired, at: ts },
                }
            }
            (Life::Pending { .. }, false) => Life::Gone,
            (Life::Resolved { at, .. }, false) if ts - at > 15 * MINUTE_MS => Life::Gone,
            (life, _) => life,
        };
        self.life = match self.life {
            Life::Pending { since } if ts - since >= timing.for_ms => {
                Life::Firing { since, fired: ts, alone_since: None }
            }
            Life::Firing { since, .. } if ts - since < timing.for_ms => {
                self.sent = None;
                Life::Pending { since }
            }
            life => life,
        };
        if self.life == Life::Gone {
            self.sent = None;
        }
    }

    fn is_due(&self, ts: i64) -> bool {
        match (self.life, self.sent) {
            (Life::Gone | Life::Pending { .. }, _) => false,
            (_, None) => true,
            (Life::Resolved { at, .. }, Some(sent)) if at > sent => true,
            (_, Some(sent)) => sent + RESEND_MS < ts,
        }
    }

    fn store(&mut self, ts: i64) {
        let value = match self.life {
            Life::Pending { since } | Life::Firing { since, .. } => Some(since.div_euclid(1_000) * 1_000),
            Life::Gone | Life::Resolved { .. } => None,
        };
        if value.is_none() && !self.stored_before {
            return;
        }
        // The store takes what is newer, and what is the same.
        let newest = self.stored.last().copied();
        let is_newer = newest.is_none_or(|(newest, _)| ts > newest);
        let taken = is_newer || newest == Some((ts, value));
        if is_newer {
            self.stored.push((ts, value));
        }
        self.stored_before = value.is_some() && taken;
    }

    fn restore(&mut self, now: i64, timing: Timing) {
        let (Life::Pending { .. } | Life::Firing { .. }) = self.life else { return };
        if timing.for_ms < GRACE_MS {
            return;
        }
        let recent = self.stored.iter().rev().find(|(t, _)| *t <= now).filter(|(t, _)| *t >= now - TOLERANCE_MS);
        let Some((seen, Some(active))) = recent.copied() else { return };
        let seen = seen.div_euclid(1_000) * 1_000;
        let left = timing.for_ms - (seen - active);
        let restored = match left {
            ..=0 => active,
            left if left < GRACE_MS => now + GRACE_MS - timing.for_ms,
            _ => active + (now - seen),
        };
        match &mut self.life {
            Life::Pending { since } | Life::Firing { since, .. } => *since = restored,
            Life::Gone | Life::Resolved { .. } => {}
        }
    }
}

fn source(timing: Timing) -> RuleSource {
    let Timing { for_ms, keep_ms } = timing;
    RuleSource::new(
        "f",
        format!(
            "groups: [{{name: g, rules: [{{alert: A, expr: a, for: {for_ms}ms, keep_firing_for: {keep_ms}ms, labels: {{l: x}}}}]}}]"
        ),
    )
}

fn observed(manager: &RuleManager, s: usize) -> Option<(AlertState, i64, Option<i64>, Option<i64>)> {
    let alerts = manager.alerts();
    let own = alerts.iter().find(|alert| alert.labels.get("s") == Some(&s.to_string()))?;
    Some((own.state, own.active_at_ms, own.fired_at_ms, own.keep_firing_since_ms))
}

fn expected(one: &One) -> Option<(AlertState, i64, Option<i64>, Option<i64>)> {
    match one.life {
        Life::Pending { since } => Some((AlertState::Pending, since, None, None)),
        Life::Firing { since, fired, alone_since } => Some((AlertState::Firing, since, Some(fired), alone_since)),
        Life::Gone | Life::Resolved { .. } => None,
    }
}

fn newest_stored(store: &MemStore, s: usize) -> Option<(i64, Option<i64>)> {
    let matchers = [Matcher::equal("__name__", "ALERTS_FOR_STATE"), Matcher::equal("s", s.to_string())];
    let found = store.read_all(TimeRange::ALL, &matchers).unwrap();
    let (_, batch) = found.first()?;
    let (t, v) = (*batch.timestamps.last()?, *batch.floats.last()?);
    Some((t, (!is_stale(v)).then_some(v as i64 * 1_000)))
}

fn timing(dice: &mut Dice) -> Timing {
    let minutes = |n: u64| n as i64 * MINUTE_MS;
    Timing {
        for_ms: minutes([0, 1, 3, 6][dice.roll(4) as usize]),
        keep_ms: minutes([0, 0, 2, 5][dice.roll(4) as usize]),
    }
}

fn start(engine: &Arc<ScriptedEngine>, timing: Timing, now: i64) -> RuleManager {
    let options = options().with_restore_ms(TOLERANCE_MS, GRACE_MS);
    let manager = RuleManager::new(engine.clone(), options);
    manager.load(&[source(timing)], &RuleGlobals::default(), now).unwrap();
    manager
}

/// Evaluations, reloads, restarts and jumps of one episode.
fn episode(seed: u64) -> [usize; 4] {
    let mut dice = Dice(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1);
    let (switches, store, inbox) = (Switches::default(), MemStore::new(), Inbox::default());
    let engine = engine(&switches);
    let grid = Grid::new("f", "g", MINUTE_MS);
    let mut now = grid.newest_ms(10_000_000_000);
    let mut current = timing(&mut dice);
    let mut manager = start(&engine, current, now);
    let nothing = One { life: Life::Gone, sent: None, stored: Vec::new(), stored_before: false };
    let alerts = std::array::from_fn(|_| nothing.clone());
    let mut model = Model { alerts, timing: current, until_restore: 2 };
    let mut on = [false; SERIES];
    let mut counts = [0; 4];
    for _ in 0..TICKS {
        match dice.roll(60) {
            0 => {
                current = timing(&mut dice);
                let report = manager.load(&[source(current)], &RuleGlobals::default(), now).unwrap();
                if report.unchanged == 0 {
                    // A changed group of a later load counts as restored.
                    model.until_restore = 0;
                }
                model.timing = current;
                counts[1] += 1;
            }
            1 => {
                manager = start(&engine, current, now);
                model.restart();
                counts[2] += 1;
            }
            2 => {
                now += dice.roll(40) as i64 * MINUTE_MS;
                counts[3] += 1;
            }
            3 => {
                now -= (3 + dice.roll(10)) as i64 * MINUTE_MS;
                counts[3] += 1;
            }
            _ => {}
        }
        on.iter_mut().for_each(|on| *on ^= dice.roll(6) == 0);
        let result = (dice.roll(25) > 0).then_some(on);
        *switches.lock().unwrap() = result;
        now += MINUTE_MS;
        // Grid points lie between milliseconds: timestamps are the one before, the time has come at the one behind.
        if manager.evaluate(now + 1, &store, &store, &inbox) == 0 {
            // Set back to just about the last evaluation: nothing is due.
            continue;
        }
        counts[0] += 1;
        let mut told: Vec<usize> =
            inbox.take().iter().map(|alert| alert.labels.get("s").unwrap().parse().unwrap()).collect();
        told.sort_unstable();
        assert_eq!(told, model.tick(now, result), "seed {seed}, evaluation {}, told", counts[0]);
        for s in 0..SERIES {
            let place = format!("seed {seed}, evaluation {}, series {s}", counts[0]);
            assert_eq!(observed(&manager, s), expected(&model.alerts[s]), "{place}");
            if counts[0] % 8 == 0 {
                assert_eq!(newest_stored(&store, s), model.alerts[s].stored.last().copied(), "{place}, stored");
            }
        }
    }
    counts
}

#[test]
fn a_hundred_thousand_evaluations_go_as_the_model_says() {
    let counts = (1..=EPISODES).map(episode).fold([0; 4], |sum, counts| std::array::from_fn(|i| sum[i] + counts[i]));
    let [ticks, reloads, restarts, jumps] = counts;
    assert!(ticks >= 100_000, "{ticks} evaluations");
    assert!(reloads > 1_000 && restarts > 1_000 && jumps > 2_000, "{counts:?}");
}
