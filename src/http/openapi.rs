//! The API description.

pub fn routes(_routes: &mut super::Routes<'_>) {}
