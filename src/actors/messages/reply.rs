//! The way back to whoever asked.

use tokio::sync::oneshot;

pub type Reply<T> = oneshot::Sender<T>;
