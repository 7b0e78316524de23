//! What is told to the Warden.

use actix::Message as ActixMessage;

/// Anyone → Warden: the process cannot go on; its state is safe in the journal.
#[derive(ActixMessage)]
#[rtype(result = "()")]
pub struct Fatal {
    pub actor: &'static str,
    pub cause: String,
}
