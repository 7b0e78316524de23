//! An address with `http` or `https`, as an instance or a callback has it.

use actix_web::http::Uri;
use actix_web::http::uri::Authority;
use utoipa::openapi::{ObjectBuilder, Type};

use crate::api::problem::Problem;
use crate::domain::characters::is_visible;
use crate::domain::deny_list::DenyList;
use crate::hub::error::{HubError, Subject};

/// In bytes.
const LONGEST: usize = 2000;
const NEEDS_A_NAME: &str =
    "must have a name or an IPv4 address as its host: https with an IPv6 address is not supported";

/// Scheme and host in lower case, so that one place has one spelling; path and query as they are.
pub(crate) struct WebAddress {
    pub text: String,
    pub uri: Uri,
}

impl WebAddress {
    /// # Errors
    /// `problem`, if it is no address.
    pub(crate) fn read(text: &str, problem: &str) -> Result<Self, Problem> {
        let uri: Uri = text.parse().map_err(|_| Problem::new(problem))?;
        let is_shown = text.chars().all(is_visible);
        if !is_http(&uri) || !is_shown || text.contains('#') || text.len() > LONGEST {
            return Err(Problem::new(problem));
        }
        if needs_a_name(&uri) {
            return Err(Problem::new(NEEDS_A_NAME));
        }
        let text = with_lower_case_host(text);
        Ok(Self { text, uri })
    }

    /// The text, which stands in the field `name`.
    ///
    /// # Errors
    /// 400 if it leads where nothing may go.
    pub(crate) fn allowed(
        self,
        subject: Subject,
        name: &str,
        deny: &DenyList,
    ) -> Result<String, HubError> {
        if self.uri.host().is_some_and(|host| deny.denies_host(host)) {
            let problem = "leads to an address on the list outgoing_deny";
            return Err(HubError::invalid(subject, name, problem));
        }
        Ok(self.text)
    }
}

/// How it is described.
pub(crate) fn schema(example: &str) -> ObjectBuilder {
    ObjectBuilder::new()
        .schema_type(Type::String)
        .max_length(Some(LONGEST))
        .pattern(Some("^https?://"))
        .examples([example])
}

fn with_lower_case_host(text: &str) -> String {
    let host = text.find("://").map_or(0, |end| end + "://".len());
    let path = text[host..].find(['/', '?']).map(|start| host + start);
    let (place, rest) = text.split_at(path.unwrap_or(text.len()));
    place.to_ascii_lowercase() + rest
}

/// Whether the host is an IPv6 address, which the client cannot look for in a certificate.
fn needs_a_name(uri: &Uri) -> bool {
    uri.scheme_str() == Some("https") && uri.host().is_some_and(|host| host.starts_with('['))
}

/// Whether it leads to a host by `http` or `https`.
fn is_http(uri: &Uri) -> bool {
    matches!(uri.scheme_str(), Some("http" | "https"))
        && uri.authority().is_some_and(is_host_and_port)
}

/// The parser of addresses lets an empty port pass, and one that is out of range.
fn is_host_and_port(authority: &Authority) -> bool {
    let host = authority.host();
    let Some(rest) = authority.as_str().strip_prefix(host) else {
        // Somebody's name stands before it.
        return false;
    };
    let has_port = match rest.strip_prefix(':') {
        Some(port) => {
            port.bytes().all(|byte| byte.is_ascii_digit())
                && port.parse::<u16>().is_ok_and(|port| port > 0)
        }
        None => rest.is_empty(),
    };
    !host.is_empty() && has_port
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_case_of_scheme_and_host_means_nothing_and_that_of_the_rest_is_kept() {
        for (given, text) in [
            ("HTTPS://LocalHost:21443", "https://localhost:21443"),
            ("Http://SHOP.example/Path/A", "http://shop.example/Path/A"),
            ("http://H?Key=HTTP://V/X", "http://h?Key=HTTP://V/X"),
            ("http://[FE80::A]:1/X", "http://[fe80::a]:1/X"),
            ("https://h/x", "https://h/x"),
        ] {
            let address = WebAddress::read(given, "is none").unwrap();
            assert_eq!(address.text, text, "{given}");
        }
    }
}
