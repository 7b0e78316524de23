//! Identifiers and names that parse: a value of one of these types is known to be well formed.

use std::borrow::Borrow;
use std::cell::RefCell;
use std::collections::HashSet;
use std::fmt;
use std::sync::Arc;

use serde::de::Visitor;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use uuid::Uuid;

use super::characters::{is_label, is_visible};
use super::timestamp::Timestamp;

/// The place of a record in the journal: 1 for the first, rising by 1.
pub type Position = u64;

/// No position, sequence or version is higher: so many no journal will ever have. What says
/// otherwise is damage, and with it nothing that is counted from here on runs over.
pub const HIGHEST: Position = 1 << 62;

/// Identifies a message for its whole life, through every retry and redrive.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
#[serde(transparent)]
pub struct MessageId(pub Uuid);

impl MessageId {
    /// A version 7 UUID whose last two bytes are a check over the others, so that the hub
    /// recognises an id of its own making when a client sends it back. `random` fills the rest.
    pub fn generate(now: Timestamp, random: [u8; 10]) -> Self {
        let mut bytes = by_time(now, random).into_bytes();
        let check = check_bytes(&bytes);
        bytes[14..].copy_from_slice(&check);
        Self(Uuid::from_bytes(bytes))
    }

    /// Whether this is (up to one chance in 65,536) an id made by [`MessageId::generate`].
    pub fn is_generated(self) -> bool {
        let bytes = self.0.as_bytes();
        self.0.get_version_num() == 7 && bytes[14..] == check_bytes(bytes)
    }
}

/// A version 7 UUID, so that ids sort by their time. `random` fills the rest.
pub(super) fn by_time(now: Timestamp, random: [u8; 10]) -> Uuid {
    let millis = u64::try_from(now.as_millis()).unwrap_or(0);
    uuid::Builder::from_unix_timestamp_millis(millis, &random).into_uuid()
}

fn check_bytes(id: &[u8; 16]) -> [u8; 2] {
    let sum = crc32c::crc32c(&id[..14]).to_be_bytes();
    [sum[0] ^ sum[2], sum[1] ^ sum[3]]
}

impl fmt::Display for MessageId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// Identifies a hub: its journal and whatever is written from it.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct HubId(pub Uuid);

impl fmt::Display for HubId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// Proof of a lease; each hand-out makes a new one.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
#[serde(transparent)]
pub struct LeaseToken(pub Uuid);

impl LeaseToken {
    /// A version 7 UUID; `random` fills what is not time.
    pub fn generate(now: Timestamp, random: [u8; 10]) -> Self {
        Self(by_time(now, random))
    }
}

impl fmt::Display for LeaseToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// Identifies a redrive job.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
#[serde(transparent)]
pub struct JobId(pub Uuid);

impl JobId {
    /// A version 7 UUID, so that jobs sort by their time. `random` fills the rest.
    pub fn generate(now: Timestamp, random: [u8; 10]) -> Self {
        Self(by_time(now, random))
    }
}

impl fmt::Display for JobId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// Why a text is no name.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum NameError {
    /// It is too short or too long for the name of a service, or has a character that none may
    /// have.
    #[error("must be 1 to 100 characters of A-Z a-z 0-9 . _ -")]
    Service,
    /// It is empty, has a control character, or more than so many characters.
    #[error("must be 1 to {0} printable characters")]
    Label(usize),
    /// It is `.` or `..`.
    #[error("must not be `.` or `..`, which mean something else in a path")]
    Dots,
}

/// Names in use, as seen by this thread, so that equal names share one allocation.
/// Bounded: a name met when the set is full simply gets an allocation of its own.
#[derive(Default)]
struct Interned {
    names: HashSet<Arc<str>, ahash::RandomState>,
    /// How many found no place since those that nobody uses any more were last let go.
    turned_away: usize,
}

/// How many names share their allocation.
const INTERNED: usize = 4096;

impl Interned {
    fn name(&mut self, text: &str) -> Arc<str> {
        if let Some(known) = self.names.get(text) {
            return known.clone();
        }
        let name: Arc<str> = text.into();
        if self.names.len() >= INTERNED {
            self.turned_away += 1;
            // Seldom enough that looking through all of them costs each of these next to nothing.
            if self.turned_away >= INTERNED {
                self.turned_away = 0;
                self.names.retain(|name| Arc::strong_count(name) > 1);
            }
        }
        if self.names.len() < INTERNED {
            self.names.insert(name.clone());
        }
        name
    }
}

