//! Logs to standard error, as text or as JSON lines. Nobody waits for the log, and no failure of
//! it is anybody's failure.

pub mod lines;

use std::any::Any;
use std::backtrace::{Backtrace, BacktraceStatus};
use std::io::{self, IsTerminal};
use std::panic::PanicHookInfo;
use std::sync::OnceLock;
use std::thread;
use std::time::Duration;

use actix_web::Error;
use actix_web::body::MessageBody;
use actix_web::dev::{ServiceRequest, ServiceResponse};
use prometheus::IntCounter;
use tracing::Span;
use tracing_actix_web::RootSpanBuilder;
use tracing_subscriber::EnvFilter;

use crate::config::{Config, LogFormat};
use lines::Lines;

/// How long the end of the process waits for the log.
const LAST_WORDS: Duration = Duration::from_millis(500);

/// Where this process's log goes, once it is set up.
static LOG: OnceLock<Lines> = OnceLock::new();

/// Sets the process's log up; a second call changes nothing. `lost` counts the lines that were
/// not written.
///
/// # Errors
/// If there is no thread or no file descriptor left for it.
pub fn start(config: &Config, filter: EnvFilter, lost: IntCounter) -> io::Result<()> {
    let lines = Lines::to(io::stderr(), lost)?;
    let log = tracing_subscriber::fmt()
        .with_ansi(io::stderr().is_terminal())
        .with_env_filter(filter)
        // They would go to standard error by a way that panics when it cannot be written.
        .log_internal_errors(false)
        .with_writer(LOG.get_or_init(|| lines).clone());
    // Fails only if a log was set up already, as in tests that start several hubs.
    match config.log.log_format {
        LogFormat::Text => {
            let lines = log.with_target(false).with_filter_reloading();
            let handle = lines.reload_handle();
            if lines.try_init().is_ok() {
                let _ = CHANGE.set(Box::new(move |filter| handle.reload(filter).is_ok()));
            }
        }
        LogFormat::Json => {
            let lines = log.json().flatten_event(true).with_filter_reloading();
            let handle = lines.reload_handle();
            if lines.try_init().is_ok() {
                let _ = CHANGE.set(Box::new(move |filter| handle.reload(filter).is_ok()));
            }
        }
    }
    std::panic::set_hook(Box::new(report_panic));
    Ok(())
}

/// Gives what was logged a moment to be written: the process is about to end.
pub fn flush() {
    if let Some(lines) = LOG.get() {
        lines.flush(LAST_WORDS);
    }
}

/// Says on standard error why there is no hub, and waits only a moment if nobody takes it.
pub fn last_words(text: &str) {
    let line = format!("{text}\n");
    let lines = match LOG.get() {
        Some(lines) => Ok(lines.clone()),
        None => IntCounter::new("lost", "lines")
            .map_err(io::Error::other)
            .and_then(|lost| Lines::to(io::stderr(), lost)),
    };
    // Nothing is left to do if even that cannot be had.
    if let Ok(lines) = lines {
        lines.push(line.as_bytes());
        lines.flush(LAST_WORDS);
    }
}

/// The usual hook writes to standard error itself, and waits for it.
fn report_panic(panic: &PanicHookInfo<'_>) {
    let thread = thread::current();
    let place = panic.location().map(ToString::to_string);
    let backtrace = Backtrace::capture();
    let backtrace = (backtrace.status() == BacktraceStatus::Captured).then_some(backtrace);
    tracing::error!(
        thread = thread.name(),
        place,
        backtrace = backtrace.map(tracing::field::display),
        "panicked: {}",
        words_of(panic.payload())
    );
}

fn words_of(payload: &dyn Any) -> &str {
    let owned = payload.downcast_ref::<String>().map(String::as_str);
    let words = owned.or_else(|| payload.downcast_ref::<&str>().copied());
    words.unwrap_or("no text")
}

/// Has the log that was set up go by another filter.
static CHANGE: OnceLock<Box<dyn Fn(EnvFilter) -> bool + Send + Sync>> = OnceLock::new();

/// From now on `config` says what is logged.
///
/// # Errors
/// If `log` is no filter, or there is no log that could be changed.
pub fn change(config: &Config) -> Result<(), String> {
    let filter = filter(config)?;
    match CHANGE.get() {
        Some(change) if change(filter) => Ok(()),
        _ => Err("log: the log of this process cannot be changed".to_owned()),
    }
}

/// What is logged. The web server's own notes are left out unless `log` names them.
///
/// # Errors
/// If `log` is no filter.
pub fn filter(config: &Config) -> Result<EnvFilter, String> {
    let filter = EnvFilter::try_new(&config.log.log).map_err(|error| {
        format!(
            "log: {error}; use a level such as `info` or a filter such as `message_hub=debug,warn`"
        )
    })?;
    // Malformed requests are no error of the hub, and whoever sends them could fill the log.
    let quiet = [
        ("actix_server", "actix_server=warn"),
        ("actix_http", "actix_http=off"),
    ];
    let quiet = quiet
        .into_iter()
        .filter(|(module, _)| !names(&config.log.log, module));
    Ok(quiet.fold(filter, |filter, (_, directive)| {
        filter.add_directive(directive.parse().expect("a directive"))
    }))
}

/// Whether a filter says something about this module, by its name or the beginning of it.
fn names(filter: &str, module: &str) -> bool {
    let mut named = filter.split(',').filter_map(|one| one.split_once('='));
    named.any(|(name, _)| name.starts_with(module) || module.starts_with(name))
}

/// A span per request, at level DEBUG: at 40,000 requests a second a span for each is only made
/// when somebody asked for it.
pub struct QuietSpans;

impl RootSpanBuilder for QuietSpans {
    fn on_request_start(request: &ServiceRequest) -> Span {
        tracing::debug_span!(
            "request",
            method = %request.method(),
            path = request.path(),
            service = request.headers().get("x-service-name").and_then(|name| name.to_str().ok()),
            status = tracing::field::Empty,
        )
    }

    fn on_request_end<B: MessageBody>(span: Span, outcome: &Result<ServiceResponse<B>, Error>) {
        let status = match outcome {
            Ok(response) => response.status(),
            Err(error) => error.as_response_error().status_code(),
        };
        span.record("status", status.as_u16());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_who_names_the_web_server_hears_it() {
        for (filter, is_named) in [
            ("info", false),
            ("actix_web=debug,info", false),
            ("actix_http=debug,info", true),
            ("actix=debug,info", true),
            ("actix_http::h1=debug,info", true),
        ] {
            assert_eq!(names(filter, "actix_http"), is_named, "{filter}");
        }
    }
}
