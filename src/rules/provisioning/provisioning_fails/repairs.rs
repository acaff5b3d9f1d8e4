//! What to do about failures of a provisioner.

use super::Failing;
use super::setting::{Denial, denial, full_node, local, named_parameters};
use crate::diagnosis::command;
use crate::diagnosis::context::Context;
use crate::diagnosis::remedy::{Change, Remedy, Risk, Step};
use crate::model::{Kind, StorageClass};
use crate::rules::drivers::driver::log_step;
use crate::rules::provisioning::copies::more_copies_than_nodes;
use crate::rules::provisioning::outdated::Outdated;
use crate::rules::provisioning::runner::Runner;
use crate::volumes::FailureCause;

/// What to do about the cause.
pub(super) fn remedies(
    cx: &Context<'_>,
    class: Option<&StorageClass>,
    lead: &Failing<'_, '_>,
    runner: Option<&Runner<'_>>,
    too_old: Option<Outdated>,
) -> Vec<Remedy> {
    let reason = "what the provisioner answers then is not known";
    let told = |title: &str, what: String| Remedy::untried(title, Risk::Low, vec![Step::told(what)], reason);
    let class_name = lead.case.claim.class();
    if let Some(too_old) = too_old {
        return vec![told("Upgrade the provisioner", too_old.cure)];
    }
    let mut remedies = match &lead.failure.cause {
        FailureCause::SecretMissing { namespace, name } => vec![told(
            "Give the provisioner its secret",
            format!(
                "Create secret {name} in namespace {namespace}, or, where it is in another namespace, make class \
                 {class_name} anew with that one in csi.storage.k8s.io/provisioner-secret-namespace: parameters of a \
                 class can't be changed, and volumes that exist keep theirs"
            ),
        )],
        FailureCause::SecretForbidden { namespace, .. } => vec![told(
            "Let the provisioner read its secret",
            format!("Give its service account the right to get secrets in namespace {namespace}"),
        )],
        FailureCause::NoNode => class.and_then(|class| wait_for_consumer(cx, class)).into_iter().collect(),
        FailureCause::Snapshot { name } => vec![told(
            "Make the snapshot ready",
            format!("Repair VolumeSnapshot {name}, or name another one: the provisioner goes on by itself"),
        )],
        FailureCause::Denied => vec![told(
            "Give the driver its rights",
            "Correct the credentials or the role that the driver uses at the storage's side".to_owned(),
        )],
        FailureCause::Quota => {
            vec![told("Make room in the quota", "Raise the quota at the storage's side, or free some of it".to_owned())]
        }
        FailureCause::NoRoom => room(cx, class, lead),
        FailureCause::Forbidden => denial(&lead.report.message).map(grant).into_iter().collect(),
        FailureCause::SecretTemplate
        | FailureCause::Topology
        | FailureCause::Webhook { .. }
        | FailureCause::NotFound
        | FailureCause::Invalid
        | FailureCause::Unreachable
        | FailureCause::Busy
        | FailureCause::Deadline
        | FailureCause::Other => Vec::new(),
    };
    if let Some(configured) = class.and_then(|class| configure(class, lead)).filter(|_| remedies.is_empty()) {
        remedies.push(configured);
    }
    if let Some(runner) = runner.filter(|_| remedies.is_empty()) {
        let own = runner.part.driver_container().filter(|own| Some(*own) != runner.container());
        let mut steps = vec![runner.look()];
        steps.extend(own.map(|own| {
            log_step(
                format!("Read what the driver itself says, in container {own}"),
                runner.part.namespace,
                &runner.target(),
                Some(own),
            )
        }));
        remedies.push(Remedy::untried("See all that the provisioner says", Risk::Low, steps, reason));
    }
    remedies
}

