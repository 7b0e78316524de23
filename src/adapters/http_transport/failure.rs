//! Why there was no answer, and whose fault that is.

use std::io;

use rustix::io::Errno;

use crate::adapters::tls;

pub(super) const DENIED: &str = "the address is on the list outgoing_deny";

/// No answer came.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Failure {
    /// What happened, for the user.
    pub error: String,
    /// The hub lacks something of its own (files, ports, memory), which says nothing of the other
    /// side.
    pub is_own: bool,
}

impl Failure {
    pub(super) fn of_the_receiver(error: impl Into<String>) -> Self {
        Self {
            error: error.into(),
            is_own: false,
        }
    }

    /// `what` was being done says what it means.
    pub(super) fn of_io(what: &str, cause: &io::Error) -> Self {
        let words = tls::in_words(cause).unwrap_or_else(|| cause.to_string());
        Self {
            error: format!("{what}: {words}"),
            is_own: is_own_want(cause),
        }
    }

    /// What hyper says about a request that it had, or could not take.
    pub(super) fn of_exchange(error: &hyper::Error) -> Self {
        if let Some(cause) = io_cause(error) {
            // A server may look at its client when the handshake is over for the client.
            return Self::of_io("connection lost", cause);
        }
        if error.is_parse() {
            return Self::of_the_receiver(format!("not an HTTP answer: {}", in_words(error)));
        }
        if error.is_incomplete_message() || error.is_canceled() || error.is_closed() {
            return Self::of_the_receiver("connection closed before an answer");
        }
        Self::of_the_receiver(error.to_string())
    }
}

/// hyper says the same of a head that is too large and of a head that says a number which is.
fn in_words(error: &hyper::Error) -> String {
    match error.to_string().as_str() {
        "message head is too large" => {
            "its head is larger than 64 KiB or 1,000 lines, or says a length that is too large"
                .to_owned()
        }
        words => words.to_owned(),
    }
}

fn io_cause(error: &hyper::Error) -> Option<&io::Error> {
    let mut cause = std::error::Error::source(error)?;
    loop {
        if let Some(found) = cause.downcast_ref() {
            return Some(found);
        }
        cause = cause.source()?;
    }
}

/// Whether the machine of the hub is short of something. `EADDRNOTAVAIL` is not among these, since
/// it has two meanings: see [`super::dial`].
pub(super) fn is_own_want(error: &io::Error) -> bool {
    const OWN: [Errno; 5] = [
        Errno::MFILE,
        Errno::NFILE,
        Errno::NOMEM,
        Errno::NOBUFS,
        // Of a connect: no place left for another one.
        Errno::AGAIN,
    ];
    Errno::from_io_error(error).is_some_and(|errno| OWN.contains(&errno))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn want_of_files_ports_and_memory_is_the_hubs_own() {
        for own in [Errno::MFILE, Errno::NFILE, Errno::NOMEM, Errno::NOBUFS] {
            let failure = Failure::of_io("cannot connect", &own.into());
            assert!(failure.is_own, "{own}");
            assert!(failure.error.starts_with("cannot connect: "), "{failure:?}");
        }
        for other in [Errno::CONNREFUSED, Errno::HOSTUNREACH, Errno::CONNRESET] {
            assert!(
                !Failure::of_io("cannot connect", &other.into()).is_own,
                "{other}"
            );
        }
    }
}
