//! The application: what can be asked of the hub, in no protocol.

pub mod clients;
pub mod error;
