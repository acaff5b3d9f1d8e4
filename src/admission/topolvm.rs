//! What TopoLVM's pod webhook adds (TopoLVM, `internal/hook/mutate_pod.go`).

use super::injector::injectors;
use crate::model::{Claim, Pod, Quantity};
use crate::snapshot::{Lookup, Snapshot};

/// The resources that TopoLVM's webhook adds: the present name and the older one.
const RESOURCES: &[&str] = &["topolvm.io/capacity", "topolvm.cybozu.com/capacity"];

/// Adds the marker resource to a new pod's first container where TopoLVM's webhook is called for the pod and the pod
/// has claims that TopoLVM is still to provision. A pod with a claim that is past that is left alone.
pub(crate) fn inject(snapshot: &Snapshot, pod: &mut Pod) {
    for resource in RESOURCES {
        let domain = resource.split('/').next().unwrap_or_default();
        if !injectors(snapshot, pod, resource).list().is_empty() && wants(snapshot, pod, domain) {
            let Some(container) = pod.spec.containers.first_mut() else { return };
            container.resources.requests.insert((*resource).to_owned(), Quantity::bytes(1));
            container.resources.limits.insert((*resource).to_owned(), Quantity::bytes(1));
        }
    }
}

fn wants(snapshot: &Snapshot, pod: &Pod, driver: &str) -> bool {
    let of_driver =
        |class: &str| matches!(snapshot.classes.get("", class), Lookup::Found(class) if class.provisioner == driver);
    let mut any = false;
    for volume in &pod.spec.volumes {
        let template = volume.ephemeral.as_ref().and_then(|ephemeral| ephemeral.volume_claim_template.as_ref());
        if let Some(template) = template {
            any |= template.spec.storage_class_name.as_deref().is_some_and(of_driver);
        }
        let Some(source) = &volume.persistent_volume_claim else { continue };
        let claim = snapshot.claims.get(&pod.metadata.namespace, &source.claim_name).found();
        let Some(claim) = claim.filter(|claim| of_driver(claim.class())) else { continue };
        if !pending(claim) {
            return false;
        }
        any = true;
    }
    any
}

fn pending(claim: &Claim) -> bool {
    matches!(claim.status.phase.as_str(), "Pending" | "")
}
