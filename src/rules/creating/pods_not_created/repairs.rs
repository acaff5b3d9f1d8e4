//! What lets refused pods and claims be made.

use crate::admission::expand::{ordinal_of, stateful_set_claims};
use crate::diagnosis::command;
use crate::diagnosis::context::{Context, Shortfall};
use crate::diagnosis::remedy::{Change, Remedy, Risk, Step};
use crate::model::{Kind, Quantity};

/// The label with the level of pods that a namespace admits.
const POD_SECURITY: &str = "pod-security.kubernetes.io/enforce";

/// A quota that has room for what is asked (`plugin/pkg/admission/resourcequota`: "exceeded quota: NAME, requested: A=1,B=2,
/// used: …, limited: …").
pub(super) fn larger_quota(cx: &Context<'_>, namespace: &str, message: &str) -> Option<Remedy> {
    let (_, rest) = message.split_once("exceeded quota: ")?;
    let (name, rest) = rest.split_once(", requested: ")?;
    let (requested, _) = rest.split_once(", used: ")?;
    let quota = cx.snapshot.quotas.get(namespace, name).found()?;
    let mut hard = serde_json::Map::new();
    for (resource, asked) in requested.split(',').filter_map(|pair| pair.split_once('=')) {
        let used = quota.status.used.get(resource)?;
        let wanted = used.value().checked_add(Quantity::parse(asked).ok()?.value())?;
        hard.insert(resource.to_owned(), Quantity::bytes(wanted).to_string().into());
    }
    let what =
        format!("Raise quota {name} of namespace {namespace} to what is used and asked for together, if there is room");
    let patch = serde_json::json!({"spec": {"hard": hard}});
    let steps = vec![cx.patch(what, (Kind::ResourceQuota, namespace, name), patch)];
    Some(Remedy::untried("Raise the quota", Risk::Low, steps, "admission is not run again here"))
}

/// A claim template that the API server takes, where it refuses a field of the claim that is made from it.
pub(super) fn corrected(shortfall: &Shortfall<'_>, message: &str) -> Option<Remedy> {
    let (_, rest) = message.split_once("PersistentVolumeClaim \"")?;
    let (_, problem) = rest.split_once("\" is invalid: ")?;
    let meta = shortfall.meta;
    let delete =
        command::kubectl(&["delete", "statefulset", "--cascade=orphan"], &[&meta.name], &[("-n", &meta.namespace)]);
    let steps = vec![
        Step::told(format!(
            "Correct the claim template in the chart or manifest of StatefulSet {}: {problem}",
            meta.name
        )),
        Step {
            command: delete,
            ..Step::told(
                "Delete the set without its pods, since its claim templates can't be changed, and apply it again",
            )
        },
    ];
    let set = shortfall.kind == Kind::StatefulSet;
    set.then(|| {
        Remedy::untried("Correct the claim template", Risk::Medium, steps, "what the template should say is not known")
    })
}

/// The namespace or the service account allowed what the pods need, where that is what the API server refuses
/// (`k8s.io/pod-security-admission`; OpenShift's `pkg/securitycontextconstraints`).
pub(super) fn admitted(cx: &Context<'_>, shortfall: &Shortfall<'_>, message: &str) -> Option<Remedy> {
    let namespace = &shortfall.meta.namespace;
    let reason = "admission is not run again here";
    if message.contains("violates PodSecurity") {
        let patch = serde_json::json!({"metadata": {"labels": {POD_SECURITY: "privileged"}}});
        let what =
            format!("Let namespace {namespace} have pods of the privileged level, as drivers and the like need them");
        let steps = vec![cx.patch(what, (Kind::Namespace, "", namespace), patch)];
        let title = "Allow such pods in the namespace, if they are to be trusted";
        return Some(Remedy::untried(title, Risk::Medium, steps, reason));
    }
    if message.contains("unable to validate against any security context constraint") {
        let account = shortfall.source.spec.service_account_name.as_str();
        let account = if account.is_empty() { "default" } else { account };
        let command = format!("oc adm policy add-scc-to-user privileged -z {account} -n {namespace}");
        let plain = |name: &str| name.chars().all(|c| c.is_ascii_alphanumeric() || "-.".contains(c));
        let what = format!(
            "Let service account {account} use the SCC privileged, or a smaller one that allows what is refused"
        );
        let command = Some(command).filter(|_| plain(account) && plain(namespace));
        let steps = vec![Step { command, ..Step::told(what) }];
        let title = "Allow the service account such pods, if they are to be trusted";
        return Some(Remedy::untried(title, Risk::Medium, steps, reason));
    }
    None
}

/// A claim template in the size that a LimitRange of the namespace allows, where that is what it refuses
/// (`plugin/pkg/admission/limitranger`, minConstraint and maxConstraint).
pub(super) fn resized(cx: &Context<'_>, shortfall: &Shortfall<'_>, message: &str) -> Option<Remedy> {
    let (_, rest) = message.split_once("persistentvolumeclaims \"")?;
    let (claim, rest) = rest.split_once("\" is forbidden: ")?;
    let (_, rest) = rest.split_once("imum storage usage per PersistentVolumeClaim is ")?;
    let size: Quantity = Quantity::parse(rest.split_once(',')?.0).ok()?;
    let meta = shortfall.meta;
    let set = cx.snapshot.stateful_sets.get(&meta.namespace, &meta.name).found()?;
    let of = |pod: &String| {
        let claims = stateful_set_claims(set, ordinal_of(&meta.name, pod)?);
        claims.iter().position(|one| one.metadata.name == claim)
    };
    let at = shortfall.missing.iter().find_map(of)?;
    let path = format!("/spec/volumeClaimTemplates/{at}/spec/resources/requests/storage");
    let operations = serde_json::json!([{"op": "replace", "path": path, "value": size.to_string()}]);
    let change = Change::RemakeSet { namespace: meta.namespace.clone(), name: meta.name.clone(), operations };
    let what = format!(
        "Ask for {size} in the claim template of StatefulSet {}: the set is replaced without its pods, since its claim \
         templates can't be changed",
        meta.name
    );
    let title = format!("Ask for {size} of storage, which the LimitRange allows");
    Some(Remedy::new(title, Risk::Medium, vec![cx.step(what, change)]))
}
