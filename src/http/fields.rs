//! Reads the known fields of a JSON object one by one, so that each refusal names its field.

pub(crate) mod unknown;

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use serde::Deserialize;
use serde::de::{DeserializeOwned, Deserializer, MapAccess, Visitor};
use serde_json::value::RawValue;

use super::lists::{self, NoList};
use crate::domain::ids::{NameError, ServiceName};
use crate::domain::json_text::JsonText;
use crate::domain::pattern::Pattern;
use crate::domain::timestamp::{Timestamp, seconds};
use crate::hub::error::{HubError, Subject, shortened};
use unknown::Ignored;

/// A field's JSON text, if the field is there. For `#[serde(default, deserialize_with)]`, so that
/// an explicit `null` can be told from no field at all.
pub(crate) fn raw<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<&'de RawValue>, D::Error> {
    <&RawValue>::deserialize(deserializer).map(Some)
}

/// Reads a whole body whose fields are all [`raw`], and which has no others.
pub(crate) fn object<'a, T: Deserialize<'a>>(
    subject: Subject,
    text: &'a str,
) -> Result<T, HubError> {
    must_be_object(subject, text)?;
    serde_json::from_str(text).map_err(|error| not_json(subject, &error))
}

/// As [`object`], for data: fields that are not known are left out, and named.
pub(crate) fn noting<'a, T: Deserialize<'a>>(
    subject: Subject,
    text: &'a str,
) -> Result<(T, Ignored), HubError> {
    must_be_object(subject, text)?;
    match serde_json::from_str(text) {
        Ok(body) => Ok((body, Ignored::default())),
        // Seldom enough to read it a second time.
        Err(error) if unknown::of_error(&error.to_string()).is_some() => {
            unknown::read_without(text).map_err(|error| not_json(subject, &error))
        }
        Err(error) => Err(not_json(subject, &error)),
    }
}

fn must_be_object(subject: Subject, text: &str) -> Result<(), HubError> {
    let bare = text.trim_start_matches([' ', '\t', '\r', '\n']);
    if bare.starts_with('{') {
        return Ok(());
    }
    let problem = "must be a JSON object";
    Err(HubError::invalid(subject, "body", problem))
}

/// What is wrong with a body as a whole.
pub(crate) fn not_json(subject: Subject, error: &serde_json::Error) -> HubError {
    let text = error.to_string();
    match wrong_name(&text) {
        Some((name, problem)) => HubError::invalid(subject, shortened(name), problem),
        None => HubError::invalid(subject, "body", format!("is not valid JSON: {text}")),
    }
}

/// The name of a field that is there twice or should not be there, and what is wrong with it.
fn wrong_name(text: &str) -> Option<(&str, String)> {
    if let Some((name, known)) = unknown::of_error(text) {
        return Some((name, unknown::unknown(name, &known)));
    }
    let rest = text.strip_prefix("duplicate field `")?;
    let (name, _) = rest.split_once('`')?;
    Some((name, "is given twice".to_owned()))
}

/// One field of a body.
#[derive(Clone, Copy)]
pub(crate) struct Field<'a> {
    pub subject: Subject,
    pub name: &'a str,
    pub json: &'a RawValue,
}

impl<'a> Field<'a> {
    /// `None` if the field is missing or null.
    pub(crate) fn given(
        subject: Subject,
        name: &'a str,
        json: Option<&'a RawValue>,
    ) -> Option<Self> {
        let json = json.filter(|json| json.get() != "null")?;
        Some(Self {
            subject,
            name,
            json,
        })
    }

    /// For what narrows a command or holds it back. Left out it is not meant; a null is mostly a
    /// variable that somebody forgot to set, and would make the command larger.
    ///
    /// # Errors
    /// 400 for an explicit null.
    pub(crate) fn narrowing(
        subject: Subject,
        name: &'a str,
        json: Option<&'a RawValue>,
    ) -> Result<Option<Self>, HubError> {
        if json.is_some_and(|json| json.get() == "null") {
            let problem = "must not be null; leave it out if it is not meant";
            return Err(HubError::invalid(subject, name, problem));
        }
        Ok(Self::given(subject, name, json))
    }

    pub(crate) fn required(
        subject: Subject,
        name: &'a str,
        json: Option<&'a RawValue>,
    ) -> Result<Self, HubError> {
        Self::given(subject, name, json)
            .ok_or_else(|| HubError::invalid(subject, name, "is required"))
    }

    pub(crate) fn wrong(&self, problem: impl ToString) -> HubError {
        HubError::invalid(self.subject, self.name, problem)
    }

