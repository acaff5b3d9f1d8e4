//! `NamespaceLifecycle` (`apiserver/pkg/admission/plugin/namespace/lifecycle`).

use serde_json::Value;

use super::super::field::quote;
use super::super::json::text;
use super::{Attributes, Stop};

/// Nothing is made in a namespace that isn't there or is being deleted.
///
/// # Errors
/// Where the namespace is not fit.
pub(super) fn admit(cx: &Attributes<'_>, object: &Value) -> Result<(), Stop> {
    if cx.namespace.is_empty() || cx.old.is_some() {
        return Ok(());
    }
    match cx.namespace_object() {
        Some(namespace) if text(namespace, "/status/phase") != "Terminating" => Ok(()),
        Some(_) => {
            let reason = "because it is being terminated";
            let error = format!("unable to create new content in namespace {} {reason}", cx.namespace);
            Err(cx.forbidden(object, &error))
        }
        None if cx.world.read("Namespace") => {
            Err(Stop::Refused(format!("namespaces {} not found", quote(cx.namespace))))
        }
        None => Err(Stop::Unknown(format!(
            "namespaces could not be read, so whether there is a namespace {} is not known; `kubectl get namespace {}` tells",
            cx.namespace, cx.namespace
        ))),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::kit::{creation, refusal, resource, world};
    use super::*;

    #[test]
    fn a_namespace_must_be_there_and_stay() {
        let pods = resource("v1", "Pod");
        let pod = json!({"metadata": {"name": "late"}});
        assert_eq!(refusal(admit(&creation(&world(&[]), &pods), &pod)), "namespaces \"app\" not found");
        let namespace = |phase: &str| {
            world(&[json!({"kind": "Namespace", "metadata": {"name": "app"}, "status": {"phase": phase}})])
        };
        assert_eq!(
            refusal(admit(&creation(&namespace("Terminating"), &pods), &pod)),
            "pods \"late\" is forbidden: unable to create new content in namespace app because it is being terminated"
        );
        assert_eq!(admit(&creation(&namespace("Active"), &pods), &pod), Ok(()));
    }
}
