//! Delivery over HTTP, on tokio.

use std::future::poll_fn;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use reqwest::header::{AUTHORIZATION, CONTENT_TYPE as CONTENT_TYPE_HEADER, USER_AGENT as USER_AGENT_HEADER};
use tokio::task::JoinHandle;
use tokio::time::{Instant, timeout, timeout_at};

use crate::alertmanagers::Alertmanagers;
use crate::client;
use crate::credentials::Credentials;
use crate::error::{NotifyError, SendError};
use crate::queue::{AlertmanagerQueue, Delivery, SendOptions};
use crate::{CONTENT_TYPE, USER_AGENT};

/// Bytes of an answer that are read so that its connection can serve the next request.
const MAX_ANSWER_BYTES: usize = 64 << 10;

/// One task for each Alertmanager, which posts what its queue gives: a slow one does not keep the others waiting.
///
/// Dropped without [`HttpSender::shutdown`], the tasks end and what waits stays in the queues.
#[derive(Debug)]
pub struct HttpSender {
    alertmanagers: Arc<Alertmanagers>,
    own_client: Option<reqwest::Client>,
    tasks: Mutex<Vec<Task>>,
}

#[derive(Debug)]
struct Task {
    queue: Arc<AlertmanagerQueue>,
    running: JoinHandle<()>,
}

impl HttpSender {
    /// Starts the tasks on the current tokio runtime, which needs its time and I/O drivers. Clients ask no proxy, and speak
    /// TLS where the feature `tls` is on; for anything else see [`HttpSender::start_with_client`].
    ///
    /// # Errors
    ///
    /// [`NotifyError::NoTls`] for an Alertmanager behind `https` without that feature; [`NotifyError::Tls`] and
    /// [`NotifyError::Client`], when a client cannot be built.
    ///
    /// # Panics
    ///
    /// Outside a tokio runtime.
    pub fn start(alertmanagers: Arc<Alertmanagers>) -> Result<Self, NotifyError> {
        let sender = HttpSender { alertmanagers, own_client: None, tasks: Mutex::default() };
        sender.refresh()?;
        Ok(sender)
    }

    /// As [`HttpSender::start`], with a client of the host's own for all Alertmanagers: with a proxy, with other TLS.
    ///
    /// # Panics
    ///
    /// Outside a tokio runtime.
    #[must_use]
    pub fn start_with_client(alertmanagers: Arc<Alertmanagers>, client: &reqwest::Client) -> Self {
        let sender = HttpSender { alertmanagers, own_client: Some(client.clone()), tasks: Mutex::default() };
        // With a client given, none is built that could fail to.
        let _ = sender.refresh();
        sender
    }

    /// Starts tasks for Alertmanagers that came by [`Alertmanagers::apply`]; those of Alertmanagers that are gone end by
    /// themselves once their queues are empty.
    ///
    /// # Errors
    ///
    /// As [`HttpSender::start`]; tasks for the other Alertmanagers run.
    ///
    /// # Panics
    ///
    /// Outside a tokio runtime.
    pub fn refresh(&self) -> Result<(), NotifyError> {
        let mut tasks = self.tasks.lock().unwrap_or_else(PoisonError::into_inner);
        tasks.retain(|task| !task.running.is_finished());
        let mut outcome = Ok(());
        for queue in self.alertmanagers.queues() {
            if tasks.iter().any(|task| Arc::ptr_eq(&task.queue, &queue)) {
                continue;
            }
            match self.client_for(&queue) {
                Ok(client) => {
                    let running = tokio::spawn(send_all(Arc::clone(&queue), client));
                    tasks.push(Task { queue, running });
                }
                Err(error) => outcome = Err(error),
            }
        }
        outcome
    }

    fn client_for(&self, queue: &AlertmanagerQueue) -> Result<reqwest::Client, NotifyError> {
        match &self.own_client {
            Some(client) => Ok(client.clone()),
            None => client::build(queue),
        }
    }

    /// Takes no more alerts, delivers what waits for at most `drain`, drops the rest, and gives the number dropped
    /// from the queues.
    pub async fn shutdown(self, drain: Duration) -> usize {
        let mut tasks = std::mem::take(&mut *self.tasks.lock().unwrap_or_else(PoisonError::into_inner));
        let queues: Vec<Arc<AlertmanagerQueue>> = tasks.iter().map(|task| Arc::clone(&task.queue)).collect();
        queues.iter().for_each(|queue| queue.close());
        let deadline = Instant::now() + drain;
        for task in &mut tasks {
            if timeout_at(deadline, &mut task.running).await.is_err() {
                task.running.abort();
                // Ends at its next await point; only then is its request accounted for.
                let _ = (&mut task.running).await;
            }
        }
        queues.iter().map(|queue| queue.abandon()).sum()
    }
}

impl Drop for HttpSender {
    fn drop(&mut self) {
        let tasks = self.tasks.get_mut().unwrap_or_else(PoisonError::into_inner);
        tasks.iter().for_each(|task| task.running.abort());
    }
}

/// Delivers until the queue is closed and empty.
async fn send_all(queue: Arc<AlertmanagerQueue>, client: reqwest::Client) {
    loop {
        poll_fn(|cx| queue.poll_ready(cx)).await;
        // Asked before the queue is emptied: after closing nothing comes in.
        let closed = queue.is_closed();
        while let Some(delivery) = queue.next_delivery() {
            deliver(&client, queue.options(), delivery).await;
        }
        if closed {
            return;
        }
    }
}

async fn deliver(client: &reqwest::Client, options: &SendOptions, delivery: Delivery<'_>) {
    let started = Instant::now();
    let outcome = match timeout(options.timeout, post(client, options, &delivery)).await {
        Ok(outcome) => outcome,
        Err(_) => Err(SendError::Timeout { timeout_ms: options.timeout.as_millis().try_into().unwrap_or(u64::MAX) }),
    };
    delivery.finish(outcome, started.elapsed());
}

async fn post(client: &reqwest::Client, options: &SendOptions, delivery: &Delivery<'_>) -> Result<(), SendError> {
    let transport = |error: reqwest::Error| SendError::Transport(Box::new(error.without_url()));
    let request = client
        .post(delivery.url())
        .header(CONTENT_TYPE_HEADER, CONTENT_TYPE)
        .header(USER_AGENT_HEADER, USER_AGENT)
        .body(delivery.body().to_owned());
    let request = authorized(request, &options.credentials).map_err(SendError::Credentials)?;
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

fn authorized(request: reqwest::RequestBuilder, credentials: &Credentials) -> std::io::Result<reqwest::RequestBuilder> {
    Ok(match credentials {
        Credentials::None => request,
        Credentials::Basic { username, password } => request.basic_auth(username, Some(password.reveal()?)),
        Credentials::Token { kind, token } => request.header(AUTHORIZATION, format!("{kind} {}", token.reveal()?)),
    })
}
