//! Ids that the dedup window may not tell: those the hub itself gave out, and those the window
//! has forgotten. Whether such an id is known says the archive.

use std::future::Future;

use super::error::HubError;
use crate::domain::message::Fingerprint;

/// An id that comes in again, or may.
#[derive(Clone, Copy)]
pub struct Given {
    /// Of what the client chose an id for.
    pub fingerprint: Option<Fingerprint>,
    /// The hub may have made it.
    pub is_generated: bool,
}

impl Given {
    /// `forgetful`: the window has forgotten an id.
    pub fn is_unsure(self, forgetful: bool) -> bool {
        self.fingerprint.is_some() && (self.is_generated || forgetful)
    }
}

/// What the archive has, and whether it answers.
///
/// # Errors
/// Any other than that the archive does not answer.
pub async fn stored<T>(
    asked: impl Future<Output = Result<Vec<T>, HubError>>,
) -> Result<(Vec<T>, bool), HubError> {
    match asked.await {
        Ok(stored) => Ok((stored, true)),
        Err(HubError::NoArchive(_)) => Ok((Vec::new(), false)),
        Err(error) => Err(error),
    }
}

/// What is to be said of an id that was looked up.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum IdMatch {
    /// It is known, with the same content.
    Repeat,
    /// It is something else's.
    Taken,
    /// Only the dedup window can tell, as the archive does not answer.
    Doubtful,
    /// It may be taken.
    New,
}

impl IdMatch {
    /// `same`: whether what is known under the id has the same content; `None`: nothing is known.
    pub fn of(given: Given, same: Option<bool>, archive_answers: bool) -> Self {
        match same {
            Some(true) => Self::Repeat,
            Some(false) => Self::Taken,
            // An id that was never ours may be taken without asking; one of ours may not.
            None if !archive_answers && given.is_generated => Self::Doubtful,
            None => Self::New,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_an_id_of_ours_needs_the_archive() {
        for (same, archive_answers, is_generated, finding) in [
            (Some(true), false, true, IdMatch::Repeat),
            (Some(false), true, false, IdMatch::Taken),
            (None, true, true, IdMatch::New),
            (None, false, false, IdMatch::New),
            (None, false, true, IdMatch::Doubtful),
        ] {
            let given = Given {
                fingerprint: None,
                is_generated,
            };
            assert_eq!(IdMatch::of(given, same, archive_answers), finding);
        }
    }
}
