//! How full the queues are, as who asks for it or changes it must know.

use crate::actors::messages::{AdmissionReport, InspectAdmission};
use crate::domain::ids::ServiceName;
use crate::error::HubError;
use crate::http::ask::look;
use crate::http::state::Hub;

/// How full the doors are. Where one service is meant, by the parameter or field `name`, it must be
/// known.
pub async fn door(
    hub: &Hub,
    name: &'static str,
    service: Option<&ServiceName>,
) -> Result<AdmissionReport, HubError> {
    let asked = InspectAdmission {
        service: service.cloned(),
    };
    let door = look(&hub.handles.admission, asked).await?;
    match service {
        Some(service) if !door.is_known => Err(HubError::NoService {
            field: name,
            service: service.clone(),
        }),
        _ => Ok(door),
    }
}
