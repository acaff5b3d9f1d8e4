//! What the volume controllers decide.

pub mod migration;
pub mod verdict;

pub use verdict::{ClaimEvent, ClaimVerdict, VolumeMismatch};
