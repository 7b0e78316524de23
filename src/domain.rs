//! Plain data: what the hub talks about. No clock, no randomness, no I/O.

pub mod fact;
pub mod ids;
pub mod message;
pub mod refusal;
pub mod service;
pub mod timestamp;
