//! `PersistentVolumeClaimResize` (`plugin/pkg/admission/storage/persistentvolume/resize`).

use serde_json::Value;

use super::super::json::{text, truth};
use super::super::pod::amounts;
use super::{Attributes, Stop, class_of};

/// Only a bound claim of a class that allows it can grow.
///
/// # Errors
/// Where it can't.
pub(super) fn validate(cx: &Attributes<'_>, object: &Value) -> Result<(), Stop> {
    let Some(old) = cx.old.filter(|_| cx.is("", "PersistentVolumeClaim")) else { return Ok(()) };
    let size = |claim: &Value| amounts(claim, "/spec/resources/requests").get("storage").map_or(0, |size| size.nanos);
    if size(object) <= size(old) {
        return Ok(());
    }
    if text(old, "/status/phase") != "Bound" {
        return Err(cx.forbidden(object, "Only bound persistent volume claims can be expanded"));
    }
    let class = class_of(object).unwrap_or_default();
    let grows = cx.world.get("StorageClass", None, class).is_some_and(|class| truth(class, "/allowVolumeExpansion"));
    if grows && class_of(old) == class_of(object) && !class.is_empty() {
        return Ok(());
    }
    if !class.is_empty() && !cx.world.read("StorageClass") {
        return Err(Stop::Unknown(format!(
            "storage classes could not be read, so whether {class} lets volumes grow is not known; \
             `kubectl get storageclass {class}` tells"
        )));
    }
    Err(cx.forbidden(
        object,
        "only dynamically provisioned pvc can be resized and the storageclass that provisions the pvc must support resize",
    ))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::kit::{creation, refusal, resource, world};
    use super::*;

    #[test]
    fn only_a_bound_claim_of_a_class_that_allows_it_grows() {
        let world = world(&[
            json!({"kind": "StorageClass", "metadata": {"name": "fixed"}}),
            json!({"kind": "StorageClass", "metadata": {"name": "grows"}, "allowVolumeExpansion": true}),
        ]);
        let claims = resource("v1", "PersistentVolumeClaim");
        let claim = |class: &str, size: &str, phase: &str| {
            json!({"metadata": {"name": "a"}, "status": {"phase": phase},
                "spec": {"storageClassName": class, "resources": {"requests": {"storage": size}}}})
        };
        let check = |class: &str, phase: &str| {
            let old = claim(class, "1Gi", phase);
            let cx = super::super::Attributes { old: Some(&old), ..creation(&world, &claims) };
            validate(&cx, &claim(class, "2Gi", phase))
        };
        assert_eq!(check("grows", "Bound"), Ok(()));
        assert_eq!(
            refusal(check("grows", "Pending")),
            "persistentvolumeclaims \"a\" is forbidden: Only bound persistent volume claims can be expanded"
        );
        assert_eq!(
            refusal(check("fixed", "Bound")),
            "persistentvolumeclaims \"a\" is forbidden: only dynamically provisioned pvc can be resized and the storageclass \
             that provisions the pvc must support resize"
        );
    }
}
