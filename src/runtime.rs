//! The one place that sees everything: opens the storage, wires the actors, replays, lets
//! requests in, and on a signal drains and stops.

mod connections;
mod huge_pages;
mod pulse;
mod reload;
mod replay;
mod ring;
mod server;
mod settings;
mod shutdown;
#[cfg(test)]
pub(crate) mod test_hub;

use std::io;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use actix_web::web;
use prometheus::IntCounter;
use tokio::time::MissedTickBehavior;

use crate::actors::archivist::{self, FoundArchive};
use crate::adapters::journal_file::FileJournal;
use crate::clock::Clock;
use crate::config::{Config, Loaded, LogFormat};
use crate::config_file::ConfigFile;
use crate::exit::Exit;
use crate::hub::Hub;
use crate::logic::stats;
use crate::logic::writer::Author;
use crate::metrics::Metrics;
use crate::open_files;
use crate::opening::{self, StartError};
use crate::phase::{CurrentPhase, Phase};
use crate::ports::archive::{ArchiveError, ArchiveReader};
use crate::ports::journal::Journal;
use crate::routes::SERVED;
use crate::telemetry;
use crate::telemetry::lines::Lines;
use crate::web::state::WebState;
use reload::Reload;
use replay::Recovered;

const VERSION: &str = env!("CARGO_PKG_VERSION");

/// Runs a hub until it is told to stop.
///
/// # Errors
/// [`StartError`] says what to fix.
pub fn serve(loaded: &Loaded, file: &ConfigFile) -> Result<Exit, StartError> {
    huge_pages::avoid();
    opening::check(&loaded.config)?;
    let metrics = Arc::new(Metrics::with(loaded.config.server.metrics_max_services));
    let filter = telemetry::filter(&loaded.config).map_err(StartError::Configuration)?;
    let lost = metrics.log_lines_lost.clone();
    let started = telemetry::start(&loaded.config, filter, lost);
    started.map_err(|error| StartError::Internal(format!("log: {error}")))?;
    for warning in &loaded.warnings {
        tracing::warn!("{warning}");
    }
    for key in loaded.config.unused() {
        tracing::warn!("{key}: set, but not used by this version");
    }
    let files = open_files::allow_many();
    connections::check_files(files, server::workers()).map_err(StartError::Storage)?;
    opening::keep_private(&loaded.config)?;
    let exit = actix::System::new().block_on(run(loaded, file, files, metrics));
    telemetry::flush();
    exit
}

async fn run(
    loaded: &Loaded,
    file: &ConfigFile,
    files: Option<u64>,
    metrics: Arc<Metrics>,
) -> Result<Exit, StartError> {
    // From the beginning, as they would end the process.
    let hangups = shutdown::Hangups::catch();
    shutdown::survive_large_files();
    let config = &loaded.config;
    let (clock, phase) = (Clock::start(), CurrentPhase::default());
    let (listener, address) = opening::listen(config)?;
    let journal = open_journal(config)?;
    let trust = opening::trust(config)?;
    let archive = opening::open_archive(config, &trust).await?;
    let found = look_at(&*archive, journal.author()).await?;

    let archive_of_hub = (archive.clone(), journal.author().clone());
    let (ring, pending) = ring::Ring::new(
        config,
        trust,
        clock,
        metrics.clone(),
        archive_of_hub,
        ring::Shared::new(config),
    );
    let hub = web::Data::new(Hub::new(config, ring.surroundings(&phase)));
    let state = web::Data::new(WebState::new(config, hub.clone(), SERVED));
    watch_time(clock, &metrics, ring.to());
    let reload = Reload::new(file, config, hub.clone(), ring.to().clone());
    let visits = state.visits.clone();
    let (server, stop) = server::start(config, listener, state.clone(), (files, metrics.clone()))?;
    let greeting = Greeting::of(config)?;
    tell_start(&greeting, loaded, address);
    let server = actix::spawn(server);

    // Before anybody is told that the hub is ready, so that it can be stopped in good order.
    let signals = shutdown::Signals::catch();
    let running = ring.start(pending, journal, found).await?;
    tell_recovery(&greeting, &running.recovery);
    phase.set(Phase::Open);
    greeting.say("ready");
    tracing::info!("ready");
    let telling = actix::spawn(tell_notices(hub.clone(), metrics.clone()));
    let sampling = actix::spawn(keep_samples(hub.clone()));

    let reloading = actix::spawn(reload_each_time(hangups, reload));
    signals.received().await;
    reloading.abort();
    phase.set(Phase::Draining);
    visits.stop();
    let (server_side, at_most) = ((stop, visits), config.server.shutdown_timeout);
    let exit = shutdown::stop(running, &*archive, server_side, at_most).await;
    server.abort();
    telling.abort();
    sampling.abort();
    metrics.notices.tell_rest(clock.now());
    hub.refusals.tell_rest(clock.now());
    Ok(exit)
}

