//! Where an instance can be reached.

use actix_web::http::Uri;
use serde_json::value::RawValue;
use utoipa::openapi::{ObjectBuilder, Type};

use crate::api::field::{BodyField, field, text};
use crate::api::problem::Problem;
use crate::domain::characters::is_visible;
use crate::domain::deny_list::DenyList;
use crate::domain::ids::InstanceId;
use crate::domain::service::Address;
use crate::http::web_address::{self, WebAddress};
use crate::hub::error::{HubError, Subject};

const DEFAULT_ENDPOINT: &str = "/messages";

const PROBLEM: &str =
    "must be an address such as http://10.0.0.5:8080 or https://shop.example, with a path at most";

/// Where messages are pushed to.
pub(super) struct InstanceUrl(WebAddress);

impl BodyField for InstanceUrl {
    fn read(json: &RawValue) -> Result<Self, Problem> {
        let address = WebAddress::read(&text(json)?, PROBLEM)?;
        match address.uri.query() {
            None => Ok(Self(address)),
            Some(_) => Err(Problem::new(PROBLEM)),
        }
    }
}

field!(InstanceUrl, web_address::schema("http://10.0.0.5:8080"));

impl InstanceUrl {
    /// Without a trailing slash.
    ///
    /// # Errors
    /// 400 if it leads where nothing may go.
    pub(super) fn address(
        self,
        endpoint: Option<LocalPath>,
        deny: &DenyList,
    ) -> Result<Address, HubError> {
        let url = self.0.allowed(Subject::Request, "url", deny)?;
        let endpoint = endpoint.map(|path| path.0);
        Ok(Address {
            url: url.trim_end_matches('/').to_owned(),
            message_endpoint: endpoint.unwrap_or_else(|| DEFAULT_ENDPOINT.to_owned()),
        })
    }
}

/// A path below an address.
pub(crate) struct LocalPath(pub(super) String);

impl BodyField for LocalPath {
    fn read(json: &RawValue) -> Result<Self, Problem> {
        let text = text(json)?;
        let fits = text.starts_with('/')
            && text.len() <= 1000
            && !text.contains('#')
            && text.chars().all(is_visible)
            && text.parse::<Uri>().is_ok();
        match fits {
            true => Ok(Self(text.into_owned())),
            false => Err(Problem::new("must be a path that begins with /")),
        }
    }
}

field!(
    LocalPath,
    ObjectBuilder::new()
        .schema_type(Type::String)
        .description(Some("A path that begins with /."))
        .pattern(Some("^/"))
        .max_length(Some(1000))
        .examples(["/health"])
);

/// The same address is the same instance, so that a restarted service replaces itself; and so is
/// every registration without one. Without slashes, so that it fits into a path; with `https:`
/// before it, it is another one than without TLS.
pub(crate) fn default_instance_id(address: Option<&Address>) -> InstanceId {
    let Some(address) = address else {
        return InstanceId::parse("default").expect("a label");
    };
    let url = address.message_url();
    let short = url
        .trim_start_matches("http://")
        .trim_end_matches(DEFAULT_ENDPOINT)
        .replacen("https://", "https:", 1);
    InstanceId::parse(&short.replace('/', "_")).unwrap_or_else(|_| {
        let digest = uuid::Uuid::new_v5(&uuid::Uuid::NAMESPACE_URL, url.as_bytes());
        InstanceId::parse(&digest.to_string()).expect("a UUID is a label")
    })
}
