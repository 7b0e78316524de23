//! Facts as JSON bodies, each marked with a kind and a version that never change their meaning.

use super::bounds;
use super::records::{self, Kind};
use crate::domain::fact::Fact;

/// The version this hub writes, the same for all kinds so far.
pub const VERSION: u8 = 1;

/// Why a record with a right checksum cannot be understood.
#[derive(Debug, thiserror::Error)]
pub enum DecodeError {
    /// A newer hub wrote it: older ones cannot go on with this journal.
    #[error("record of unknown kind {kind} version {version}, written by a newer message-hub,")]
    Unknown {
        /// The number that stands for its kind.
        kind: u8,
        /// Of the body.
        version: u8,
    },
    /// Its checksum is right, and yet the fact is not as any hub wrote it.
    #[error("{} record is not readable ({cause})", kind.name())]
    Body {
        /// What it claims to be about.
        kind: Kind,
        /// What is wrong with its JSON, or with what that says.
        cause: serde_json::Error,
    },
}

/// Appends the JSON of what `fact` holds.
pub fn encode_body(buffer: &mut Vec<u8>, fact: &Fact) {
    records::write_body(buffer, fact);
}

/// The fact of a record with this kind and version.
pub fn decode(kind: u8, version: u8, body: &[u8]) -> Result<Fact, DecodeError> {
    let known = Kind::from_number(kind).filter(|_| version == VERSION);
    let kind = known.ok_or(DecodeError::Unknown { kind, version })?;
    let read = records::read_body(kind, body).and_then(|fact| {
        bounds::check(&fact).map_err(serde::de::Error::custom)?;
        Ok(fact)
    });
    read.map_err(|cause| DecodeError::Body { kind, cause })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::fact::control::ControlFact;
    use crate::domain::redrive::JobKind;
    use crate::logic::journal::samples;

    #[test]
    fn every_kind_of_fact_reads_back_as_it_was() {
        for fact in samples::one_of_each() {
            let mut body = Vec::new();
            encode_body(&mut body, &fact);
            let kind = Kind::of(&fact);
            assert_eq!(decode(kind as u8, VERSION, &body).unwrap(), fact);
        }
    }

    #[test]
    fn a_payload_keeps_every_byte() {
        let fact = samples::accepted_with_payload(1, "{\"a\" : 1e400,\n \"a\":\"\\u00e4\"}");
        let mut body = Vec::new();
        encode_body(&mut body, &fact);
        assert_eq!(decode(1, VERSION, &body).unwrap(), fact);
    }

    #[test]
    fn what_a_newer_hub_wrote_is_named() {
        for (kind, version) in [(u8::MAX, 1), (0, 1), (200, 3), (1, 2)] {
            let error = decode(kind, version, b"{}").unwrap_err().to_string();
            let expected = format!("unknown kind {kind} version {version}");
            assert!(error.contains(&expected), "{error}");
            assert!(error.contains("newer"), "{error}");
        }
    }

    #[test]
    fn jobs_and_dead_letters_of_hubs_that_redrove_only_messages_stay_readable() {
        let job = r#"{"job":"00000000-0000-0000-0000-000000000001","started_at":"2026-05-28T20:26:40.000Z",
            "filter":{"destination":"billing"},"rate":200.0,"status":"running","matched":3,
            "through":7,"redriven":2,"failed":0,"failed_in_a_row":0}"#;
        match decode(Kind::RedriveAdvanced as u8, VERSION, job.as_bytes()).unwrap() {
            Fact::Control(ControlFact::RedriveAdvanced(job)) => {
                assert_eq!(
                    (job.events_before, job.filter.subscription_id),
                    (None, None)
                );
                assert_eq!((job.kind, job.deleted), (JobKind::Redrive, 0));
            }
            other => panic!("{other:?}"),
        }
        let redriven = samples::event_redriven(1, 1);
        let mut body = Vec::new();
        encode_body(&mut body, &redriven);
        assert!(!String::from_utf8(body).unwrap().contains("\"job\""));
    }

    #[test]
    fn a_body_of_another_shape_names_the_kind() {
        let error = decode(3, VERSION, b"{}").unwrap_err().to_string();
        assert!(error.starts_with("delivered record"), "{error}");
    }
}