    pub(crate) fn text(&self) -> Result<Cow<'a, str>, HubError> {
        let json = self.json.get();
        // Without an escape the text stands in the body as it is.
        if let Some(inner) = json
            .strip_prefix('"')
            .and_then(|rest| rest.strip_suffix('"'))
            && !inner.contains('\\')
        {
            return Ok(Cow::Borrowed(inner));
        }
        self.parse::<String>("a string").map(Cow::Owned)
    }

    /// Anything serde reads; `what` names the expected form.
    pub(crate) fn parse<T: DeserializeOwned>(&self, what: &str) -> Result<T, HubError> {
        serde_json::from_str(self.json.get()).map_err(|_| self.wrong(format!("must be {what}")))
    }

    /// Reads an object within the body, which has no other fields than those of `T`.
    pub(crate) fn object<T: Deserialize<'a>>(&self) -> Result<T, HubError> {
        if !self.json.get().starts_with('{') {
            return Err(self.wrong("must be an object"));
        }
        serde_json::from_str(self.json.get()).map_err(|error| self.not_object(&error))
    }

    /// As [`Field::object`], for data: fields that are not known are left out, and named.
    pub(crate) fn noting<T: Deserialize<'a>>(&self) -> Result<(T, Ignored), HubError> {
        if !self.json.get().starts_with('{') {
            return Err(self.wrong("must be an object"));
        }
        unknown::read_without(self.json.get()).map_err(|error| self.not_object(&error))
    }

    fn not_object(&self, error: &serde_json::Error) -> HubError {
        match wrong_name(&error.to_string()) {
            Some((name, problem)) => {
                let name = format!("{}.{}", self.name, shortened(name));
                HubError::invalid(self.subject, name, problem)
            }
            None => self.wrong("must be an object"),
        }
    }

    /// A list of at most `most` items, of which `many` says what is wrong with more; `what` names
    /// the expected form.
    pub(crate) fn list<T: Deserialize<'a>>(
        &self,
        most: usize,
        what: &str,
        many: &str,
    ) -> Result<Vec<T>, HubError> {
        lists::read(self.json.get(), most).map_err(|problem| match problem {
            NoList::TooLong => self.wrong(many),
            NoList::Json(_) => self.wrong(format!("must be {what}")),
        })
    }

    /// Patterns of event types; as [`Field::list`].
    pub(crate) fn patterns(
        &self,
        most: usize,
        what: &str,
        many: &str,
    ) -> Result<Vec<Pattern>, HubError> {
        let texts: Vec<Cow<'_, str>> = self.list(most, what, many)?;
        let parse = |text: &Cow<'_, str>| pattern(text).map_err(|problem| self.wrong(problem));
        texts.iter().map(parse).collect()
    }

    pub(crate) fn service(&self) -> Result<ServiceName, HubError> {
        self.name(ServiceName::parse)
    }

    /// A name of some kind, by the rules of `parse`.
    pub(crate) fn name<T>(
        &self,
        parse: impl FnOnce(&str) -> Result<T, NameError>,
    ) -> Result<T, HubError> {
        parse(&self.text()?).map_err(|error| self.wrong(error))
    }

    /// The name of a service that may be new by this.
    pub(crate) fn new_service(&self) -> Result<ServiceName, HubError> {
        self.name(ServiceName::given)
    }

    pub(crate) fn time(&self) -> Result<Timestamp, HubError> {
        Timestamp::parse(&self.text()?).map_err(|error| self.wrong(error))
    }

    /// Zero is allowed.
    pub(crate) fn duration(&self) -> Result<Duration, HubError> {
        // A number beyond what a computer counts with is out of range like any other.
        let value = self.parse::<f64>("a number of seconds from 0 to 3153600000")?;
        seconds(value).map_err(|error| self.wrong(error))
    }

    pub(crate) fn positive_duration(&self) -> Result<Duration, HubError> {
        let duration = self.duration()?;
        if duration.is_zero() {
            return Err(self.wrong("must be at least 0.001 seconds"));
        }
        Ok(duration)
    }

    pub(crate) fn whole(&self, least: u64, most: u64) -> Result<u64, HubError> {
        let problem = || self.wrong(format!("must be a whole number from {least} to {most}"));
        let value: u64 = serde_json::from_str(self.json.get()).map_err(|_| problem())?;
        if (least..=most).contains(&value) {
            Ok(value)
        } else {
            Err(problem())
        }
    }

    /// Any JSON, byte for byte.
    pub(crate) fn json(&self) -> JsonText {
        JsonText::new(self.json.to_owned())
    }

    /// A map of strings, each key once.
    pub(crate) fn strings(&self) -> Result<BTreeMap<String, String>, HubError> {
        serde_json::from_str::<Strings>(self.json.get())
            .map(|strings| strings.0)
            .map_err(|_| self.wrong("must be an object whose values are strings, each key once"))
    }
}

/// One pattern of event types, or what is wrong with it.
pub(crate) fn pattern(text: &str) -> Result<Pattern, String> {
    Pattern::given(text).map_err(|error| format!("{:?} {error}", shortened(text)))
}

struct Strings(BTreeMap<String, String>);

impl<'de> Deserialize<'de> for Strings {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(StringsVisitor)
    }
}

struct StringsVisitor;

impl<'de> Visitor<'de> for StringsVisitor {
    type Value = Strings;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a map of strings")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Strings, A::Error> {
        let mut strings = BTreeMap::new();
        while let Some((key, value)) = map.next_entry::<String, String>()? {
            if strings.insert(key, value).is_some() {
                return Err(serde::de::Error::custom("a key is given twice"));
            }
        }
        Ok(Strings(strings))
    }
}
