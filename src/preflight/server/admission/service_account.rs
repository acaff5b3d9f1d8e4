//! `ServiceAccount` (`plugin/pkg/admission/serviceaccount`), where service accounts are known.

use serde_json::Value;

use super::super::field::quote;
use super::super::json::{default, some_text, text};
use super::{Attributes, Stop};

/// A new pod gets the default account, and the account that it names has to be there.
///
/// # Errors
/// Where the account is missing.
pub(super) fn admit(cx: &Attributes<'_>, object: &mut Value) -> Result<(), Stop> {
    if !applies(cx, object) {
        return Ok(());
    }
    if some_text(object, "/spec/serviceAccountName").is_none() {
        default(object, &["spec", "serviceAccountName"], "default");
        default(object, &["spec", "serviceAccount"], "default");
    }
    validate(cx, object)
}

/// The account that a pod names has to be there.
///
/// # Errors
/// Where it isn't.
pub(super) fn validate(cx: &Attributes<'_>, object: &Value) -> Result<(), Stop> {
    if !applies(cx, object) {
        return Ok(());
    }
    let name = text(object, "/spec/serviceAccountName");
    if name.is_empty() {
        return Err(cx.forbidden(object, "no service account specified"));
    }
    if name == "default" || cx.world.get("ServiceAccount", Some(cx.namespace), name).is_some() {
        return Ok(());
    }
    if cx.world.has_failed("ServiceAccount") {
        return Err(Stop::Unknown(format!(
            "service accounts could not be read, so whether there is {name} is not known; \
             `kubectl get serviceaccount {name} -n {}` tells",
            cx.namespace
        )));
    }
    let missing = format!("serviceaccount {} not found", quote(name));
    let error = format!("error looking up service account {}/{name}: {missing}", cx.namespace);
    Err(cx.forbidden(object, &error))
}

/// The account that the words of a refusal say is missing.
pub(in crate::preflight) fn missing(message: &str) -> Option<&str> {
    Some(message.split_once("serviceaccount \"")?.1.split_once("\" not found")?.0)
}

/// The plugin and the controller that makes the default accounts go together: where no namespace has one, the server is
/// taken to run without the plugin. Where they could not be read, it is taken to run with it.
fn applies(cx: &Attributes<'_>, object: &Value) -> bool {
    let mirror = "/metadata/annotations/kubernetes.io~1config.mirror";
    let mut accounts = cx.world.list("ServiceAccount", None);
    let failed = cx.world.has_failed("ServiceAccount");
    cx.creates("", "Pod")
        && object.pointer(mirror).is_none()
        && (failed || cx.world.read("ServiceAccount"))
        && (failed || accounts.any(|account| text(account, "/metadata/name") == "default"))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::kit::{creation, refusal, resource, world};
    use super::*;

    fn account(namespace: &str, name: &str) -> Value {
        json!({"kind": "ServiceAccount", "metadata": {"namespace": namespace, "name": name}})
    }

    #[test]
    fn an_account_must_be_there_and_the_default_one_comes_by_itself() {
        let pods = resource("v1", "Pod");
        let world = world(&[account("kube-system", "default"), account("app", "db")]);
        let cx = creation(&world, &pods);
        let mut pod = json!({"metadata": {"name": "a"}, "spec": {"serviceAccountName": "gone"}});
        assert_eq!(
            refusal(admit(&cx, &mut pod)),
            "pods \"a\" is forbidden: error looking up service account app/gone: serviceaccount \"gone\" not found"
        );
        let mut pod = json!({"metadata": {"name": "a"}, "spec": {"serviceAccountName": "db"}});
        assert_eq!(admit(&cx, &mut pod), Ok(()));
        let mut pod = json!({"metadata": {"name": "a"}, "spec": {}});
        assert_eq!(admit(&cx, &mut pod), Ok(()));
        assert_eq!(pod["spec"]["serviceAccountName"], "default");
    }

    #[test]
    fn a_server_without_default_accounts_does_not_ask() {
        let pods = resource("v1", "Pod");
        let world = world(&[account("app", "db")]);
        let mut pod = json!({"metadata": {"name": "a"}, "spec": {"serviceAccountName": "gone"}});
        assert_eq!(admit(&creation(&world, &pods), &mut pod), Ok(()));
    }
}
