//! What the API server and the workload controllers do to new objects: webhooks that match, the difference between a
//! pod and its template, pods made anew, and pods and claims that don't exist yet.

pub(crate) mod difference;
pub(crate) mod expand;
pub(crate) mod injector;
pub(crate) mod recreate;
pub(crate) mod service;
pub(crate) mod topolvm;
pub(crate) mod webhook;

pub(crate) use difference::{InjectedResource, injected_resources};
pub(crate) use injector::{Injectors, injectors};
pub(crate) use recreate::{CreateError, recreate};
pub(crate) use service::{Backend, backend};
pub(crate) use webhook::{Match, Request};
