//! All the thinking: plain synchronous structs. `now` and randomness are arguments.

pub mod admission;
pub mod backoff;
pub mod balancer;
pub mod breaker;
pub mod canonical;
pub mod dedup;
pub mod dependencies;
pub mod feeds;
pub mod health;
pub mod kind_index;
pub mod lanes;
pub mod ledger;
pub mod outcome;
pub mod projection;
pub mod push;
pub mod queues;
pub mod quotas;
pub mod ramp;
pub mod recent;
pub mod redrive;
pub mod tally;
pub mod timer_queue;
pub mod token_bucket;
pub mod topics;
pub mod verdict;
pub mod wal;
