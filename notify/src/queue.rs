//! The alerts that wait for one Alertmanager.

use std::collections::VecDeque;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use promethium_model::{Clock, Limits, SystemClock};
use promethium_rules::{Alert, DurationSummary, SummarySnapshot};

use crate::credentials::{Credentials, TlsConfig};
use crate::error::SendError;
use crate::payload::encode_alerts;
use crate::url::AlertmanagerUrl;

/// A bounded queue in front of one Alertmanager. Alerts come in from any thread; one sender takes deliveries out, one
/// after the other, so that an Alertmanager sees alerts in the order of evaluation.
pub struct AlertmanagerQueue {
    url: AlertmanagerUrl,
    options: Arc<SendOptions>,
    capacity: usize,
    batch: usize,
    // Says which latencies are recent; never read for anything that is sent.
    clock: Arc<dyn Clock>,
    latency: DurationSummary,
    state: Mutex<State>,
}

impl fmt::Debug for AlertmanagerQueue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AlertmanagerQueue").field("url", &self.url).field("state", &self.state).finish_non_exhaustive()
    }
}

/// The quantiles that Prometheus shows of latencies.
const LATENCY_QUANTILES: [f64; 3] = [0.5, 0.9, 0.99];

/// How requests to an Alertmanager are made.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct SendOptions {
    /// For one request, connecting and answer included.
    pub timeout: Duration,
    /// Who the sender is.
    pub credentials: Credentials,
    /// For `https`.
    pub tls: TlsConfig,
}

impl Default for SendOptions {
    /// Ten seconds, nobody, the authorities of the system.
    fn default() -> Self {
        SendOptions { timeout: Duration::from_secs(10), credentials: Credentials::default(), tls: TlsConfig::default() }
    }
}

#[derive(Debug, Default)]
struct State {
    waiting: VecDeque<Arc<Alert>>,
    sender: Option<Waker>,
    closed: bool,
    counts: Counts,
    last_error: Option<String>,
}

#[derive(Clone, Copy, Debug, Default)]
struct Counts {
    sent: u64,
    errors: u64,
    dropped: u64,
}

/// What happened at one Alertmanager so far; each field is a metric with the label `alertmanager`.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct AlertmanagerMetrics {
    /// The URL: the value of the label.
    pub alertmanager: String,
    /// `prometheus_notifications_sent_total`
    pub sent_total: u64,
    /// `prometheus_notifications_errors_total`: alerts in requests that failed.
    pub errors_total: u64,
    /// `prometheus_notifications_dropped_total`: those, and alerts that gave way or were still waiting at the end.
    pub dropped_total: u64,
    /// `prometheus_notifications_queue_length`
    pub queue_length: usize,
    /// `prometheus_notifications_queue_capacity`, which Prometheus shows once for all.
    pub queue_capacity: usize,
    /// `prometheus_notifications_latency_seconds`, of requests that succeeded.
    pub latency: SummarySnapshot,
    /// Why the last request failed; `None` when it did not.
    pub last_error: Option<String>,
}

impl AlertmanagerQueue {
    /// An empty queue with `max_notification_queue` places, which gives batches of `max_notification_batch`.
    #[must_use]
    pub fn new(url: AlertmanagerUrl, limits: &Limits) -> Self {
        AlertmanagerQueue::with_options(url, limits, Arc::default(), Arc::new(SystemClock::new()))
    }

    pub(crate) fn with_options(
        url: AlertmanagerUrl,
        limits: &Limits,
        options: Arc<SendOptions>,
        clock: Arc<dyn Clock>,
    ) -> Self {
        let capacity = limits.max_notification_queue.max(1);
        let batch = limits.max_notification_batch.clamp(1, capacity);
        AlertmanagerQueue {
            url,
            options,
            capacity,
            batch,
            clock,
            latency: DurationSummary::new(),
            state: Mutex::default(),
        }
    }

    /// Where its alerts go.
    #[must_use]
    pub fn url(&self) -> &AlertmanagerUrl {
        &self.url
    }

    /// How requests are to be made.
    #[must_use]
    pub fn options(&self) -> &SendOptions {
        &self.options
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes alerts in. Over the capacity, the oldest give way; a closed queue drops what comes.
    pub fn push(&self, alerts: &[Arc<Alert>]) {
        let mut state = self.state();
        if state.closed {
            state.counts.dropped += alerts.len() as u64;
            return;
        }
        state.waiting.extend(alerts.iter().cloned());
        let excess = state.waiting.len().saturating_sub(self.capacity);
        state.waiting.drain(..excess);
        state.counts.dropped += excess as u64;
        let sender = state.sender.take();
        drop(state);
        if let Some(sender) = sender {
            sender.wake();
        }
    }

    /// The next request to make; `None` when no alert waits.
    #[must_use]
    pub fn next_delivery(&self) -> Option<Delivery<'_>> {
        let mut state = self.state();
        let take = state.waiting.len().min(self.batch);
        let alerts: Vec<Arc<Alert>> = state.waiting.drain(..take).collect();
        drop(state);
        (!alerts.is_empty()).then(|| Delivery {
            queue: self,
            body: encode_alerts(alerts.iter().map(|alert| &**alert)),
            alerts: alerts.len() as u64,
        })
    }

