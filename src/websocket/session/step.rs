//! What a client asked that is to be done in its turn.

use super::super::answers::Slip;
use super::super::frames::SocketRequest;

/// What is asked, and where its answer goes.
pub(super) struct Step {
    pub slip: Slip,
    pub ask: SocketRequest,
}
