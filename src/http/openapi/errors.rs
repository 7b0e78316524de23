//! The errors that any route can answer with.

use utoipa::openapi::path::Operation;
use utoipa::openapi::{ContentBuilder, Header, ObjectBuilder, Ref, RefOr, Response, Type};

/// Adds what an operation has in common with others, and the body to every error without one.
pub fn complete(operation: &mut Operation) {
    let is_public = operation.security.is_some();
    if !is_public {
        add(
            operation,
            "401",
            "AUTH_FAILED: `X-Service-Name` or `X-Service-Key` is missing or wrong (only if the hub has keys), or given twice",
        );
        add(
            operation,
            "403",
            "AUTH_FAILED: a web page of another origin asks, or the hub is asked under a name that is not its own",
        );
        add(
            operation,
            "429",
            "RATE_LIMITED: too many wrong keys came from this address, and this one is wrong; see `Retry-After`",
        );
        add(
            operation,
            "503",
            "SERVICE_UNAVAILABLE: the hub is starting or stopping",
        );
    }
    if operation.request_body.is_some() {
        add(
            operation,
            "415",
            "INVALID_REQUEST: the body has a `Content-Encoding`",
        );
        add(operation, "413", "PAYLOAD_TOO_LARGE: the body is too large");
        add(
            operation,
            "415",
            "INVALID_REQUEST: the body has a `Content-Encoding`",
        );
        add(
            operation,
            "429",
            "QUEUE_FULL: too many requests are under way. LIMIT_REACHED: too many of this caller; see `Retry-After`",
        );
    }
    add(operation, "500", "INTERNAL_ERROR: a bug");
    for (status, response) in &mut operation.responses.responses {
        if let RefOr::T(response) = response
            && status.as_str() >= "400"
            && response.content.is_empty()
        {
            complete_response(response);
        }
    }
}

fn complete_response(response: &mut Response) {
    let body = Ref::from_schema_name("ErrorAnswer");
    let body = ContentBuilder::new().schema(Some(body)).build();
    let json = "application/json".to_owned();
    response.content.insert(json, body.into());
    if response.description.contains("`Retry-After`") {
        let seconds = ObjectBuilder::new()
            .schema_type(Type::Integer)
            .minimum(Some(1));
        let mut header = Header::new(seconds);
        header.description = Some("Seconds until another try makes sense.".to_owned());
        let name = "Retry-After".to_owned();
        response.headers.insert(name, header.into());
    }
}

/// One status may stand for several errors.
fn add(operation: &mut Operation, status: &str, description: &str) {
    let responses = &mut operation.responses.responses;
    match responses.get_mut(status) {
        Some(RefOr::T(response)) => {
            response.description = format!("{}. {description}", response.description);
        }
        _ => {
            let response = Response::new(description);
            responses.insert(status.to_owned(), response.into());
        }
    }
}
