//! Reads the known fields of a JSON object one by one, so that each refusal names its field.

use std::borrow::Cow;
use std::time::Duration;

use serde::Deserialize;
use serde::de::{DeserializeOwned, Deserializer};
use serde_json::value::RawValue;

use crate::api::body;
use crate::api::field::BodyField;
use crate::api::lists;
use crate::api::members::{self, Wrong};
use crate::api::patterns;
use crate::api::unknown::Ignored;
use crate::domain::ids::{NameError, ServiceName};
use crate::domain::json_text::JsonText;
use crate::domain::pattern::Pattern;
use crate::domain::timestamp::{Timestamp, seconds};
use crate::hub::error::{HubError, Subject};

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
    body::command(subject, text)
}

/// As [`object`], for data: fields that are not known are left out, and named.
pub(crate) fn noting<'a, T: Deserialize<'a>>(
    subject: Subject,
    text: &'a str,
) -> Result<(T, Ignored), HubError> {
    body::data(subject, text)
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

    /// What a field type reads.
    pub(crate) fn typed<T: BodyField>(&self) -> Result<T, HubError> {
        T::read(self.json).map_err(|problem| problem.of_field(self.subject, self.name))
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

    /// Reads an object within the body; fields that are not known are left out, and named.
    pub(crate) fn noting<T: Deserialize<'a>>(&self) -> Result<(T, Ignored), HubError> {
        let mut ignored = Ignored::default();
        let body = self.members(Some(&mut ignored))?;
        Ok((body, ignored))
    }

    fn members<T: Deserialize<'a>>(&self, ignored: Option<&mut Ignored>) -> Result<T, HubError> {
        if !self.json.get().starts_with('{') {
            return Err(self.wrong("must be an object"));
        }
        members::read(self.json.get(), ignored).map_err(|wrong| match wrong {
            Wrong::Member { name, problem } => {
                problem.of_field(self.subject, &format!("{}.{name}", self.name))
            }
            Wrong::Json(_) => self.wrong("must be an object"),
        })
    }

    /// A list of at most `most` items, of which `many` says what is wrong with more; `what` names
    /// the expected form.
    pub(crate) fn list<T: Deserialize<'a>>(
        &self,
        most: usize,
        what: &str,
        many: &str,
    ) -> Result<Vec<T>, HubError> {
        lists::list(self.json, most, what, many)
            .map_err(|problem| problem.of_field(self.subject, self.name))
    }

    /// Patterns of event types; as [`Field::list`].
    pub(crate) fn patterns(
        &self,
        most: usize,
        what: &str,
        many: &str,
    ) -> Result<Vec<Pattern>, HubError> {
        patterns::patterns(self.json, most, what, many)
            .map_err(|problem| problem.of_field(self.subject, self.name))
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
}
