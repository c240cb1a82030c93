//! The owned background runner: a monitor that ticks itself on tokio.

use std::sync::Arc;
use std::time::Duration;

use promethium_notify::{HttpSender, NotifyError};
use promethium_scrape::{FetchError, HttpFetcher, Source, StartedScrape};
use tokio::sync::watch;
use tokio::task::{JoinHandle, JoinSet};

use crate::Monitor;

/// The longest sleep: targets and rules that are added meanwhile are noticed within it.
const MAX_SLEEP: Duration = Duration::from_millis(500);
/// The pause before what is overdue. A store that refuses the last markers of a removed target is asked again and again: not
/// without a rest.
const OVERDUE: Duration = Duration::from_millis(10);
/// Time for alerts that still wait at shutdown.
const DRAIN: Duration = Duration::from_secs(5);

/// Drives a [`Monitor`] on the current tokio runtime: scrapes run side by side, rules and upkeep beside them, and alerts
/// are delivered over HTTP.
///
/// ```
/// use std::sync::Arc;
/// use promethium::scrape::{Source, TargetConfig};
/// use promethium::{Monitor, Runner};
///
/// # let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
/// # runtime.block_on(async {
/// let node = TargetConfig::new("node", Source::http("http://localhost:9100/metrics")).every_ms(15_000);
/// let monitor = Arc::new(Monitor::builder().target(node).build()?);
/// let runner = Runner::start(Arc::clone(&monitor))?;
/// # #[cfg(feature = "axum")]
/// let api = promethium::api::axum_router(monitor.clone()); // to merge into the program's `Router`, or to nest there
/// // … serve …
/// runner.shutdown().await;
/// monitor.close()?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// # })?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// Dropped without [`shutdown`](Runner::shutdown), it stops where it stands.
#[derive(Debug)]
pub struct Runner {
    stop: watch::Sender<bool>,
    loops: Vec<JoinHandle<()>>,
    sender: Option<HttpSender>,
}

