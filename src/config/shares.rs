//! What one service, or one peer, may use of the hub.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{limits, quotas};
use crate::domain::ids::ServiceName;
use crate::domain::quota::Quota;
use crate::logic::limits::Limits;

#[derive(Clone, PartialEq, Debug, Deserialize, Serialize)]
pub struct SharesConfig {
    /// What each may send and be sent, unless it is set over the API.
    #[serde(deserialize_with = "quotas::deserialize", default)]
    pub quotas: BTreeMap<ServiceName, Quota>,
    #[serde(with = "limits", default)]
    pub limits: Limits,
}
