//! Facts as bodies of records, each marked with a kind and a version that never change their
//! meaning.

use serde::de::Error;

use super::bounds;
use super::raw_body;
use super::records::{self, Kind};
use crate::domain::fact::Fact;
use crate::domain::fact::control::ControlFact;
use crate::domain::fact::message::MessageFact;
use crate::domain::payload::RawPayload;

/// Of bodies that are JSON.
pub const VERSION: u8 = 1;
/// Of bodies that have bytes beside their JSON: those of messages whose payload is no JSON.
pub const RAW_VERSION: u8 = 2;
/// Of bodies that are JSON and say what no older hub may read over: so far those of redrive jobs,
/// which would mean other dead letters, or send them elsewhere.
pub const STRICT_VERSION: u8 = 3;

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

/// In which version this hub writes `fact`.
pub fn version_of(fact: &Fact) -> u8 {
    match fact {
        Fact::Control(ControlFact::RedriveAdvanced(job)) if job.is_misread_by_older_hubs() => {
            STRICT_VERSION
        }
        _ if raw_payload(fact).is_some() => RAW_VERSION,
        _ => VERSION,
    }
}

fn raw_payload(fact: &Fact) -> Option<&RawPayload> {
    fact.opened()?.payload.as_raw()
}

/// Appends what `fact` holds, in the version that [`version_of`] says.
pub fn encode_body(buffer: &mut Vec<u8>, fact: &Fact) {
    match (fact, raw_payload(fact)) {
        (Fact::Message(MessageFact::Accepted(message)), Some(raw)) => {
            raw_body::write(buffer, &**message, raw);
        }
        (Fact::Message(MessageFact::Redriven(redrive)), Some(raw)) => {
            raw_body::write(buffer, &**redrive, raw);
        }
        _ => records::write_body(buffer, fact),
    }
}

/// The fact of a record with this kind and version.
pub fn decode(kind: u8, version: u8, body: &[u8]) -> Result<Fact, DecodeError> {
    let unknown = DecodeError::Unknown { kind, version };
    let Some(kind) = Kind::from_number(kind) else {
        return Err(unknown);
    };
    let read = match (version, kind) {
        (VERSION, _) | (STRICT_VERSION, Kind::RedriveAdvanced) => read_json(kind, body),
        (RAW_VERSION, Kind::Accepted | Kind::Redriven) => raw_body::read(kind, body),
        _ => return Err(unknown),
    };
    let read = read.and_then(|fact| {
        bounds::check(&fact).map_err(Error::custom)?;
        Ok(fact)
    });
    read.map_err(|cause| DecodeError::Body { kind, cause })
}

fn read_json(kind: Kind, body: &[u8]) -> serde_json::Result<Fact> {
    let fact = records::read_body(kind, body)?;
    match raw_payload(&fact) {
        None => Ok(fact),
        // Nothing lies beside the JSON from where it could come.
        Some(_) => Err(Error::missing_field("payload")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::redrive::{JobKind, JobStatus};
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
        for (kind, version) in [(u8::MAX, 1), (0, 1), (200, 3), (1, 3), (2, 2)] {
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

    /// Which would send everything, and to where it was for.
    #[test]
    fn a_job_for_chosen_dead_letters_is_none_that_older_hubs_read() {
        let fact = samples::redrive_chosen(1);
        let mut body = Vec::new();
        encode_body(&mut body, &fact);
        assert_eq!(version_of(&fact), 3);
        assert_eq!(decode(19, 3, &body).unwrap(), fact);
        let by_a_filter = samples::redrive_advanced(1, JobStatus::Running);
        assert_eq!(version_of(&by_a_filter), 1);
    }

    #[test]
    fn a_body_of_another_shape_names_the_kind() {
        let error = decode(3, VERSION, b"{}").unwrap_err().to_string();
        assert!(error.starts_with("delivered record"), "{error}");
    }
}
