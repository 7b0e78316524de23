//! Logs to standard error, as text or as JSON lines.

use std::io::IsTerminal;

use actix_web::Error;
use actix_web::body::MessageBody;
use actix_web::dev::{ServiceRequest, ServiceResponse};
use tracing::Span;
use tracing_actix_web::RootSpanBuilder;
use tracing_subscriber::EnvFilter;

use crate::config::{Config, LogFormat};

/// Sets the process's log up; a second call changes nothing.
///
/// # Errors
/// If `log` is no filter.
pub fn start(config: &Config) -> Result<(), String> {
    let filter = filter(config)?;
    let lines = tracing_subscriber::fmt()
        .with_ansi(std::io::stderr().is_terminal())
        .with_env_filter(filter)
        .with_writer(std::io::stderr);
    // Fails only if a log was set up already, as in tests that start several hubs.
    let _ = match config.log_format {
        LogFormat::Text => lines.with_target(false).try_init(),
        LogFormat::Json => lines.json().flatten_event(true).try_init(),
    };
    Ok(())
}

/// What is logged. The web server's own notes are left out unless `log` names them.
///
/// # Errors
/// If `log` is no filter.
pub fn filter(config: &Config) -> Result<EnvFilter, String> {
    let filter = EnvFilter::try_new(&config.log).map_err(|error| {
        format!(
            "log: {error}; use a level such as `info` or a filter such as `message_hub=debug,warn`"
        )
    })?;
    if config.log.contains("actix") {
        return Ok(filter);
    }
    let quiet = |directive: &str| directive.parse().expect("a directive");
    // Malformed requests are no error of the hub, and whoever sends them could fill the log.
    Ok(filter
        .add_directive(quiet("actix_server=warn"))
        .add_directive(quiet("actix_http=off")))
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
