//! The services another one needs, as clients list them.

use serde::Deserialize;
use utoipa::ToSchema;

use crate::api;
use crate::api::lists::List;
use crate::api::numbers::{Flag, WholeNumber};
use crate::api::objects::Noted;
use crate::api::texts::{NewLabel, NewService};
use crate::api::unknown::Ignored;
use crate::domain::service::Dependency;
use crate::hub::error::{HubError, Subject};

/// A service that another one needs.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = DependencyInput)]
pub(crate) struct DependencyBody {
    service: NewService,
    /// So many available instances, at least.
    #[schema(inline, default = 1)]
    minimum_instances: Option<WholeNumber<1, 10_000>>,
    /// Without it the service that needs it is at most degraded.
    #[schema(inline, default = true)]
    critical: Option<Flag>,
    /// Only instances of exactly this version count.
    version: Option<NewLabel>,
}

/// Dependencies to check.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = DependenciesInput)]
pub(crate) struct DependenciesBody {
    #[schema(value_type = Vec<DependencyBody>, max_items = 100)]
    dependencies: List<Noted<DependencyBody>, 100>,
}

/// Reads `{"dependencies": […]}`.
///
/// # Errors
/// 400 with the field.
pub(crate) fn read_list(text: &str) -> Result<Vec<Dependency>, HubError> {
    let body: DependenciesBody = api::body::command(Subject::Request, text)?;
    let mut ignored = Ignored::default();
    let dependencies = dependencies(body.dependencies, &mut ignored);
    match ignored.first() {
        None => Ok(dependencies),
        Some(name) => Err(HubError::invalid(
            Subject::Request,
            name,
            "is not known here",
        )),
    }
}

/// With the names of fields that are not known, as in `dependencies[1].colour`.
pub(super) fn dependencies(
    list: List<Noted<DependencyBody>, 100>,
    ignored: &mut Ignored,
) -> Vec<Dependency> {
    let dependency = |(index, noted): (usize, Noted<DependencyBody>)| {
        ignored.add_of(&format!("dependencies[{index}]"), &noted.ignored);
        let body = noted.value;
        Dependency {
            service: body.service.0,
            minimum_instances: body.minimum_instances.map_or(1, |least| least.0 as u32),
            critical: body.critical.is_none_or(|flag| flag.0),
            version: body.version.map(|version| version.0),
        }
    };
    list.0.into_iter().enumerate().map(dependency).collect()
}
