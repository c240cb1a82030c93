//! Delivery over HTTP, on tokio.

use std::future::poll_fn;
use std::sync::Arc;
use std::time::Duration;

use tokio::task::JoinHandle;
use tokio::time::{Instant, timeout, timeout_at};

use crate::alertmanagers::Alertmanagers;
use crate::error::{NotifyError, SendError};
use crate::queue::{AlertmanagerQueue, Delivery};
use crate::{CONTENT_TYPE, USER_AGENT};

/// Bytes of an answer that are read so that its connection can serve the next request.
const MAX_ANSWER_BYTES: usize = 64 << 10;

/// How to talk to Alertmanagers.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct HttpOptions {
    /// For one request, connecting and answer included. 10 s by default.
    pub timeout: Duration,
}

impl Default for HttpOptions {
    fn default() -> Self {
        HttpOptions { timeout: Duration::from_secs(10) }
    }
}

impl HttpOptions {
    /// With this time for one request.
    #[must_use]
    pub fn with_timeout(mut self, timeout: Duration) -> Self {
        self.timeout = timeout;
        self
    }
}

/// One task for each Alertmanager, which posts what its queue gives: a slow one does not keep the others waiting.
///
/// Dropped without [`HttpSender::shutdown`], the tasks end and what waits stays in the queues.
#[derive(Debug)]
pub struct HttpSender {
    alertmanagers: Arc<Alertmanagers>,
    tasks: Vec<JoinHandle<()>>,
}

impl HttpSender {
    /// Starts the tasks on the current tokio runtime, which needs its time and I/O drivers. The client speaks plain HTTP
    /// and asks no proxy; for anything else see [`HttpSender::start_with_client`].
    ///
    /// # Errors
    ///
    /// [`NotifyError::NoTls`] for an Alertmanager behind `https`; [`NotifyError::Client`], when the client cannot be
    /// built.
    ///
    /// # Panics
    ///
    /// Outside a tokio runtime.
    pub fn start(alertmanagers: Arc<Alertmanagers>, options: &HttpOptions) -> Result<Self, NotifyError> {
        if let Some(queue) = alertmanagers.queues().iter().find(|queue| queue.url().is_https()) {
            return Err(NotifyError::NoTls { url: queue.url().to_string() });
        }
        let client = reqwest::Client::builder().no_proxy().build();
        let client = client.map_err(|error| NotifyError::Client(Box::new(error)))?;
        Ok(Self::start_with_client(alertmanagers, &client, options))
    }

    /// As [`HttpSender::start`], with a client of the host's own: with TLS, a proxy, credentials.
    ///
    /// # Panics
    ///
    /// Outside a tokio runtime.
    #[must_use]
    pub fn start_with_client(
        alertmanagers: Arc<Alertmanagers>,
        client: &reqwest::Client,
        options: &HttpOptions,
    ) -> Self {
        let start = |queue: &Arc<AlertmanagerQueue>| {
            let poster = Poster { client: client.clone(), timeout: options.timeout };
            tokio::spawn(send_all(Arc::clone(queue), poster))
        };
        let tasks = alertmanagers.queues().iter().map(start).collect();
        HttpSender { alertmanagers, tasks }
    }

    /// Takes no more alerts, delivers what waits for at most `drain`, drops the rest, and gives the number dropped
    /// from the queues.
    pub async fn shutdown(mut self, drain: Duration) -> usize {
        let queues = self.alertmanagers.queues();
        queues.iter().for_each(|queue| queue.close());
        let deadline = Instant::now() + drain;
        for task in &mut self.tasks {
            if timeout_at(deadline, &mut *task).await.is_err() {
                task.abort();
                // Ends at its next await point; only then is its request accounted for.
                let _ = task.await;
            }
        }
        queues.iter().map(|queue| queue.abandon()).sum()
    }
}

impl Drop for HttpSender {
    fn drop(&mut self) {
        self.tasks.iter().for_each(JoinHandle::abort);
    }
}

/// Delivers until the queue is closed and empty.
async fn send_all(queue: Arc<AlertmanagerQueue>, poster: Poster) {
    loop {
        poll_fn(|cx| queue.poll_ready(cx)).await;
        // Asked before the queue is emptied: after closing nothing comes in.
        let closed = queue.is_closed();
        while let Some(delivery) = queue.next_delivery() {
            poster.deliver(delivery).await;
        }
        if closed {
            return;
        }
    }
}

struct Poster {
    client: reqwest::Client,
    timeout: Duration,
}

impl Poster {
    async fn deliver(&self, delivery: Delivery<'_>) {
        let started = Instant::now();
        let outcome = match timeout(self.timeout, self.post(&delivery)).await {
            Ok(outcome) => outcome,
            Err(_) => Err(SendError::Timeout { timeout_ms: self.timeout.as_millis().try_into().unwrap_or(u64::MAX) }),
        };
        delivery.finish(outcome, started.elapsed());
    }

    async fn post(&self, delivery: &Delivery<'_>) -> Result<(), SendError> {
        let transport = |error: reqwest::Error| SendError::Transport(Box::new(error));
        let request = self
            .client
            .post(delivery.url())
            .header(reqwest::header::CONTENT_TYPE, CONTENT_TYPE)
            .header(reqwest::header::USER_AGENT, USER_AGENT)
            .body(delivery.body().to_owned());
        let mut answer = request.send().await.map_err(transport)?;
        let status = answer.status();
        let mut read = 0;
        while read < MAX_ANSWER_BYTES {
            match answer.chunk().await {
                Ok(Some(chunk)) => read += chunk.len(),
                // The status has decided; a broken rest of the answer changes nothing.
                Ok(None) | Err(_) => break,
            }
        }
        match status.is_success() {
            true => Ok(()),
            false => Err(SendError::BadStatus { status: status.to_string() }),
        }
    }
}