/// A runner could not start.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RunnerError {
    /// The client for scrapes cannot be built.
    #[error(transparent)]
    Fetch(#[from] FetchError),
    /// The client for alerts cannot be built.
    #[error(transparent)]
    Notify(#[from] NotifyError),
}

impl Runner {
    /// Starts. The monitor's [`alertmanagers`](crate::MonitorBuilder::alertmanagers) say themselves how they are told.
    ///
    /// # Errors
    ///
    /// When an HTTP client cannot be built.
    ///
    /// # Panics
    ///
    /// Outside a tokio runtime with its time and I/O drivers on.
    pub fn start(monitor: Arc<Monitor>) -> Result<Runner, RunnerError> {
        // The client for scrapes is built before that for alerts.
        #[cfg(feature = "tls")]
        promethium_notify::install_tls_provider();
        let (stop, stopped) = watch::channel(false);
        let fetcher = Arc::new(HttpFetcher::new()?);
        let sender = monitor.alertmanagers().map(|a| HttpSender::start(Arc::clone(a))).transpose()?;
        let loops = vec![
            tokio::spawn(scrape_loop(Arc::clone(&monitor), fetcher, stopped.clone())),
            tokio::spawn(rule_loop(Arc::clone(&monitor), stopped.clone())),
            tokio::spawn(maintenance_loop(monitor, stopped)),
        ];
        Ok(Runner { stop, loops, sender })
    }

    /// Starts to deliver to Alertmanagers that came with a new configuration, by
    /// [`Alertmanagers::apply`](promethium_notify::Alertmanagers::apply).
    ///
    /// # Errors
    ///
    /// When an HTTP client cannot be built.
    pub fn refresh_alertmanagers(&self) -> Result<(), RunnerError> {
        Ok(self.sender.as_ref().map_or(Ok(()), HttpSender::refresh)?)
    }

    /// Ends what runs: scrapes under way are stored, an evaluation is finished, alerts that wait are delivered for a few
    /// seconds. The monitor stays as it is; [`Monitor::close`] is the next step of a program that ends.
    pub async fn shutdown(mut self) {
        // The loops may have ended by themselves, by a panic: then nobody listens.
        let _ = self.stop.send(true);
        for running in &mut self.loops {
            let _ = running.await;
        }
        if let Some(sender) = self.sender.take() {
            sender.shutdown(DRAIN).await;
        }
    }
}

impl Drop for Runner {
    fn drop(&mut self) {
        self.loops.iter().for_each(JoinHandle::abort);
    }
}

/// How long to sleep until `due_ms`.
fn pause(due_ms: Option<i64>, now_ms: i64) -> Duration {
    let wait_ms = due_ms.map_or(i64::MAX, |due| due.saturating_sub(now_ms));
    if wait_ms > 0 { Duration::from_millis(wait_ms.unsigned_abs()).min(MAX_SLEEP) } else { OVERDUE }
}

/// Waits until `due_ms` on the monitor's clock, at most [`MAX_SLEEP`]; `false` when it is time to stop.
async fn wait_until(monitor: &Monitor, due_ms: Option<i64>, stopped: &mut watch::Receiver<bool>) -> bool {
    tokio::select! {
        () = tokio::time::sleep(pause(due_ms, monitor.clock().now_ms())) => !*stopped.borrow(),
        _ = stopped.changed() => false,
    }
}

async fn scrape_loop(monitor: Arc<Monitor>, fetcher: Arc<HttpFetcher>, mut stopped: watch::Receiver<bool>) {
    let mut running = JoinSet::new();
    while wait_until(&monitor, monitor.next_scrape_ms(), &mut stopped).await {
        while running.try_join_next().is_some() {}
        for started in monitor.start_scrapes(monitor.clock().now_ms()) {
            running.spawn(scrape(Arc::clone(&monitor), Arc::clone(&fetcher), started));
        }
    }
    while running.join_next().await.is_some() {}
}

async fn scrape(monitor: Arc<Monitor>, fetcher: Arc<HttpFetcher>, started: StartedScrape) {
    let begun = monitor.clock().monotonic();
    let fetched = match &started.source {
        Source::Http(_) => Some(fetcher.fetch(&started.request).await),
        _ => None,
    };
    // Storing, and making a page in this process, may take a while: not on the runtime's own threads.
    let store = move || {
        let response = fetched.unwrap_or_else(|| started.source.fetch_in_process());
        let duration = monitor.clock().monotonic().saturating_sub(begun);
        monitor.finish_scrape(&started, duration, response);
    };
    let _ = tokio::task::spawn_blocking(store).await;
}

async fn rule_loop(monitor: Arc<Monitor>, mut stopped: watch::Receiver<bool>) {
    while wait_until(&monitor, monitor.next_rules_ms(monitor.clock().now_ms()), &mut stopped).await {
        let monitor = Arc::clone(&monitor);
        let _ = tokio::task::spawn_blocking(move || monitor.evaluate_rules(monitor.clock().now_ms())).await;
    }
}

async fn maintenance_loop(monitor: Arc<Monitor>, mut stopped: watch::Receiver<bool>) {
    while wait_until(&monitor, None, &mut stopped).await {
        let monitor = Arc::clone(&monitor);
        // A store that cannot be kept says so on every append, and on the metrics page.
        let _ = tokio::task::spawn_blocking(move || monitor.maintain(monitor.clock().now_ms())).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pause_is_as_long_as_there_is_time_and_never_nothing() {
        for (due_ms, pause_ms) in
            [(Some(1_003), 3), (Some(1_000), 10), (Some(i64::MIN), 10), (Some(9_000), 500), (None, 500)]
        {
            assert_eq!(pause(due_ms, 1_000), Duration::from_millis(pause_ms), "{due_ms:?}");
        }
    }
}
