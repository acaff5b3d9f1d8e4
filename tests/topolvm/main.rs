//! The incident that this tool was written for, on a real control plane: TopoLVM's webhook gives Vault's pods a request
//! that nothing serves. Each test builds a cluster, reads the report, carries out the printed commands, and compares
//! what the report says with what Kubernetes does.

#![allow(unreachable_pub, clippy::disallowed_methods, clippy::unwrap_used, reason = "tests")]

mod forms;
mod incident;
mod manifests;
mod report;
mod scene;
mod variants;

#[path = "../support/mod.rs"]
mod support;
