//! How full the queues are, as who asks for it or changes it must know.

use crate::actors::messages::{AdmissionReport, InspectAdmission};
use crate::domain::ids::ServiceName;
use crate::hub::Hub;
use crate::hub::error::HubError;

/// How full the destinations are. Where one service is meant, by the parameter or field `name`, it
/// must be known.
pub(crate) async fn admission(
    hub: &Hub,
    name: &'static str,
    service: Option<&ServiceName>,
) -> Result<AdmissionReport, HubError> {
    let asked = InspectAdmission {
        service: service.cloned(),
    };
    let admission = hub.clients.router.look(asked).await?;
    match service {
        Some(service) if !admission.is_known => Err(HubError::NoService {
            field: name,
            service: service.clone(),
        }),
        _ => Ok(admission),
    }
}
