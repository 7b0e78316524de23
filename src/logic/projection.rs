//! Facts folded into the changes they make to the archive's rows.

use crate::domain::ids::Position;

/// Changes to write in one transaction.
#[derive(Clone, Debug, Default)]
pub struct Batch {
    /// Everything up to here is in the archive once the batch is.
    pub through: Position,
}
