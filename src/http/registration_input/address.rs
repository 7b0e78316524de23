//! Where an instance can be reached.

use actix_web::http::Uri;
use serde_json::value::RawValue;

use crate::domain::characters::is_visible;
use crate::domain::deny_list::DenyList;
use crate::domain::ids::InstanceId;
use crate::domain::service::Address;
use crate::http::fields::Field;
use crate::http::web_address::WebAddress;
use crate::hub::error::{HubError, Subject};

const DEFAULT_ENDPOINT: &str = "/messages";

/// `None`: the instance pulls.
///
/// # Errors
/// 400 with `url` or `message_endpoint`.
pub(crate) fn address(
    url: Option<&RawValue>,
    message_endpoint: Option<&RawValue>,
    deny: &DenyList,
) -> Result<Option<Address>, HubError> {
    let given = |name, json| Field::given(Subject::Request, name, json);
    let endpoint = given("message_endpoint", message_endpoint);
    let endpoint = endpoint.map(path).transpose()?;
    let Some(field) = given("url", url) else {
        return Ok(None);
    };
    Ok(Some(Address {
        url: base(field, deny)?,
        message_endpoint: endpoint.unwrap_or_else(|| DEFAULT_ENDPOINT.to_owned()),
    }))
}

/// Without a trailing slash.
fn base(field: Field<'_>, deny: &DenyList) -> Result<String, HubError> {
    let problem = "must be an address such as http://10.0.0.5:8080 or https://shop.example, with a path at most";
    let WebAddress { text, uri } = WebAddress::read(field, problem)?;
    if uri.query().is_some() {
        return Err(field.wrong(problem));
    }
    if uri.host().is_some_and(|host| deny.denies_host(host)) {
        return Err(field.wrong("leads to an address on the list outgoing_deny"));
    }
    Ok(text.trim_end_matches('/').to_owned())
}

/// A path below an address.
///
/// # Errors
/// 400 with the field.
pub(crate) fn path(field: Field<'_>) -> Result<String, HubError> {
    let text = field.text()?;
    let fits = text.starts_with('/')
        && text.len() <= 1000
        && !text.contains('#')
        && text.chars().all(is_visible)
        && text.parse::<Uri>().is_ok();
    if !fits {
        return Err(field.wrong("must be a path that begins with /"));
    }
    Ok(text.into_owned())
}

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
