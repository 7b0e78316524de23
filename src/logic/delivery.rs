//! From what was answered to what happens next, for messages and events alike.

pub mod decision;