/// One with much in it is worth memory in large pages from the start.
fn open_journal(config: &Config) -> Result<FileJournal, StartError> {
    let journal = opening::open_journal(config)?;
    if journal.size_bytes() > config.storage.wal_segment_bytes {
        huge_pages::allow();
    }
    Ok(journal)
}

/// Notes how this thread keeps up, and tells those who go by the system's clock that it was set.
fn watch_time(clock: Clock, metrics: &Arc<Metrics>, to: &ring::Addresses) {
    pulse::begin(clock, metrics.clone());
    let followers = [
        to.retry_timer.clone().recipient(),
        to.event_store.clone().recipient(),
    ];
    pulse::watch_clock(clock, followers);
}

fn tell_start(greeting: &Greeting, loaded: &Loaded, address: SocketAddr) {
    greeting.say(&format!(
        "message-hub {VERSION} listening on http://{address}"
    ));
    let data_dir = std::path::absolute(&loaded.config.storage.data_dir).unwrap_or_default();
    greeting.say(&format!("data in {}", data_dir.display()));
    let file = loaded.file.as_deref().map(Path::display);
    tracing::info!(
        version = VERSION,
        config = file.map(tracing::field::display),
        %address,
        data_dir = %data_dir.display(),
        "message-hub starts"
    );
}

fn tell_recovery(greeting: &Greeting, recovery: &Recovered) {
    greeting.say(&format!("recovered {recovery}"));
    tracing::info!("recovered {recovery}");
    if let Some(cut) = recovery.torn() {
        tracing::warn!("{cut}; it was never acknowledged");
    }
}

async fn reload_each_time(mut hangups: shutdown::Hangups, mut reload: Reload) {
    while hangups.next().await.is_some() {
        reload.again();
    }
}

/// Takes a sample of the hub every ten seconds, once it serves.
async fn keep_samples(hub: web::Data<Hub>) {
    let mut ticks = tokio::time::interval(Duration::from_secs(stats::STEP as u64));
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut sampler = hub.sampler();
    loop {
        ticks.tick().await;
        // Who knows it is going down, and then nobody asks for it any more.
        if hub.phase.get() == Phase::Open && hub.keep_sample(&mut sampler).await.is_err() {
            return;
        }
    }
}

/// What was counted in place of a line each is told once it is due.
async fn tell_notices(hub: web::Data<Hub>, metrics: Arc<Metrics>) {
    let mut ticks = tokio::time::interval(Duration::from_secs(1));
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        let now = hub.clock.now();
        metrics.notices.tell_due(now);
        hub.refusals.tell_due(now);
    }
}

/// What is in the archive, which must be this hub's if it is anybody's; or why it cannot be told
/// now.
async fn look_at(
    archive: &dyn ArchiveReader,
    author: &Author,
) -> Result<Result<FoundArchive, ArchiveError>, StartError> {
    let standing = match archive.standing().await {
        Ok(standing) => standing,
        Err(error) => return Ok(Err(error)),
    };
    let is_ours = standing.must_be_of(author);
    is_ours.map_err(|denial| StartError::Configuration(denial.to_string()))?;
    let events = archivist::events_in(archive).await;
    Ok(events.map(|events| FoundArchive {
        checkpoint: standing.checkpoint,
        events,
    }))
}

/// The lines on standard output for whoever started the hub. Where the log is JSON there are none:
/// containers put both streams together, and the log says the same.
struct Greeting(Option<Lines>);

impl Greeting {
    fn of(config: &Config) -> Result<Self, StartError> {
        if config.log.log_format == LogFormat::Json {
            return Ok(Self(None));
        }
        let unread = IntCounter::new("unread", "lines");
        let unread = unread.map_err(|error| StartError::Internal(error.to_string()))?;
        let lines = Lines::to(io::stdout(), unread);
        let lines = lines.map_err(|error| StartError::Internal(error.to_string()))?;
        Ok(Self(Some(lines)))
    }

    /// Nobody may be reading, which is no reason to stop or to wait.
    fn say(&self, line: &str) {
        if let Some(lines) = &self.0 {
            lines.push(format!("{line}\n").as_bytes());
        }
    }
}
