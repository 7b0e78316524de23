//! What is said alike by every protocol that speaks JSON: REST and the sockets.

pub(crate) mod body;
pub(crate) mod content_words;
pub(crate) mod dead_letter_filter;
pub(crate) mod error;
pub(crate) mod error_schema;
pub(crate) mod event;
pub(crate) mod field;
pub(crate) mod health;
pub(crate) mod job;
pub(crate) mod leases;
pub(crate) mod lists;
pub(crate) mod members;
pub(crate) mod message;
pub(crate) mod numbers;
pub(crate) mod objects;
pub(crate) mod overview;
pub(crate) mod patterns;
pub(crate) mod problem;
pub(crate) mod raw_field;
pub(crate) mod service_row;
pub(crate) mod status;
pub(crate) mod texts;
pub(crate) mod unknown;
pub(crate) mod written_out;