fn intern(text: &str) -> Arc<str> {
    thread_local!(static NAMES: RefCell<Interned> = RefCell::default());
    NAMES.with_borrow_mut(|names| names.name(text))
}

/// Under which name the hub itself publishes.
pub const THE_HUB: &str = "message-hub";

/// The name of a service: 1 to 100 characters of `A-Z a-z 0-9 . _ -`, compared exactly.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ServiceName(Arc<str>);

impl ServiceName {
    /// Checks the characters and the length; equal names share one allocation.
    pub fn parse(text: &str) -> Result<Self, NameError> {
        let allowed = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'_' | b'-');
        if text.is_empty() || text.len() > 100 || !text.bytes().all(allowed) {
            return Err(NameError::Service);
        }
        Ok(Self(intern(text)))
    }

    /// Whether it is the hub's own name, or can be taken for it.
    pub fn is_the_hubs(&self) -> bool {
        self.0.eq_ignore_ascii_case(THE_HUB)
    }

    /// As [`ServiceName::parse`], with the rules for names that are new. What was taken before
    /// there were any stays readable.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn given(text: &str) -> Result<Self, NameError> {
        match is_dots(text) {
            true => Err(NameError::Dots),
            false => Self::parse(text),
        }
    }

    /// As it was given; no two spellings mean the same service.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Whether clients and proxies take this segment of a path for a step in it (RFC 3986, 5.2.4).
fn is_dots(text: &str) -> bool {
    text == "." || text == ".."
}

macro_rules! text_newtype {
    ($name:ident, $parse:path) => {
        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }
        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Debug::fmt(&*self.0, f)
            }
        }
        impl Borrow<str> for $name {
            fn borrow(&self) -> &str {
                &self.0
            }
        }
        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_str(&self.0)
            }
        }
        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                struct Text;
                impl Visitor<'_> for Text {
                    type Value = $name;
                    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                        f.write_str("a string")
                    }
                    // Borrowed: a name that is known already costs no allocation.
                    fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<$name, E> {
                        $parse(text).map_err(E::custom)
                    }
                }
                deserializer.deserialize_str(Text)
            }
        }
    };
}

text_newtype!(ServiceName, ServiceName::parse);

/// Declares a name that is a label: as text it is the same on the wire and on disk, in the code no
/// two of them can be confused.
macro_rules! label {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        ///
        /// 1 to [`Label::MAX`] characters, none of them a control character.
        #[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(Arc<str>);

        impl $name {
            /// Checks the characters and the length; for texts of which hardly two are the same.
            pub fn parse(text: &str) -> Result<Self, NameError> {
                check_label(text)?;
                Ok(Self(text.into()))
            }

            /// As `parse`, for texts of which there are few different ones.
            pub fn parse_interned(text: &str) -> Result<Self, NameError> {
                check_label(text)?;
                Ok(Self(intern(text)))
            }

            /// As `parse`, with the rules for labels that are new: all their characters are
            /// visible, and none turns a line round or ends it. What was taken before stays
            /// readable.
            ///
            /// # Errors
            /// What is wrong with it.
            pub fn given(text: &str) -> Result<Self, NameError> {
                check_new_label(text)?;
                Self::parse(text)
            }

            /// As `given`, for texts of which there are few different ones.
            ///
            /// # Errors
            /// What is wrong with it.
            pub fn given_interned(text: &str) -> Result<Self, NameError> {
                check_new_label(text)?;
                Self::parse_interned(text)
            }

            /// As `given`, for what has routes of its own.
            ///
            /// # Errors
            /// What is wrong with it.
            pub fn given_segment(text: &str) -> Result<Self, NameError> {
                match is_dots(text) {
                    true => Err(NameError::Dots),
                    false => Self::given(text),
                }
            }

            /// As it was given.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        text_newtype!($name, $name::parse_interned);
    };
}

label! {
    /// A short printable text that is passed on or shown: a version, an ordering key, a reason.
    Label
}

label! {
    /// What kind of message it is, by which instances say what they take.
    MessageType
}

