#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]
#![allow(clippy::print_stdout, reason = "shown with a test that fails")]

mod archive;
mod auth;
mod balancing;
mod batch;
mod circuits;
mod clearing;
mod clock;
mod crash;
mod dead_letters;
mod events;
mod faults;
mod health;
mod hostile;
mod isolation;
mod journal;
mod layers;
mod leases;
mod lists;
mod messages;
mod operations;
mod ordering;
mod pacing;
mod power_loss;
mod push;
mod queue;
mod quotas;
mod recovery;
mod redrive;
mod retries;
mod services;
mod shutdown;
mod socket;
mod start;
mod support;
mod waiting;
