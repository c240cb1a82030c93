//! A thin Prometheus-shaped server: Promethium's crates composed under Prometheus' own flags and `prometheus.yml`.
//!
//! Without a configuration it scrapes itself.

mod alerting;
mod compose;
mod config;
mod description;
mod features;
mod storage;

use std::io::Write;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use axum::serve::ListenerExt;
use clap::{CommandFactory, FromArgMatches, Parser};
use promethium::Runner;
use promethium::api::{ApiHost, axum_router};
use promethium::model::Limits;
use promethium::tsdb::ReplayReport;
use tokio::net::TcpListener;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::oneshot;

use compose::{Composition, RuleFlags, Shown};
use config::Config;
use description::describe;
use features::FeatureFlags;
use storage::StorageFlags;

/// Connections that are still open this long after the signal are cut.
const CLOSE_CONNECTIONS_AFTER: Duration = Duration::from_secs(5);

/// Scrapes targets, stores what they expose, answers PromQL, and sends alerts. The flags are Prometheus' own.
#[derive(Debug, Parser)]
#[command(name = "promethium-server", version)]
struct Flags {
    /// A prometheus.yml; without one, the server scrapes itself
    #[arg(long = "config.file", value_name = "FILE")]
    config_file: Option<PathBuf>,
    /// Directory of the data, created where it is missing
    #[arg(long = "storage.tsdb.path", value_name = "DIR", default_value = "data")]
    data_dir: PathBuf,
    /// Address to listen on
    #[arg(long = "web.listen-address", value_name = "ADDRESS", default_value = "127.0.0.1:9090")]
    listen_address: String,
    /// Lets clients delete series and make snapshots
    #[arg(long = "web.enable-admin-api")]
    enable_admin_api: bool,
    #[command(flatten)]
    storage: StorageFlags,
    #[command(flatten)]
    rules: RuleFlags,
    #[command(flatten)]
    features: FeatureFlags,
}

fn main() -> ExitCode {
    let mut command = Flags::command();
    let matches = command.get_matches_mut();
    let flags = Flags::from_arg_matches(&matches).unwrap_or_else(|error| error.exit());
    let shown = Shown { description: describe(&command, &matches), offers_admin: flags.enable_admin_api };
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build();
    let outcome =
        runtime.map_err(|e| format!("starting the runtime: {e}")).and_then(|rt| rt.block_on(run(flags, shown)));
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(message) => {
            complain(&message);
            ExitCode::FAILURE
        }
    }
}

async fn run(flags: Flags, shown: Shown) -> Result<(), String> {
    let limits = Limits::default();
    let config = flags.config_file.as_deref().map(|file| Config::load(file, limits.max_config_bytes)).transpose()?;
    let listener =
        TcpListener::bind(&flags.listen_address).await.map_err(|e| format!("{}: {e}", flags.listen_address))?;
    let address = listener.local_addr().map_err(|e| format!("{}: {e}", flags.listen_address))?;

    flags.features.warnings().for_each(|warning| complain(&warning));
    let compose = |config| {
        let (rules, features) = (flags.rules.clone(), flags.features.clone());
        Composition::new(config, address, limits.clone(), rules, features, shown.clone())
    };
    let composition = compose(config.unwrap_or_else(|| Config::of_itself(address)));
    let monitor = tokio::task::block_in_place(|| composition.open(&flags.data_dir, &flags.storage))?;
    monitor.store().replay_report().into_iter().for_each(tell_of_damage);
    let runner = Runner::start(Arc::clone(&monitor)).map_err(|e| e.to_string())?;
    let signals = Signals::caught()?;
    say(&format!("listening on http://{address}, data in {}", flags.data_dir.display()));

    let reload = || {
        let Some(file) = &flags.config_file else { return Ok(()) };
        compose(Config::load(file, limits.max_config_bytes)?).reload(&monitor)?;
        runner.refresh_alertmanagers().map_err(|e| e.to_string())
    };
    let served = serve(listener, monitor.clone(), address, signals, reload).await;
    runner.shutdown().await;
    monitor.close().map_err(|e| format!("closing the data directory: {e}")).and(served)
}

/// Serves the API until the process is told to end.
async fn serve(
    listener: TcpListener,
    host: Arc<dyn ApiHost>,
    address: SocketAddr,
    signals: Signals,
    reload: impl Fn() -> Result<(), String>,
) -> Result<(), String> {
    let (told, wait) = oneshot::channel::<()>();
    // An answer is written whole: nothing is gained by waiting for more. A connection that refuses works all the same.
    let listener = listener.tap_io(|connection| drop(connection.set_nodelay(true)));
    let server = axum::serve(listener, axum_router(host)).with_graceful_shutdown(async {
        // An error means that the sender is gone, which is just as good a reason to stop.
        let _ = wait.await;
    });
    let mut server = tokio::spawn(server.into_future());
    tokio::select! {
        ended = &mut server => return Err(format!("serving on {address} ended: {ended:?}")),
        () = signals.told_to_end(reload) => {}
    }
    let _ = told.send(());
    if tokio::time::timeout(CLOSE_CONNECTIONS_AFTER, &mut server).await.is_err() {
        server.abort();
    }
    Ok(())
}

/// What the process is told. Until these are caught, they end it as they end any other.
struct Signals {
    hangup: Signal,
    interrupt: Signal,
    terminate: Signal,
}

impl Signals {
    fn caught() -> Result<Self, String> {
        let caught = |kind| signal(kind).map_err(|e| e.to_string());
        Ok(Signals {
            hangup: caught(SignalKind::hangup())?,
            interrupt: caught(SignalKind::interrupt())?,
            terminate: caught(SignalKind::terminate())?,
        })
    }

    /// Waits for SIGINT or SIGTERM; at a SIGHUP, reads the configuration anew.
    async fn told_to_end(mut self, reload: impl Fn() -> Result<(), String>) {
        loop {
            tokio::select! {
                _ = self.interrupt.recv() => return say("SIGINT, shutting down"),
                _ = self.terminate.recv() => return say("SIGTERM, shutting down"),
                _ = self.hangup.recv() => match tokio::task::block_in_place(&reload) {
                    Ok(()) => say("SIGHUP, configuration read anew"),
                    Err(e) => complain(&format!("SIGHUP, configuration stays as it was: {e}")),
                },
            }
        }
    }
}

/// What a replay found that should not be there. A torn tail is what every crash leaves.
fn tell_of_damage(report: &ReplayReport) {
    report.damage.iter().for_each(|damage| complain(&damage.to_string()));
    report.repair_error.iter().for_each(|error| complain(&format!("repairing the log: {error}")));
}

/// Tells of what went as it should. That nobody reads it any more must not end the server, least of all while it ends.
fn say(message: &str) {
    let _ = writeln!(std::io::stdout(), "promethium-server: {message}");
}

/// Tells of what did not.
fn complain(message: &str) {
    let _ = writeln!(std::io::stderr(), "promethium-server: {message}");
}
