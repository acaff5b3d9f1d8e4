//! What tests of several binaries share.

pub mod api;
pub mod control_plane;
pub mod leash;
pub mod tools;
