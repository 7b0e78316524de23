//! A message hub as an actor system.
//!
//! | layer | what | may use |
//! |---|---|---|
//! | [`domain`] | plain data: ids, messages, facts, services | - |
//! | [`logic`] | all decisions: queues, circuits, balancing, journal format | `domain` |
//! | [`ports`] | traits to the outside: journal, archive, transport | `domain`, `logic` |
//! | [`adapters`] | files, SQLite, the HTTP client behind the ports | `ports` |
//! | [`actors`] | thin shells around the logic; [`actors::messages`] is the map | `ports` |
//! | [`hub`] | the application: what can be asked for, in no protocol | `actors::messages`, `ports` |
//! | [`api`] | the JSON that the protocols share | `hub` |
//! | [`web`] | HTTP as REST and sockets have it in common: connections, routes, errors | `hub`, `api` |
//! | [`http`] | REST: parse, ask, reply | `web` |
//! | [`websocket`] | the sockets: frames in, events and messages out | as `http` |
//! | [`routes`] | REST and WebSocket in one server, with one description | `http`, `websocket` |
//! | [`runtime`] | wires, starts, drains, stops | everything but `cli` |
//! | [`cli`] | the command line, the load generator, journal tools | everything but `runtime` |
//!
//! Beside the layers: [`clock`], [`config`], [`config_file`], [`exit`],
//! [`live`], [`metrics`], [`open_files`], [`opening`], [`patience`], [`phase`], [`pool`],
//! [`request_rates`], [`telemetry`].

pub mod actors;
pub mod adapters;
pub mod api;
pub mod cli;
pub mod clock;
pub mod config;
pub mod config_file;
#[warn(missing_docs)]
pub mod domain;
pub mod exit;
pub mod http;
#[warn(missing_docs)]
pub mod hub;
pub mod live;
#[warn(missing_docs)]
pub mod logic;
pub mod metrics;
pub mod open_files;
pub mod opening;
pub mod patience;
pub mod phase;
pub mod pool;
#[warn(missing_docs)]
pub mod ports;
pub mod request_rates;
pub mod routes;
pub mod runtime;
pub mod telemetry;
pub mod web;
pub mod websocket;
