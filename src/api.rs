//! What is said alike by every protocol that speaks JSON: REST and the sockets.

pub(crate) mod error;
