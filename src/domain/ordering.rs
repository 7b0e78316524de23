//! What becomes of an ordering key whose message failed.

use serde::{Deserialize, Serialize};

/// Whether the messages behind a dead letter with the same ordering key go on.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OrderingOnFailure {
    /// The next message of the key goes as if the dead one were delivered.
    #[default]
    Continue,
    /// The key waits until the dead letter is reprocessed or deleted.
    Hold,
}