    /// Ready when an alert waits or the queue is closed; otherwise wakes the last caller as soon as it is. For senders
    /// on any runtime: `std::future::poll_fn(|cx| queue.poll_ready(cx))`.
    pub fn poll_ready(&self, cx: &mut Context<'_>) -> Poll<()> {
        let mut state = self.state();
        if !state.waiting.is_empty() || state.closed {
            return Poll::Ready(());
        }
        state.sender = Some(cx.waker().clone());
        Poll::Pending
    }

    /// Takes no more alerts; those that wait may still be delivered.
    pub fn close(&self) {
        let mut state = self.state();
        state.closed = true;
        let sender = state.sender.take();
        drop(state);
        if let Some(sender) = sender {
            sender.wake();
        }
    }

    /// Whether [`AlertmanagerQueue::close`] was called.
    #[must_use]
    pub fn is_closed(&self) -> bool {
        self.state().closed
    }

    /// Drops what still waits, and gives its number.
    pub fn abandon(&self) -> usize {
        let mut state = self.state();
        let left = state.waiting.len();
        state.waiting.clear();
        state.counts.dropped += left as u64;
        left
    }

    /// What happened so far.
    #[must_use]
    pub fn metrics(&self) -> AlertmanagerMetrics {
        let state = self.state();
        AlertmanagerMetrics {
            alertmanager: self.url.to_string(),
            sent_total: state.counts.sent,
            errors_total: state.counts.errors,
            dropped_total: state.counts.dropped,
            queue_length: state.waiting.len(),
            queue_capacity: self.capacity,
            latency: self.latency.snapshot(self.clock.monotonic(), &LATENCY_QUANTILES),
            last_error: state.last_error.clone(),
        }
    }

    fn settle(&self, alerts: u64, outcome: Result<(), SendError>, took: Duration) {
        let mut state = self.state();
        match outcome {
            Ok(()) => {
                state.counts.sent += alerts;
                self.latency.observe(self.clock.monotonic(), took);
                state.last_error = None;
            }
            Err(error) => {
                state.counts.errors += alerts;
                state.counts.dropped += alerts;
                state.last_error = Some(error.to_string());
            }
        }
    }
}

/// One request to make: POST [`body`](Delivery::body) to [`url`](Delivery::url) with [`crate::CONTENT_TYPE`] and
/// [`crate::USER_AGENT`], then say how it went. Dropped without a word, it counts as failed.
#[derive(Debug)]
#[must_use]
pub struct Delivery<'q> {
    queue: &'q AlertmanagerQueue,
    body: String,
    // 0 once settled.
    alerts: u64,
}

impl Delivery<'_> {
    /// Where to.
    #[must_use]
    pub fn url(&self) -> &str {
        self.queue.url.as_str()
    }

    /// What.
    #[must_use]
    pub fn body(&self) -> &str {
        &self.body
    }

    /// How many alerts it holds.
    #[must_use]
    pub fn alerts(&self) -> u64 {
        self.alerts
    }

    /// How it went, and how long it took. A failed delivery is not repeated.
    pub fn finish(mut self, outcome: Result<(), SendError>, took: Duration) {
        let alerts = std::mem::take(&mut self.alerts);
        self.queue.settle(alerts, outcome, took);
    }
}

