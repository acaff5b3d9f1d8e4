//! Reports for people: the cause first, then the proof, then what to do, then the details.

mod alike;
pub mod capacity;
mod claims;
pub mod classes;
mod diagnosis;
mod finding;
mod nodes;
mod placed;
pub(crate) mod preflight;
mod repair;
pub mod screen;
mod unread;
pub mod webhooks;
pub mod words;

pub use diagnosis::write;
pub use screen::{Screen, Tone};
