//! How often a name or key was wrong.

use prometheus::IntCounter;

use super::maker::Maker;

pub struct AuthFailures {
    /// The key is none of the service's, or there is no such service, which is not told apart.
    pub wrong_key: IntCounter,
    /// The name can be nobody's, or name or key is there twice.
    pub malformed: IntCounter,
    /// A wrong key that was not answered any more, after too many.
    pub put_off: IntCounter,
}

impl AuthFailures {
    pub fn new(make: &Maker<'_>) -> Self {
        let failures = make.counters(
            "message_hub_auth_failures_total",
            "Requests whose name or key was wrong; put_off are those after too many",
            "reason",
        );
        let of = |reason| failures.with_label_values(&[reason]);
        Self {
            wrong_key: of("wrong_key"),
            malformed: of("malformed"),
            put_off: of("put_off"),
        }
    }
}
