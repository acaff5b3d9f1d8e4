//! What becomes of manifests on a cluster: what the API server makes of each document, what controllers make of the
//! objects, and where the scheduler puts the pods, tried on a copy of the state.

pub(crate) mod manifests;
pub(crate) mod server;
pub(crate) mod world;
