//! Plain data: what the hub talks about. No clock, no randomness, no I/O.

pub mod attempt;
pub mod characters;
pub mod circuit;
pub mod compaction_summary;
pub mod dead_letter;
pub mod deny_list;
pub mod event;
pub mod fact;
pub mod ids;
pub mod json_text;
pub mod lack;
pub mod message;
pub mod moment;
pub mod offer;
pub mod ordering;
pub mod pattern;
pub mod quota;
pub mod redrive;
pub mod refusal;
pub mod service;
pub mod shortage;
pub mod strategy;
pub mod subscription;
pub mod subscription_view;
pub mod timestamp;
pub mod web_origin;
