//! The description of REST, and `/docs` for people.
//!
//! Handlers carry their description as an attribute, bodies and answers derive their schemas where
//! they are defined. Here is what has no other place: the words of the domain, and what all routes
//! have in common.

pub mod document;
pub mod errors;
pub(crate) mod page;
#[cfg(test)]
mod tests;
pub mod values;
