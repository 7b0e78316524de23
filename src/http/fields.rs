//! Reads the known fields of a JSON object one by one, so that each refusal names its field.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use serde::Deserialize;
use serde::de::{DeserializeOwned, Deserializer, MapAccess, Visitor};
use serde_json::value::RawValue;

use crate::domain::ids::{Label, ServiceName};
use crate::domain::message::Payload;
use crate::domain::timestamp::{Timestamp, seconds};
use crate::error::{HubError, Subject};

/// A field's JSON text, if the field is there. For `#[serde(default, deserialize_with)]`, so that
/// an explicit `null` can be told from no field at all.
pub fn raw<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<&'de RawValue>, D::Error> {
    <&RawValue>::deserialize(deserializer).map(Some)
}

/// Reads a whole body whose fields are all [`raw`].
pub fn object<'a, T: Deserialize<'a>>(subject: Subject, text: &'a str) -> Result<T, HubError> {
    if !text
        .trim_start_matches([' ', '\t', '\r', '\n'])
        .starts_with('{')
    {
        let problem = "must be a JSON object";
        return Err(HubError::invalid(subject, "body", problem));
    }
    serde_json::from_str(text).map_err(|error| not_json(subject, &error))
}

/// What is wrong with a body as a whole.
pub fn not_json(subject: Subject, error: &serde_json::Error) -> HubError {
    let text = error.to_string();
    match text
        .strip_prefix("duplicate field `")
        .and_then(|rest| rest.split_once('`'))
    {
        Some((field, _)) => HubError::invalid(subject, field, "is given twice"),
        None => HubError::invalid(subject, "body", format!("is not valid JSON: {text}")),
    }
}

/// One field of a body.
#[derive(Clone, Copy)]
pub struct Field<'a> {
    pub subject: Subject,
    pub name: &'a str,
    pub json: &'a RawValue,
}

impl<'a> Field<'a> {
    /// `None` if the field is missing or null.
    pub fn given(subject: Subject, name: &'a str, json: Option<&'a RawValue>) -> Option<Self> {
        let json = json.filter(|json| json.get() != "null")?;
        Some(Self {
            subject,
            name,
            json,
        })
    }

    pub fn required(
        subject: Subject,
        name: &'a str,
        json: Option<&'a RawValue>,
    ) -> Result<Self, HubError> {
        Self::given(subject, name, json)
            .ok_or_else(|| HubError::invalid(subject, name, "is required"))
    }

    pub fn wrong(&self, problem: impl ToString) -> HubError {
        HubError::invalid(self.subject, self.name, problem)
    }

    pub fn text(&self) -> Result<Cow<'a, str>, HubError> {
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
    pub fn parse<T: DeserializeOwned>(&self, what: &str) -> Result<T, HubError> {
        serde_json::from_str(self.json.get()).map_err(|_| self.wrong(format!("must be {what}")))
    }

    pub fn service(&self) -> Result<ServiceName, HubError> {
        ServiceName::parse(&self.text()?).map_err(|error| self.wrong(error))
    }

    pub fn label(&self) -> Result<Label, HubError> {
        Label::parse(&self.text()?).map_err(|error| self.wrong(error))
    }

    pub fn interned_label(&self) -> Result<Label, HubError> {
        Label::parse_interned(&self.text()?).map_err(|error| self.wrong(error))
    }

    pub fn time(&self) -> Result<Timestamp, HubError> {
        Timestamp::parse(&self.text()?).map_err(|error| self.wrong(error))
    }

    /// Zero is allowed.
    pub fn duration(&self) -> Result<Duration, HubError> {
        let value = self.parse::<f64>("a number of seconds")?;
        seconds(value).map_err(|error| self.wrong(error))
    }

    pub fn positive_duration(&self) -> Result<Duration, HubError> {
        let duration = self.duration()?;
        if duration.is_zero() {
            return Err(self.wrong("must be greater than 0"));
        }
        Ok(duration)
    }

    pub fn whole(&self, least: u64, most: u64) -> Result<u64, HubError> {
        let problem = || self.wrong(format!("must be a whole number from {least} to {most}"));
        let value: u64 = serde_json::from_str(self.json.get()).map_err(|_| problem())?;
        if (least..=most).contains(&value) {
            Ok(value)
        } else {
            Err(problem())
        }
    }

    /// Any JSON, byte for byte.
    pub fn json(&self) -> Payload {
        Payload::new(self.json.to_owned())
    }

    /// A map of strings, each key once.
    pub fn strings(&self) -> Result<BTreeMap<String, String>, HubError> {
        serde_json::from_str::<Strings>(self.json.get())
            .map(|strings| strings.0)
            .map_err(|_| self.wrong("must be an object whose values are strings, each key once"))
    }
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
