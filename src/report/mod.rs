//! What the user is given. One document, one file a format.

pub mod document;
pub(crate) mod formats;
pub mod human;
pub(crate) mod json;
pub(crate) mod obstacles;
pub(crate) mod untrusted;
pub(crate) mod yaml;

pub use document::{Report, Status};
pub use untrusted::Untrusted;