label! {
    /// What kind of event it is; words between dots.
    EventType
}

label! {
    /// What belongs together: messages and events of one request of a client.
    CorrelationId
}

label! {
    /// Tells one instance of a service from the others.
    InstanceId
}

label! {
    /// Which stream events are appended to: the id of what they are about.
    StreamId
}

label! {
    /// What the bytes of a payload are, as their sender says: a media type, if the sender keeps to
    /// the custom.
    ContentType
}

impl Label {
    /// In characters.
    pub const MAX: usize = 200;
}

fn check_label(text: &str) -> Result<(), NameError> {
    match is_label(text, Label::MAX) {
        true => Ok(()),
        false => Err(NameError::Label(Label::MAX)),
    }
}

/// As [`check_label`], for texts that are new.
fn check_new_label(text: &str) -> Result<(), NameError> {
    match text.chars().all(is_visible) {
        true => Ok(()),
        false => Err(NameError::Label(Label::MAX)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn service_names_have_an_alphabet_and_a_length() {
        for good in ["a", "Billing.v2", "x_y-z", &"n".repeat(100)] {
            assert_eq!(ServiceName::parse(good).unwrap().as_str(), good);
        }
        for bad in ["", " ", "a b", "ä", "a/b", "a\0", &"n".repeat(101)] {
            assert_eq!(ServiceName::parse(bad), Err(NameError::Service), "{bad:?}");
        }
    }

    #[test]
    fn names_that_nobody_uses_any_more_make_room_for_others() {
        let kept: Vec<_> = (0..10)
            .map(|n| ServiceName::parse(&format!("kept-{n}")).unwrap())
            .collect();
        for n in 0..2 * INTERNED {
            ServiceName::parse(&format!("once-{n}")).unwrap();
        }
        let same = |a: &ServiceName, b: &ServiceName| Arc::ptr_eq(&a.0, &b.0);
        let late = ["late", "late"].map(|name| ServiceName::parse(name).unwrap());
        assert!(same(&late[0], &late[1]));
        assert!(same(&kept[7], &ServiceName::parse("kept-7").unwrap()));
    }

    #[test]
    fn labels_are_counted_in_characters() {
        assert!(Label::parse(&"ä".repeat(200)).is_ok());
        assert!(Label::parse(&"ä".repeat(201)).is_err());
        assert!(Label::parse("line\nbreak").is_err());
        assert!(Label::parse("").is_err());
    }

    #[test]
    fn what_is_new_has_no_name_that_means_a_step_in_a_path() {
        for dots in [".", ".."] {
            assert!(ServiceName::parse(dots).is_ok() && Label::parse(dots).is_ok());
            assert_eq!(ServiceName::given(dots), Err(NameError::Dots));
            assert_eq!(Label::given_segment(dots), Err(NameError::Dots));
            assert!(Label::given(dots).is_ok());
        }
        for good in ["...", "a.", ".a", "a..b"] {
            assert!(ServiceName::given(good).is_ok() && Label::given_segment(good).is_ok());
        }
    }

    #[test]
    fn what_is_new_shows_all_its_characters() {
        for hidden in [
            "a\u{202e}b",
            "a\u{2028}",
            "\u{2029}",
            "\u{200b}",
            "\u{feff}x",
            "a\u{ad}b",
        ] {
            assert!(Label::parse(hidden).is_ok());
            assert_eq!(Label::given(hidden), Err(NameError::Label(200)));
            assert_eq!(Label::given_interned(hidden), Err(NameError::Label(200)));
        }
        for good in ["ä 1", "日本", "a\u{a0}b", "é", "🎉", "order+7/x"] {
            assert!(Label::given(good).is_ok(), "{good}");
        }
        assert!(Label::given("a\tb").is_err() && Label::given("\u{85}").is_err());
    }

    proptest! {
        #[test]
        fn generated_ids_are_recognised(millis in 0i64..4_000_000_000_000, random: [u8; 10]) {
            let id = MessageId::generate(Timestamp::from_millis(millis), random);
            prop_assert_eq!(id.0.get_version_num(), 7);
            prop_assert!(id.is_generated());
            let mut other = id.0.into_bytes();
            other[9] ^= 1;
            prop_assert!(!MessageId(Uuid::from_bytes(other)).is_generated());
        }
    }
}
