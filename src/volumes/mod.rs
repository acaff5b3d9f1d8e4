//! What the volume controllers decide.

pub mod verdict;

pub use verdict::{ClaimEvent, ClaimVerdict, VolumeMismatch};
