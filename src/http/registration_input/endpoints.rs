//! The routes an instance says it serves, as clients list them.

use serde::Deserialize;
use serde_json::value::RawValue;
use utoipa::ToSchema;

use crate::api::field::{BodyField, field};
use crate::api::lists;
use crate::api::objects::Noted;
use crate::api::problem::Problem;
use crate::api::texts::Printable;
use crate::api::unknown::Ignored;
use crate::domain::ids::Label;
use crate::domain::service::Endpoint;

const MOST_ENDPOINTS: usize = 1000;
const MOST_METHODS: usize = 100;

pub(super) struct Endpoints(Vec<Noted<EndpointBody>>);

/// A route an instance says it serves.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = EndpointInput)]
pub(super) struct EndpointBody {
    #[schema(inline)]
    path: Printable<1000>,
    #[schema(value_type = Option<Vec<String>>, max_items = 100)]
    methods: Option<Methods>,
}

struct Methods(Vec<String>);

impl BodyField for Endpoints {
    fn read(json: &RawValue) -> Result<Self, Problem> {
        let form = "an array of {\"path\", \"methods\"}";
        let many = format!("must have at most {MOST_ENDPOINTS} items");
        lists::items(json, MOST_ENDPOINTS, form, &many).map(Self)
    }
}

field!(Endpoints);

impl BodyField for Methods {
    fn read(json: &RawValue) -> Result<Self, Problem> {
        let many = format!("must have at most {MOST_METHODS} items");
        let items: Vec<&RawValue> = lists::list(json, MOST_METHODS, "an array of texts", &many)?;
        let method = |json| Printable::<{ Label::MAX }>::read(json).map(|method| method.0);
        items
            .into_iter()
            .map(method)
            .collect::<Result<_, _>>()
            .map(Self)
    }
}

field!(Methods);

impl Endpoints {
    pub(super) fn endpoints(self, ignored: &mut Ignored) -> Vec<Endpoint> {
        let endpoint = |(index, noted): (usize, Noted<EndpointBody>)| {
            ignored.add_of(&format!("endpoints[{index}]"), &noted.ignored);
            Endpoint {
                path: noted.value.path.0,
                methods: noted
                    .value
                    .methods
                    .map_or_else(Vec::new, |methods| methods.0),
            }
        };
        self.0.into_iter().enumerate().map(endpoint).collect()
    }
}