impl Drop for Delivery<'_> {
    fn drop(&mut self) {
        if self.alerts > 0 {
            self.queue.settle(self.alerts, Err(SendError::Abandoned), Duration::ZERO);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use promethium_model::Labels;
    use proptest::prelude::*;

    fn queue(capacity: usize, batch: usize) -> AlertmanagerQueue {
        let mut limits = Limits::default();
        limits.max_notification_queue = capacity;
        limits.max_notification_batch = batch;
        AlertmanagerQueue::new(AlertmanagerUrl::new("http", "h", "").unwrap(), &limits)
    }

    fn alerts(numbers: std::ops::Range<u32>) -> Vec<Arc<Alert>> {
        let alert = |n: u32| Arc::new(Alert::new(Labels::from_pairs([("n", n.to_string())]), 0, 0));
        numbers.map(alert).collect()
    }

    fn numbers(delivery: &Delivery<'_>) -> Vec<u32> {
        let read: serde_json::Value = serde_json::from_str(delivery.body()).unwrap();
        read.as_array().unwrap().iter().map(|alert| alert["labels"]["n"].as_str().unwrap().parse().unwrap()).collect()
    }

    #[test]
    fn the_oldest_give_way_and_batches_keep_the_order() {
        let queue = queue(5, 2);
        queue.push(&alerts(0..4));
        queue.push(&alerts(4..7));
        assert_eq!((queue.metrics().queue_length, queue.metrics().dropped_total), (5, 2));
        let mut taken = Vec::new();
        while let Some(delivery) = queue.next_delivery() {
            taken.push(numbers(&delivery));
            delivery.finish(Ok(()), Duration::from_secs(1));
        }
        assert_eq!(taken, [vec![2, 3], vec![4, 5], vec![6]]);
        let metrics = queue.metrics();
        assert_eq!((metrics.sent_total, metrics.queue_length, metrics.latency.count), (5, 0, 3));
        assert_eq!(metrics.latency.sum_seconds, 3.0);
        let near = |(_, seconds): &(f64, f64)| (seconds - 1.0).abs() < 0.01;
        assert!(metrics.latency.quantiles.len() == 3 && metrics.latency.quantiles.iter().all(near));
    }

    #[test]
    fn a_set_larger_than_the_queue_keeps_its_last() {
        let queue = queue(3, 256);
        queue.push(&alerts(0..10));
        let delivery = queue.next_delivery().unwrap();
        assert_eq!(numbers(&delivery), [7, 8, 9]);
        delivery.finish(Ok(()), Duration::ZERO);
        assert_eq!(queue.metrics().dropped_total, 7);
    }

    #[test]
    fn a_failed_or_forgotten_delivery_is_dropped() {
        let queue = queue(10, 2);
        queue.push(&alerts(0..4));
        let status = "500 Internal Server Error".to_owned();
        queue.next_delivery().unwrap().finish(Err(SendError::BadStatus { status }), Duration::ZERO);
        let metrics = queue.metrics();
        assert_eq!((metrics.errors_total, metrics.dropped_total, metrics.sent_total), (2, 2, 0));
        assert_eq!(metrics.last_error.as_deref(), Some("bad response status 500 Internal Server Error"));
        drop(queue.next_delivery());
        assert_eq!(queue.metrics().dropped_total, 4);
        assert!(queue.next_delivery().is_none());
    }

    #[test]
    fn a_closed_queue_takes_nothing_but_gives_what_it_has() {
        let queue = queue(10, 2);
        queue.push(&alerts(0..3));
        queue.close();
        queue.push(&alerts(3..5));
        queue.next_delivery().unwrap().finish(Ok(()), Duration::ZERO);
        assert_eq!(queue.abandon(), 1);
        let metrics = queue.metrics();
        assert_eq!((metrics.sent_total, metrics.dropped_total, metrics.queue_length), (2, 3, 0));
    }

    #[test]
    fn a_waiting_sender_is_woken() {
        let queue = queue(10, 2);
        let woken = Arc::new(CountWakes::default());
        let waker = Waker::from(Arc::clone(&woken));
        let mut cx = Context::from_waker(&waker);
        assert!(queue.poll_ready(&mut cx).is_pending());
        queue.push(&alerts(0..1));
        assert_eq!(woken.count(), 1);
        assert!(queue.poll_ready(&mut cx).is_ready());
        queue.abandon();
        assert!(queue.poll_ready(&mut cx).is_pending());
        queue.close();
        assert_eq!(woken.count(), 2);
        assert!(queue.poll_ready(&mut cx).is_ready());
    }

    #[derive(Default)]
    struct CountWakes(std::sync::atomic::AtomicUsize);

    impl CountWakes {
        fn count(&self) -> usize {
            self.0.load(std::sync::atomic::Ordering::SeqCst)
        }
    }

    impl std::task::Wake for CountWakes {
        fn wake(self: Arc<Self>) {
            self.0.fetch_add(1, std::sync::atomic::Ordering::SeqCst);
        }
    }

    proptest! {
        #[test]
        fn every_alert_is_counted_once(steps in prop::collection::vec((0u32..8, 0u8..4), 1..40), capacity in 1usize..12) {
            let queue = queue(capacity, 3);
            let mut pushed = 0;
            for (n, act) in steps {
                queue.push(&alerts(0..n));
                pushed += u64::from(n);
                match (act, queue.next_delivery()) {
                    (0, Some(delivery)) => delivery.finish(Ok(()), Duration::ZERO),
                    (1, Some(delivery)) => delivery.finish(Err(SendError::Timeout { timeout_ms: 1 }), Duration::ZERO),
                    (2, Some(delivery)) => drop(delivery),
                    (_, delivery) => { drop(delivery); queue.abandon(); }
                }
                let metrics = queue.metrics();
                prop_assert!(metrics.queue_length <= capacity && metrics.errors_total <= metrics.dropped_total);
                prop_assert_eq!(metrics.sent_total + metrics.dropped_total + metrics.queue_length as u64, pushed);
            }
        }
    }
}
