//! What an instance's answer means (contract, section 4: the table of outcomes).

use std::time::Duration;

use crate::domain::fact::AttemptOutcome;
use crate::ports::transport::PushAnswer;

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Answered {
    Delivered,
    /// Another instance, or this one later, may take it.
    Failed {
        retry_after: Option<Duration>,
    },
    /// No other try will change it.
    Rejected,
    /// 410: this instance wants no more messages.
    Gone,
}

impl Answered {
    /// What the attempt comes to when this was its last answer.
    pub fn outcome(self) -> AttemptOutcome {
        match self {
            Self::Delivered => AttemptOutcome::Delivered,
            Self::Failed { .. } => AttemptOutcome::Failed,
            Self::Rejected | Self::Gone => AttemptOutcome::Rejected,
        }
    }
}

/// `Retry-After` is heard on 429 and 503 only.
pub fn classify(answer: &PushAnswer) -> Answered {
    let PushAnswer::Status {
        code, retry_after, ..
    } = answer
    else {
        return Answered::Failed { retry_after: None };
    };
    match code {
        200..=299 => Answered::Delivered,
        410 => Answered::Gone,
        429 | 503 => Answered::Failed {
            retry_after: *retry_after,
        },
        408 | 425 | 500..=599 => Answered::Failed { retry_after: None },
        _ => Answered::Rejected,
    }
}

/// The answer in a few words; `None` for a success.
pub fn describe(answer: &PushAnswer) -> Option<String> {
    match answer {
        PushAnswer::NoAnswer { error } => Some(error.clone()),
        PushAnswer::Status {
            code: 200..=299, ..
        } => None,
        PushAnswer::Status { code, excerpt, .. } if excerpt.is_empty() => {
            Some(format!("HTTP {code}"))
        }
        PushAnswer::Status { code, excerpt, .. } => Some(format!("HTTP {code}: {excerpt}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn status(code: u16) -> PushAnswer {
        let retry_after = Some(Duration::from_secs(7));
        PushAnswer::Status {
            code,
            retry_after,
            excerpt: String::new(),
        }
    }

    #[test]
    fn statuses_mean_what_the_contract_says() {
        let failed = Answered::Failed { retry_after: None };
        let later = Answered::Failed {
            retry_after: Some(Duration::from_secs(7)),
        };
        for (code, meaning) in [
            (200, Answered::Delivered),
            (204, Answered::Delivered),
            (301, Answered::Rejected),
            (400, Answered::Rejected),
            (404, Answered::Rejected),
            (408, failed),
            (410, Answered::Gone),
            (425, failed),
            (429, later),
            (500, failed),
            (502, failed),
            (503, later),
            (599, failed),
            (600, Answered::Rejected),
        ] {
            assert_eq!(classify(&status(code)), meaning, "{code}");
        }
    }

    #[test]
    fn no_answer_is_a_failure_with_its_cause() {
        let answer = PushAnswer::NoAnswer {
            error: "connection refused".to_owned(),
        };
        assert_eq!(classify(&answer), Answered::Failed { retry_after: None });
        assert_eq!(describe(&answer).unwrap(), "connection refused");
        assert_eq!(describe(&status(503)).unwrap(), "HTTP 503");
        assert_eq!(describe(&status(200)), None);
    }
}
