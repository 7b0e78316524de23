//! What an instance's answer means (docs/reference/deliveries.md: the table of answers).

use std::time::Duration;

use super::backoff::RequestedDelay;
use crate::domain::attempt::AttemptOutcome;
use crate::ports::transport::PushResponse;

/// What an answer means for the attempt, the instance and the circuit.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Answered {
    /// A 2xx: the other side has it.
    Delivered,
    /// Another instance, or this one later, may take it.
    Failed {
        /// What its `Retry-After` asks for, where that is heard.
        retry_after: Option<Duration>,
    },
    /// No other try will change it.
    Rejected(Rejection),
    /// 410: this instance wants no more messages.
    Gone,
    /// The message's own time was over before the instance had as long as it is given.
    CutShort,
    /// It did not get there, for want of something of the hub's own.
    NotTried,
}

/// What a rejection speaks of.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Rejection {
    /// This message; another one may be taken.
    Message,
    /// Where it was sent, or who sends: the next message will fare no better.
    Address,
}

impl Answered {
    /// What the attempt comes to when this was its last answer.
    pub fn outcome(self) -> AttemptOutcome {
        match self {
            Self::Delivered => AttemptOutcome::Delivered,
            Self::Failed { .. } | Self::CutShort | Self::NotTried => AttemptOutcome::Failed,
            Self::Rejected(_) | Self::Gone => AttemptOutcome::Rejected,
        }
    }

    /// What was wished for the next attempt.
    pub fn requested(self) -> Option<RequestedDelay> {
        match self {
            Self::Failed { retry_after } => retry_after.map(RequestedDelay::AtLeast),
            _ => None,
        }
    }
}

/// `Retry-After` is heard on 429 and 503 only.
pub fn classify(answer: &PushResponse) -> Answered {
    let (code, retry_after) = match answer {
        PushResponse::Status {
            code, retry_after, ..
        } => (code, retry_after),
        PushResponse::NoAnswer { .. } => return Answered::Failed { retry_after: None },
        PushResponse::CutShort { .. } => return Answered::CutShort,
        PushResponse::NotTried { .. } => return Answered::NotTried,
    };
    match code {
        200..=299 => Answered::Delivered,
        401 | 403 | 404 | 405 | 501 => Answered::Rejected(Rejection::Address),
        410 => Answered::Gone,
        429 | 503 => Answered::Failed {
            retry_after: *retry_after,
        },
        // What comes before an answer is none.
        100..=199 | 408 | 425 | 500..=599 => Answered::Failed { retry_after: None },
        _ => Answered::Rejected(Rejection::Message),
    }
}

/// The status of the answer; `None` if there was none.
pub fn status_code(answer: &PushResponse) -> Option<u16> {
    match answer {
        PushResponse::Status { code, .. } => Some(*code),
        _ => None,
    }
}

/// The answer in a few words; `None` for a success.
pub fn describe(answer: &PushResponse) -> Option<String> {
    match answer {
        PushResponse::NoAnswer { error }
        | PushResponse::CutShort { error }
        | PushResponse::NotTried { error } => Some(error.clone()),
        PushResponse::Status {
            code: 200..=299, ..
        } => None,
        PushResponse::Status { code, excerpt, .. } if excerpt.is_empty() => {
            Some(format!("HTTP {code}"))
        }
        PushResponse::Status { code, excerpt, .. } => Some(format!("HTTP {code}: {excerpt}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn status(code: u16) -> PushResponse {
        let retry_after = Some(Duration::from_secs(7));
        PushResponse::Status {
            code,
            retry_after,
            excerpt: String::new(),
        }
    }

    #[test]
    fn statuses_mean_what_the_contract_says() {
        let failed = Answered::Failed { retry_after: None };
        let of_message = Answered::Rejected(Rejection::Message);
        let of_address = Answered::Rejected(Rejection::Address);
        let later = Answered::Failed {
            retry_after: Some(Duration::from_secs(7)),
        };
        for (code, meaning) in [
            (200, Answered::Delivered),
            (204, Answered::Delivered),
            (103, failed),
            (301, of_message),
            (400, of_message),
            (401, of_address),
            (403, of_address),
            (404, of_address),
            (405, of_address),
            (406, of_message),
            (408, failed),
            (410, Answered::Gone),
            (422, of_message),
            (425, failed),
            (429, later),
            (500, failed),
            (501, of_address),
            (502, failed),
            (503, later),
            (599, failed),
            (600, of_message),
        ] {
            assert_eq!(classify(&status(code)), meaning, "{code}");
        }
    }

    #[test]
    fn no_answer_is_a_failure_with_its_cause() {
        let answer = PushResponse::NoAnswer {
            error: "connection refused".to_owned(),
        };
        assert_eq!(classify(&answer), Answered::Failed { retry_after: None });
        assert_eq!(describe(&answer).unwrap(), "connection refused");
        assert_eq!(describe(&status(503)).unwrap(), "HTTP 503");
        assert_eq!(describe(&status(200)), None);
    }
}
