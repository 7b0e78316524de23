//! `/`: the hub's own page for people. Its files are in the binary as they stand in `static`, each
//! at its path there; a debug build reads them from disk, so that a change is seen at the next load.

mod files;
#[cfg(test)]
mod tests;

use std::sync::LazyLock;

use actix_web::http::header::{
    self, Accept, AcceptEncoding, Encoding, EntityTag, Header, HeaderValue, IfNoneMatch, Quality,
};
use actix_web::{HttpRequest, HttpResponse};
use rust_embed::RustEmbed;
use serde_json::json;

use crate::web::error::HttpError;
use crate::web::routing::{self, Routes};
use files::{PageFile, PageFiles};

const INDEX: &str = "/index.html";

#[derive(RustEmbed)]
#[folder = "static"]
struct Embedded;

static FILES: LazyLock<PageFiles> = LazyLock::new(PageFiles::of::<Embedded>);

pub(crate) fn routes(routes: &mut Routes) {
    register(routes, &FILES);
}

/// Whether the page or a file of it is at this path.
pub(crate) fn is_at(path: &str) -> bool {
    path == "/" || FILES.has(path)
}

/// Each file has its own route, so that none takes a path that is another's, or nobody's.
fn register(routes: &mut Routes, files: &'static PageFiles) {
    let index = move |request: HttpRequest| async move { index(&request, files) };
    routes.at("/", [routing::get(index), routing::head(index)]);
    for path in files.paths() {
        let file = move |request: HttpRequest| async move { file(&request, path, files) };
        routes.at(path, [routing::get(file), routing::head(file)]);
    }
}

/// The page for people; for programs where to read on.
fn index(request: &HttpRequest, files: &PageFiles) -> Result<HttpResponse, HttpError> {
    let mut response = match asks_for_page(request) {
        true => file(request, INDEX, files)?,
        false => signpost(),
    };
    let headers = response.headers_mut();
    headers.append(header::VARY, HeaderValue::from_static("Accept"));
    Ok(response)
}

/// A browser names what it shows; programs take anything, and had an answer here before there was a
/// page.
fn asks_for_page(request: &HttpRequest) -> bool {
    let accepted = Accept::parse(request).map(|accept| accept.0);
    let mut kinds = accepted.unwrap_or_default().into_iter();
    kinds.any(|kind| kind.item.essence_str() == "text/html" && kind.quality > Quality::ZERO)
}

fn signpost() -> HttpResponse {
    HttpResponse::Ok().json(json!({
        "name": "message-hub",
        "documentation": "/docs",
        "openapi": "/openapi.json",
        "asyncapi": "/asyncapi.json",
        "health": "/health",
    }))
}

/// # Errors
/// 404: the file has gone since the hub started, which only a debug build sees.
fn file(request: &HttpRequest, path: &str, files: &PageFiles) -> Result<HttpResponse, HttpError> {
    let file = files.read(path);
    let file = file.ok_or_else(|| HttpError::NoRoute(path.to_owned()))?;
    Ok(answer(request, &file))
}

fn answer(request: &HttpRequest, file: &PageFile) -> HttpResponse {
    let gzip = file.gzip.as_ref().filter(|_| takes_gzip(request));
    let (tag, body) = match gzip {
        Some(body) => (file.tag("-gzip"), body),
        None => (file.tag(""), &file.plain),
    };
    let is_known = is_known(request, &tag);
    let mut response = match is_known {
        true => HttpResponse::NotModified(),
        false => HttpResponse::Ok(),
    };
    response.insert_header((header::ETAG, tag.to_string()));
    response.insert_header((header::VARY, "Accept-Encoding"));
    // To be kept, but asked for each time: an update of the hub is seen at once.
    response.insert_header((header::CACHE_CONTROL, "no-cache"));
    if is_known {
        return response.finish();
    }
    if gzip.is_some() {
        response.insert_header((header::CONTENT_ENCODING, "gzip"));
    }
    response.content_type(file.content_type).body(body.clone())
}

fn takes_gzip(request: &HttpRequest) -> bool {
    let forms = [Encoding::gzip(), Encoding::identity()];
    AcceptEncoding::parse(request)
        .is_ok_and(|accepted| accepted.negotiate(forms.iter()) == Some(Encoding::gzip()))
}

/// Whether who asks has this already. What cannot be read is asked for as if nothing was said.
fn is_known(request: &HttpRequest, tag: &EntityTag) -> bool {
    match IfNoneMatch::parse(request) {
        Ok(IfNoneMatch::Any) => true,
        Ok(IfNoneMatch::Items(known)) => known.iter().any(|known| known.weak_eq(tag)),
        Err(_) => false,
    }
}
