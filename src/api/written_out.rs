//! Schemas that are written out where they are used, in the plainest form: what may be null has two
//! types, and what is said of the field stands beside them.

use serde_json::json;
use utoipa::openapi::path::Parameter;
use utoipa::openapi::schema::{ArrayBuilder, SchemaType};
use utoipa::openapi::{AllOf, Object, RefOr, Schema, Type};

/// Data that may have fields which the hub does not know, and leaves out.
const DATA: [&str; 6] = [
    "MessageInput",
    "EventInput",
    "RegistrationInput",
    "HealthCheck",
    "DependencyInput",
    "EndpointInput",
];

/// A schema as a description shows it.
pub(crate) fn finish(name: &str, schema: &mut RefOr<Schema>) {
    simplify(schema);
    if let RefOr::T(Schema::Object(object)) = schema
        && DATA.contains(&name)
    {
        object.additional_properties = None;
        if name == "MessageInput" {
            one_required(object, &["payload", "payload_base64"]);
        }
    }
}

/// At least one of these fields has to be there. A schema of an object has no place of its own for
/// that, but what extends it stands beside what it has.
fn one_required(object: &mut Object, fields: &[&str]) {
    let either: Vec<_> = fields
        .iter()
        .map(|field| json!({"required": [field]}))
        .collect();
    let beside = object.extensions.get_or_insert_default();
    beside.insert("anyOf".to_owned(), either.into());
}

/// Brings the properties of an object into that form; one that is put together of parts that are
/// written out is one object.
pub(crate) fn simplify(schema: &mut RefOr<Schema>) {
    if let RefOr::T(Schema::AllOf(parts)) = schema
        && let Some(mut whole) = whole(parts)
    {
        whole.description = whole.description.or(parts.description.take());
        *schema = RefOr::T(Schema::Object(whole));
    }
    if let RefOr::T(Schema::Object(object)) = schema {
        for property in object.properties.values_mut() {
            if let Some(plain) = plain(property) {
                *property = RefOr::T(plain);
            }
            if let RefOr::T(Schema::Object(text)) = property {
                name_words(text);
            }
        }
    }
}

/// A text that is one of a few words, as the pattern `^(one|other)$` says, lists them: programs
/// that are made of a description know a list, and no pattern.
fn name_words(text: &mut Object) {
    let pattern = text.pattern.as_deref().and_then(|pattern| {
        let words = pattern.strip_prefix('^')?.strip_suffix('$')?;
        let inner = words
            .strip_prefix('(')
            .and_then(|words| words.strip_suffix(')'));
        Some(inner.unwrap_or(words))
    });
    let is_word = |word: &str| {
        let mut letters = word.chars();
        !word.is_empty() && letters.all(|c| c.is_ascii_alphabetic() || c == '_')
    };
    let Some(words) = pattern.filter(|words| words.split('|').all(is_word)) else {
        return;
    };
    text.enum_values = Some(words.split('|').map(Into::into).collect());
    text.pattern = None;
}

/// `None`: not all of them are objects that are written out here.
fn whole(parts: &AllOf) -> Option<Object> {
    let mut whole = Object::new();
    for part in &parts.items {
        let part = match part {
            RefOr::T(Schema::Object(object)) => object.clone(),
            RefOr::T(Schema::AllOf(parts)) => self::whole(parts)?,
            _ => return None,
        };
        whole.properties.extend(part.properties);
        whole.required.extend(part.required);
    }
    Some(whole)
}

/// The same for what a query may have.
pub(crate) fn simplify_parameter(parameter: &mut Parameter) {
    if let Some(schema) = &mut parameter.schema
        && let Some(plain) = plain(schema)
    {
        *schema = RefOr::T(plain);
    }
}

fn plain(property: &RefOr<Schema>) -> Option<Schema> {
    match property {
        // A value or null.
        RefOr::T(Schema::OneOf(either)) => {
            let [RefOr::T(value), RefOr::T(Schema::Object(null))] = either.items.as_slice() else {
                return None;
            };
            if null.schema_type != SchemaType::Type(Type::Null) {
                return None;
            }
            let about = (either.description.clone(), either.default.clone());
            with(value.clone(), about, true)
        }
        // A value, and what is said of it.
        RefOr::T(Schema::AllOf(all)) => {
            let [RefOr::T(value), RefOr::T(Schema::Object(about))] = all.items.as_slice() else {
                return None;
            };
            let about = (about.description.clone(), about.default.clone());
            with(value.clone(), about, false)
        }
        _ => None,
    }
}

type About = (Option<String>, Option<serde_json::Value>);

fn with(value: Schema, (description, default): About, or_null: bool) -> Option<Schema> {
    let types = |of: SchemaType| match of {
        SchemaType::Type(of) if or_null => SchemaType::Array(vec![of, Type::Null]),
        types => types,
    };
    match value {
        Schema::Object(mut object) if is_plain(&object) => {
            object.schema_type = types(object.schema_type);
            object.description = description.or(object.description);
            object.default = default;
            Some(Schema::Object(object))
        }
        Schema::Array(array) => {
            let schema_type = types(array.schema_type.clone());
            let array = ArrayBuilder::from(array).schema_type(schema_type);
            Some(array.description(description).default(default).into())
        }
        _ => None,
    }
}

/// Whether it is a text or a number.
fn is_plain(object: &Object) -> bool {
    object.properties.is_empty() && object.schema_type != SchemaType::AnyValue
}
