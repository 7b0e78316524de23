//! Plain data: what the hub talks about. No clock, no randomness, no I/O.

pub mod circuit;
pub mod fact;
pub mod ids;
pub mod message;
pub mod ordering;
pub mod quota;
pub mod redrive;
pub mod refusal;
pub mod service;
pub mod strategy;
pub mod timestamp;
