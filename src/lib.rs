//! A message hub as an actor system.
//!
//! | layer | what | may use |
//! |---|---|---|
//! | [`domain`] | plain data: ids, messages, facts, services | - |
//! | [`logic`] | all decisions: queues, circuits, balancing, journal format | `domain` |
//! | [`ports`] | traits to the outside: journal, archive, transport | `domain`, `logic` |
//! | [`adapters`] | files, SQLite, the HTTP client behind the ports | `ports` |
//! | [`cli`] | the subcommands beside `serve` | `adapters` |

pub mod adapters;
pub mod cli;
pub mod domain;
pub mod logic;
pub mod ports;
