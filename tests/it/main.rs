#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]
#![allow(clippy::print_stdout, reason = "shown with a test that fails")]

mod ahead;
mod archive;
mod archive_away;
mod auth;
mod balancing;
mod batch;
mod bench;
mod browsers;
mod circuits;
mod clearing;
mod clock;
mod crash;
mod dead_letters;
mod docs;
mod events;
mod faults;
mod files;
mod forgotten;
mod greedy;
mod guide;
mod half_closed;
mod health;
mod history;
mod hostile;
mod isolation;
mod journal;
mod large_reads;
mod layers;
mod leases;
mod limits;
mod lists;
mod log;
mod lost_archive;
mod messages;
mod metrics;
mod moving;
mod names;
mod operations;
mod ordering;
mod outgoing;
mod overview;
mod pacing;
mod parting;
mod pauses;
mod payloads;
mod postgres;
mod power_loss;
mod private;
mod push;
mod queue;
mod quotas;
mod recovery;
mod redrive;
mod refusals;
mod released;
mod reload;
mod removal;
mod retries;
mod services;
mod sessions;
mod shutdown;
mod socket;
mod start;
mod streams;
mod subscriptions;
mod support;
mod tls;
mod unheard;
mod unknown_names;
mod upgrades;
mod waiting;
mod watching;

/// Those in memory, which are no part of the hub.
#[path = "../../src/adapters"]
mod adapters {
    #![allow(dead_code, reason = "unit tests need more of them")]

    pub(crate) mod archive_memory;
    pub(crate) mod journal_memory;
}

// As what is in them names it.
use message_hub::{domain, logic, ports};
