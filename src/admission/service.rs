//! Whether anything answers behind a webhook.

use crate::model::webhook::{ClientConfig, ServiceReference};
use crate::snapshot::{Lookup, Snapshot};

/// The label by which an EndpointSlice names its service.
const SERVICE_NAME: &str = "kubernetes.io/service-name";

/// What stands behind a webhook.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Backend {
    /// The service has ready endpoints.
    Serves,
    /// The service doesn't exist.
    NoService,
    /// The service exists, and no endpoint of it is ready.
    NoEndpoints,
    /// A URL outside the cluster, or something that could not be read.
    Unknown(&'static str),
}

impl Backend {
    /// Whether calls fail for certain.
    pub(crate) fn fails(&self) -> bool {
        matches!(self, Backend::NoService | Backend::NoEndpoints)
    }
}

/// What stands behind a webhook's client configuration.
pub(crate) fn backend(config: &ClientConfig, snapshot: &Snapshot) -> Backend {
    let Some(service) = &config.service else {
        return Backend::Unknown("the webhook is served at a URL, which is not called here");
    };
    match snapshot.services.get(&service.namespace, &service.name) {
        Lookup::Absent => Backend::NoService,
        Lookup::Unknown => Backend::Unknown("services could not be read"),
        Lookup::Found(found) if found.spec.kind == "ExternalName" => {
            Backend::Unknown("the service stands for a name outside the cluster")
        }
        Lookup::Found(_) => endpoints(service, snapshot),
    }
}

/// A slice whose `ready` is not set counts as ready (`discovery/v1`, EndpointConditions).
fn endpoints(service: &ServiceReference, snapshot: &Snapshot) -> Backend {
    let slices = snapshot.endpoints.in_namespace(&service.namespace);
    let mut of_service = slices.iter().filter(|slice| slice.metadata.labels.get(SERVICE_NAME) == Some(&service.name));
    if of_service.any(|slice| slice.endpoints.iter().any(|endpoint| endpoint.conditions.ready != Some(false))) {
        return Backend::Serves;
    }
    match snapshot.endpoints.covers(&service.namespace) {
        true => Backend::NoEndpoints,
        false => Backend::Unknown("endpoint slices could not be read"),
    }
}