/// What a parameter of the class names made known to the driver, where the driver says that it isn't.
fn configure(class: &StorageClass, lead: &Failing<'_, '_>) -> Option<Remedy> {
    let unknown = matches!(lead.failure.cause, FailureCause::Invalid | FailureCause::NotFound | FailureCause::Other);
    let named = named_parameters(class, &lead.failure.text).into_iter().next().filter(|_| unknown)?;
    let what = format!(
        "Compare {} of class {} with what the driver's configuration (a ConfigMap in its namespace) or the storage has: add {} \
         there, or make a class with the right value, since parameters of a class can't be changed",
        named.path, class.metadata.name, named.value
    );
    let reason = "what the provisioner answers then is not known";
    Some(Remedy::untried(
        "Bring the class and the driver's configuration together",
        Risk::Low,
        vec![Step::told(what)],
        reason,
    ))
}

/// Room for the volume where it is to be made, or a place with room for it.
fn room(cx: &Context<'_>, class: Option<&StorageClass>, lead: &Failing<'_, '_>) -> Vec<Remedy> {
    let reason = "what the provisioner answers then is not known";
    let told = |title: &str, what: String| Remedy::untried(title, Risk::Low, vec![Step::told(what)], reason);
    let mut remedies: Vec<Remedy> = Vec::new();
    if let Some(copies) = class.and_then(|class| more_copies_than_nodes(cx, class)) {
        let what = format!(
            "Add nodes to the storage, or make a class that asks for fewer copies: {} is what it asks for now, and \
             parameters of a class can't be changed",
            copies.fact.value
        );
        return vec![told("Ask for no more copies than there are nodes", what)];
    }
    if let Some(node) = full_node(lead) {
        let what = format!(
            "Keep the pods that use class {} on the nodes that have the storage (node selector or affinity of their \
             workload, or allowedTopologies of a new class): the scheduler would choose node {node} again",
            lead.case.claim.class()
        );
        remedies.push(told("Keep the pods away from nodes without room", what));
    }
    if let Some(class) = class.filter(|class| local(cx, &class.provisioner)) {
        remedies.extend(wait_for_consumer(cx, class));
    }
    remedies.push(told("Make room", "Add room to the storage, or ask for a smaller volume".to_owned()));
    remedies
}

/// The right that the provisioner lacks.
fn grant(denial: Denial<'_>) -> Remedy {
    let Denial { namespace, account, verb, resource } = denial;
    let user = format!("system:serviceaccount:{namespace}:{account}");
    let command = command::kubectl(&["auth", "can-i", verb], &[&resource], &[("--as", &user)]);
    let what = format!(
        "Give service account {account} of namespace {namespace} the right to {verb} {resource}: bring the driver's \
         ClusterRole to the state that its release ships, and see that its ClusterRoleBinding names this namespace"
    );
    let steps = vec![Step::told(what), Step { command, ..Step::told("See whether it may now") }];
    Remedy::untried("Let the provisioner do it", Risk::Low, steps, "rights are not tried here")
}

/// The class made anew so that it waits for a consumer: the binding mode of a class can't be changed, and what is bound
/// stays as it is.
fn wait_for_consumer(cx: &Context<'_>, class: &StorageClass) -> Option<Remedy> {
    if class.waits_for_consumer() {
        return None;
    }
    let name = &class.metadata.name;
    let mut object = cx.snapshot.to_json(Kind::StorageClass, "", name)?;
    object["apiVersion"] = "storage.k8s.io/v1".into();
    object["kind"] = "StorageClass".into();
    object["metadata"] = serde_json::json!({"name": name, "annotations": class.metadata.annotations});
    object["volumeBindingMode"] = "WaitForFirstConsumer".into();
    let delete = Change::Delete { kind: Kind::StorageClass, namespace: String::new(), name: name.clone() };
    let steps = vec![
        cx.step(
            format!("Delete class {name}: its binding mode can't be changed, and volumes don't depend on it"),
            delete,
        ),
        cx.step(
            format!("Create class {name} again with volumeBindingMode WaitForFirstConsumer"),
            Change::Create { kind: Kind::StorageClass, object, ask: None },
        ),
    ];
    Some(Remedy::new("Let the class wait for the first consumer", Risk::Medium, steps))
}
