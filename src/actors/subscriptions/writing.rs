//! Positions on their way to the journal.

use crate::actors::messages::reply::Reply;
use crate::domain::refusal::Refusal;

#[derive(Default)]
pub(super) struct Writing {
    pub is_under_way: bool,
    /// Who waits for the record after the present one.
    pub waiting: Vec<Reply<Result<(), Refusal>>>,
}
