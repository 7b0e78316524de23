//! `/docs`: the description as a page to read and to try things with. All its files are in the
//! binary, and the page fetches nothing from elsewhere.

use std::borrow::Cow;
use std::sync::{Arc, LazyLock};

use actix_web::http::header;
use actix_web::web::Redirect;
use actix_web::{HttpRequest, HttpResponse, web};
use bytes::Bytes;
use utoipa_swagger_ui::{Config, serve};

use crate::hub::error::HubError;
use crate::web::error::HttpError;
use crate::web::routing::{self, Routes};

pub(crate) fn routes(routes: &mut Routes) {
    routes.at("/docs", [routing::get(to_page)]);
    routes.at("/docs/{file:.*}", [routing::get(file)]);
}

static PAGE: LazyLock<Arc<Config<'static>>> = LazyLock::new(|| {
    let page = Config::from("/openapi.json").try_it_out_enabled(true);
    // Without this the page would send the description to a stranger for validation.
    Arc::new(page.validator_url("none"))
});

/// The files of the page are named relative to its address, which therefore ends in a slash.
async fn to_page() -> Redirect {
    Redirect::to("/docs/").permanent()
}

async fn file(request: HttpRequest, name: web::Path<String>) -> Result<HttpResponse, HttpError> {
    let file = serve(&name, PAGE.clone()).map_err(|_| HubError::Internal)?;
    let file = file.ok_or_else(|| HttpError::NoRoute(request.path().to_owned()))?;
    let mut response = HttpResponse::Ok();
    if file.gzpipped {
        response.insert_header((header::CONTENT_ENCODING, "gzip"));
    }
    Ok(response
        .content_type(file.content_type)
        .body(match file.bytes {
            Cow::Borrowed(bytes) => Bytes::from_static(bytes),
            Cow::Owned(bytes) => bytes.into(),
        }))
}
