//! HTTP as every request over it has it, whether REST or a WebSocket comes of it: the connection,
//! what happens on the way in and out, how routes are written, who asks and with which query, and
//! what errors look like.
//!
//! What speaks a protocol on top of it stands in [`crate::http`] and [`crate::websocket`], which
//! it does not know.

/// As whom refusals are logged: the word that filters of the log have for what comes in by HTTP.
const LOG: &str = "message_hub::http";

pub(crate) mod area;
pub(crate) mod auth;
pub(crate) mod caller;
pub mod connection;
pub(crate) mod cookie;
mod cors;
pub mod edge;
pub(crate) mod error;
pub(crate) mod headers;
pub(crate) mod page;
pub(crate) mod peer;
pub(crate) mod query;
pub(crate) mod request_id;
pub mod requests;
pub(crate) mod routing;
pub mod state;
pub mod unreadable;
pub mod visits;
