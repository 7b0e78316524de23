//! What services say of themselves.

use utoipa::ToSchema;

/// A route an instance says it serves.
#[derive(ToSchema)]
pub struct Endpoint {
    pub path: String,
    #[schema(required = false)]
    pub methods: Vec<String>,
}
