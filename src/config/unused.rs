//! What is understood, but not used by this version.

use serde::de::Error;
use serde::{Deserialize, Deserializer, Serialize};

use super::secret::{Hidden, Secret};

#[derive(Clone, PartialEq, Debug, Deserialize, Serialize)]
pub struct UnusedConfig {
    #[serde(deserialize_with = "redis_url", default)]
    pub redis_url: Option<Secret>,
}

fn redis_url<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Secret>, D::Error> {
    let Hidden(url) = Hidden::<String>::deserialize(deserializer)?;
    if url.starts_with("redis://") || url.starts_with("rediss://") {
        return Ok(Some(Secret::new(url)));
    }
    Err(Error::custom("must be redis://… or rediss://…"))
}
