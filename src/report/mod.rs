//! What the user is given. One document, one file a format.

pub mod document;
pub mod human;
pub mod json;
pub mod obstacles;
pub mod untrusted;
pub mod yaml;

pub use document::{Report, Status};
pub use untrusted::Untrusted;
