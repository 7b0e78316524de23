//! The services another one needs, as clients list them.

use serde::Deserialize;
use serde_json::value::RawValue;

use super::items::items;
use crate::api::unknown::Ignored;
use crate::domain::ids::Label;
use crate::domain::service::Dependency;
use crate::http::fields::{self, Field};
use crate::hub::error::{HubError, Subject};

const MOST_DEPENDENCIES: usize = 100;
const MOST_INSTANCES: u64 = 10_000;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct DependencyBody<'a> {
    #[serde(borrow, default, deserialize_with = "fields::raw")]
    service: Option<&'a RawValue>,
    #[serde(borrow, default, deserialize_with = "fields::raw")]
    minimum_instances: Option<&'a RawValue>,
    #[serde(borrow, default, deserialize_with = "fields::raw")]
    critical: Option<&'a RawValue>,
    #[serde(borrow, default, deserialize_with = "fields::raw")]
    version: Option<&'a RawValue>,
}

/// A body that is only a list of dependencies.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct DependenciesBody<'a> {
    #[serde(borrow, default, deserialize_with = "fields::raw")]
    dependencies: Option<&'a RawValue>,
}

/// Reads `{"dependencies": […]}`.
///
/// # Errors
/// 400 with the field.
pub(crate) fn read_list(text: &str) -> Result<Vec<Dependency>, HubError> {
    let body: DependenciesBody<'_> = fields::object(Subject::Request, text)?;
    let list = Field::required(Subject::Request, "dependencies", body.dependencies)?;
    let mut ignored = Ignored::default();
    let dependencies = dependencies(list, &mut ignored)?;
    match ignored.first() {
        None => Ok(dependencies),
        Some(name) => Err(HubError::invalid(
            Subject::Request,
            name,
            "is not known here",
        )),
    }
}

/// Reads the list itself.
///
/// # Errors
/// 400 with the field, as in `dependencies[1].service`.
pub(crate) fn dependencies(
    field: Field<'_>,
    ignored: &mut Ignored,
) -> Result<Vec<Dependency>, HubError> {
    let mut all = Vec::new();
    for (index, json) in items(field, MOST_DEPENDENCIES)?.into_iter().enumerate() {
        let name = format!("{}[{index}]", field.name);
        all.push(dependency(&name, json, ignored)?);
    }
    Ok(all)
}

fn dependency(name: &str, json: &RawValue, ignored: &mut Ignored) -> Result<Dependency, HubError> {
    let item = Field {
        subject: Subject::Request,
        name,
        json,
    };
    let (body, unknown) = item.noting::<DependencyBody<'_>>()?;
    ignored.add_of(name, &unknown);
    let names = ["service", "minimum_instances", "critical", "version"];
    let [service, minimum, critical, version] = names.map(|part| format!("{name}.{part}"));
    let service = Field::required(Subject::Request, &service, body.service)?;
    let given = |name, json| Field::given(Subject::Request, name, json);
    let minimum = given(&minimum, body.minimum_instances)
        .map(|field| field.whole(1, MOST_INSTANCES))
        .transpose()?;
    let critical = given(&critical, body.critical)
        .map(|field| field.parse::<bool>("true or false"))
        .transpose()?;
    let version = given(&version, body.version)
        .map(|field| field.name(Label::given))
        .transpose()?;
    Ok(Dependency {
        service: service.new_service()?,
        minimum_instances: minimum.map_or(1, |minimum| minimum as u32),
        critical: critical.unwrap_or(true),
        version,
    })
}
