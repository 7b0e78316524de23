//! Fields whose meaning hangs on what else is in the body: their text is kept, and read once that
//! is known.

use std::borrow::Cow;

use serde::Deserialize;
use serde::de::Deserializer;
use serde_json::value::RawValue;

use super::field::{BodyField, NOT_NULL, text};
use crate::hub::error::{HubError, Subject};

/// A field's JSON text, if the field is there. For `#[serde(default, deserialize_with)]`, so that
/// an explicit `null` can be told from no field at all.
pub(crate) fn raw<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<&'de RawValue>, D::Error> {
    <&RawValue>::deserialize(deserializer).map(Some)
}

/// One field of a body.
#[derive(Clone, Copy)]
pub(crate) struct RawField<'a> {
    pub subject: Subject,
    pub name: &'a str,
    pub json: &'a RawValue,
}

impl<'a> RawField<'a> {
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

    /// What stands in the field, if it is there and not null.
    ///
    /// # Errors
    /// 400 with what is wrong with it.
    pub(crate) fn optional<T: BodyField>(
        subject: Subject,
        name: &'a str,
        json: Option<&'a RawValue>,
    ) -> Result<Option<T>, HubError> {
        let field = Self::given(subject, name, json);
        field.map(|field| field.typed()).transpose()
    }

    /// For what narrows a command or holds it back. Left out it is not meant; a null is mostly a
    /// variable that somebody forgot to set, and would make the command larger.
    ///
    /// # Errors
    /// 400 for an explicit null, and as [`RawField::optional`].
    pub(crate) fn narrowing<T: BodyField>(
        subject: Subject,
        name: &'a str,
        json: Option<&'a RawValue>,
    ) -> Result<Option<T>, HubError> {
        if json.is_some_and(|json| json.get() == "null") {
            return Err(HubError::invalid(subject, name, NOT_NULL));
        }
        Self::optional(subject, name, json)
    }

    /// # Errors
    /// 400 if the field is missing or null.
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

    /// What stands in the field.
    ///
    /// # Errors
    /// 400 with what is wrong with it.
    pub(crate) fn typed<T: BodyField>(&self) -> Result<T, HubError> {
        T::read(self.json).map_err(|problem| problem.of_field(self.subject, self.name))
    }

    /// The string that stands in the field.
    ///
    /// # Errors
    /// 400 if it is none.
    pub(crate) fn text(&self) -> Result<Cow<'a, str>, HubError> {
        text(self.json).map_err(|problem| problem.of_field(self.subject, self.name))
    }
}
