//! Waiting on behalf of a client, as long as it may still be there.

use std::future::Future;
use std::rc::Rc;

use actix_web::HttpRequest;

use crate::web::connection::Line;

/// What comes of `future`, unless the client says no more before that. What is there counts, as a
/// client that says no more may still listen.
pub(crate) async fn unless_over<F: Future>(request: &HttpRequest, future: F) -> Option<F::Output> {
    let Some(line) = request.conn_data::<Rc<Line>>() else {
        return Some(future.await);
    };
    tokio::select! {
        biased;
        output = future => Some(output),
        () = line.over() => None,
    }
}
