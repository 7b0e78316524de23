//! Why a circuit changed its state.

use super::recent::{AttemptCounts, SECONDS};

/// What led to a change of state.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Cause {
    /// So many attempts failed one after the other.
    FailuresInRow(u32),
    /// Too large a part of the last minute's attempts failed.
    FailureRate(AttemptCounts),
    /// So many rejections came without a success.
    RejectionsInRow(u32),
    /// The time an open circuit stays open has passed.
    ResetTimeoutOver,
    /// So many trials in a row were answered.
    TrialsSucceeded(u32),
    /// A trial failed, so that the service is not back yet.
    TrialFailed,
    /// A trial was rejected: one that is to tell whether messages are taken again has told that
    /// they are not.
    TrialRejected,
    /// A trial was not answered in time.
    NoVerdict,
    /// Somebody wanted it so.
    Forced,
}

impl Cause {
    /// In words; `last_error` is what the attempt ended with that brought the change.
    pub fn words(self, last_error: Option<&str>) -> String {
        match (self, last_error) {
            (Self::FailuresInRow(count), Some(error)) => {
                format!("{count} failed attempts in a row, the last: {error}")
            }
            (Self::FailuresInRow(count), None) => format!("{count} failed attempts in a row"),
            (Self::FailureRate(AttemptCounts { finished, failed }), _) => {
                format!("{failed} of {finished} attempts in {SECONDS} s failed")
            }
            (Self::RejectionsInRow(count), Some(error)) => {
                format!("{count} rejections without a success, the last: {error}")
            }
            (Self::RejectionsInRow(count), None) => {
                format!("{count} rejections without a success")
            }
            (Self::ResetTimeoutOver, _) => "reset_timeout is over".to_owned(),
            (Self::TrialsSucceeded(count), _) => format!("{count} trials succeeded"),
            (Self::TrialFailed, Some(error)) => format!("trial failed: {error}"),
            (Self::TrialFailed, None) => "trial failed".to_owned(),
            (Self::TrialRejected, Some(error)) => format!("trial rejected: {error}"),
            (Self::TrialRejected, None) => "trial rejected".to_owned(),
            (Self::NoVerdict, _) => "no verdict within half_open_timeout".to_owned(),
            (Self::Forced, _) => "forced".to_owned(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_cause_has_words() {
        let rate = AttemptCounts {
            finished: 23,
            failed: 12,
        };
        for (cause, words) in [
            (
                Cause::FailuresInRow(5),
                "5 failed attempts in a row, the last: HTTP 503",
            ),
            (Cause::FailureRate(rate), "12 of 23 attempts in 60 s failed"),
            (Cause::ResetTimeoutOver, "reset_timeout is over"),
            (Cause::TrialsSucceeded(2), "2 trials succeeded"),
            (Cause::TrialFailed, "trial failed: HTTP 503"),
            (Cause::TrialRejected, "trial rejected: HTTP 503"),
            (
                Cause::RejectionsInRow(20),
                "20 rejections without a success, the last: HTTP 503",
            ),
            (Cause::NoVerdict, "no verdict within half_open_timeout"),
            (Cause::Forced, "forced"),
        ] {
            assert_eq!(cause.words(Some("HTTP 503")), words);
        }
        assert_eq!(Cause::TrialFailed.words(None), "trial failed");
    }
}
