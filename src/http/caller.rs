//! Who makes a request, and what that lets it do.

use actix_web::{HttpMessage, HttpRequest};

use super::request_id::RequestId;
use crate::domain::ids::ServiceName;
use crate::hub::error::HubError;

/// The caller of a request, known from its headers.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Caller {
    /// What it says (no keys) or has proved (keys) to be.
    pub name: Option<ServiceName>,
    /// May act for others.
    pub is_operator: bool,
}

/// Who asks, and by which id; with the request while it is answered.
pub(crate) struct Asking {
    pub caller: Caller,
    pub id: RequestId,
}

impl Asking {
    /// The request is answered: its id goes into the answer.
    pub(crate) fn over(request: &HttpRequest) -> RequestId {
        let asking = request.extensions_mut().remove::<Self>();
        asking.map_or_else(|| RequestId::of(request.headers()), |asking| asking.id)
    }

    /// That of a request under way, for the log.
    pub(crate) fn request_id(request: &HttpRequest) -> String {
        let extensions = request.extensions();
        let asking = extensions.get::<Self>();
        asking.map_or_else(String::new, |asking| asking.id.as_str().to_owned())
    }
}

impl Caller {
    /// The caller of this request, put there on its way in.
    pub fn of(request: &HttpRequest) -> Self {
        let extensions = request.extensions();
        let asking = extensions.get::<Asking>();
        let caller = asking.map(|asking| asking.caller.clone());
        caller.unwrap_or(Self {
            name: None,
            is_operator: false,
        })
    }

    /// # Errors
    /// 403 unless the caller is `service` itself or an operator.
    pub fn must_be(&self, service: &ServiceName) -> Result<(), HubError> {
        if self.is_operator || self.name.as_ref() == Some(service) {
            return Ok(());
        }
        Err(HubError::Forbidden(format!(
            "only {service} itself or an operator may do this"
        )))
    }

    /// The one service this caller may act for; `None`: any.
    pub fn acts_only_for(&self) -> Option<ServiceName> {
        self.name.clone().filter(|_| !self.is_operator)
    }

    /// # Errors
    /// 403 unless the caller is an operator.
    pub fn must_be_operator(&self) -> Result<(), HubError> {
        if self.is_operator {
            return Ok(());
        }
        Err(HubError::Forbidden(
            "only an operator may do this".to_owned(),
        ))
    }

    /// Whether the caller may see a message between these two.
    pub fn may_see(&self, source: &ServiceName, destination: &ServiceName) -> bool {
        self.is_operator
            || self
                .name
                .as_ref()
                .is_some_and(|name| name == source || name == destination)
    }
}
