//! What the API server and the workload controllers do to new objects: webhooks that match, the difference between a
//! pod and its template, pods made anew, and pods and claims that don't exist yet.

pub mod difference;
pub mod expand;
pub mod injector;
pub mod recreate;
pub mod service;
pub(crate) mod topolvm;
pub mod webhook;

pub use difference::{InjectedResource, injected_resources};
pub use injector::{Injector, Injectors, injectors};
pub use recreate::{CreateError, recreate};
pub use service::{Backend, backend};
pub use webhook::{Match, Request};
