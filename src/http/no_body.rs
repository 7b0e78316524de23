//! Commands that are said by their path and query alone.

use actix_web::dev::Payload;
use actix_web::{FromRequest, HttpRequest, web};
use futures_util::future::{FutureExt, LocalBoxFuture};
use serde::Deserialize;

use super::body::{ReadBody, UnreadBody};
use crate::api;
use crate::hub::Hub;
use crate::hub::error::{HubError, Subject};
use crate::web::routing::OfBody;

/// A body of which nothing is taken: it is empty, null, as some clients write that there is none,
/// or an object without fields. Whoever gives more meant something by it, perhaps only a part of
/// what would be done.
pub(crate) struct NoBody;

impl OfBody for NoBody {}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Nothing {}

impl FromRequest for NoBody {
    type Error = HubError;
    type Future = LocalBoxFuture<'static, Result<Self, HubError>>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let hub = request.app_data::<web::Data<Hub>>().cloned();
        let incoming = UnreadBody::from_request(request, payload);
        async move {
            let hub = hub.ok_or(HubError::Internal)?;
            let Ok(incoming) = incoming.await;
            let body = ReadBody::one(&hub, incoming, Subject::Request).await?;
            if !["", "null"].contains(&body.text().trim()) {
                let Nothing {} = api::body::command(Subject::Request, body.text())?;
            }
            Ok(Self)
        }
        .boxed_local()
    }
}
