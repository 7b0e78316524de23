//! A message hub as an actor system.
//!
//! | layer | what | may use |
//! |---|---|---|
//! | [`domain`] | plain data: ids, messages, facts, services | - |
//! | [`logic`] | all decisions: queues, circuits, balancing, journal format | `domain` |
//! | [`ports`] | traits to the outside: journal, archive, transport | `domain`, `logic` |
//! | [`adapters`] | files, SQLite, the HTTP client behind the ports | `ports` |
//! | [`cli`] | the command line and the load generator | `config` |
//! | [`config`] | what a hub can be told, read from YAML and the environment | `domain` |

pub mod adapters;
pub mod cli;
pub mod config;
pub mod domain;
pub mod logic;
pub mod ports;
