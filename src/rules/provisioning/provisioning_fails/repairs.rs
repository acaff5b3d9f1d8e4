//! What to do about failures of a provisioner.

use super::setting::{Denial, denial, full_node, local};
use super::words::shared_modes;
use super::{Failing, modes, topology};
use crate::diagnosis::command;
use crate::diagnosis::command::kubectl;
use crate::diagnosis::context::Context;
use crate::diagnosis::remedy::{Change, Remedy, Risk, Step};
use crate::model::{Kind, StorageClass};
use crate::rules::drivers::driver::log_step;
use crate::rules::drivers::named_parameters::named_parameters;
use crate::rules::drivers::vsphere::{self, VSPHERE};
use crate::rules::provisioning::copies::more_copies_than_nodes;
use crate::rules::provisioning::outdated::Outdated;
use crate::rules::provisioning::runner::Runner;
use crate::volumes::FailureCause;

/// How the AWS EBS driver says that a volume it made is gone when it looks for it.
const TAKEN_AWAY: &str = "failed to get an available volume";

/// What to do about the cause.
pub(super) fn remedies(
    cx: &Context<'_>,
    driver: &str,
    class: Option<&StorageClass>,
    lead: &Failing<'_, '_>,
    runner: Option<&Runner<'_>>,
    too_old: Option<Outdated>,
) -> Vec<Remedy> {
    let reason = "what the provisioner answers then is not known";
    let told = |title: &str, what: String| Remedy::untried(title, Risk::Low, vec![Step::told(what)], reason);
    let (class_name, name) = (lead.case.claim.class(), &lead.case.claim.metadata.name);
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
        FailureCause::Denied => vec![rights(driver, runner)],
        FailureCause::Quota => {
            vec![told("Make room in the quota", "Raise the quota at the storage's side, or free some of it".to_owned())]
        }
        FailureCause::NoRoom => room(cx, class, lead),
        FailureCause::Forbidden => denial(&lead.report.message).map(grant).into_iter().collect(),
        FailureCause::NotFound if lead.failure.text.contains(TAKEN_AWAY) => {
            let allow = "Let the role of the driver use the key that the class, or the account by default, encrypts with \
                         (kms:CreateGrant, kms:Decrypt, kms:GenerateDataKeyWithoutPlaintext), in the role and in the key's policy"
                .to_owned();
            let steps = runner.and_then(account).into_iter().chain([Step::told(allow)]);
            vec![Remedy::untried("Let the driver use the key", Risk::Low, steps.collect(), reason)]
        }
        FailureCause::AccessMode if !shared_modes(lead.case.claim).is_empty() => {
            vec![
                for_one_node(cx, lead, reason),
                told(
                    "Take storage that several nodes can use",
                    format!("Make claim {} anew with a class whose driver makes file systems for several nodes", name),
                ),
            ]
        }
        FailureCause::Size => vec![told(
            "Ask for a size that the driver makes",
            format!("Make claim {name} anew with a size within the driver's bounds: it has no volume yet"),
        )],
        FailureCause::AccessMode
        | FailureCause::SecretTemplate
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
    let named = class.filter(|class| !named_parameters(class, &lead.failure.text).is_empty());
    if let Some(class) = named.filter(|_| remedies.is_empty()) {
        let name = &class.metadata.name;
        remedies.push(told(
            "Use other parameters",
            format!(
                "Make a class like {name} with other parameters, for a class's can't be changed: make class {name} anew under \
                 its name, or a new one with claims that name it"
            ),
        ));
    }
    let foreign = class.map_or_else(Vec::new, |class| topology::foreign_keys(cx, driver, class));
    if !foreign.is_empty() && lead.failure.cause == FailureCause::Topology {
        remedies.push(told(
            "Allow what the driver knows",
            format!(
                "Make class {class_name} anew with allowedTopologies by topology keys that the driver has on the nodes: those \
                 of a class can't be changed, and volumes that exist keep theirs"
            ),
        ));
    }
    if let Some(mode) = modes::refused(lead).filter(|_| lead.failure.cause != FailureCause::AccessMode) {
        remedies.push(told(
            "Ask for what the storage can do",
            format!(
                "Make the claim anew with ReadWriteOnce where one node at a time is enough; for {mode} name a class whose \
                 storage serves files"
            ),
        ));
    }
    if let Some(runner) = runner.filter(|_| remedies.is_empty()) {
        let said = vsphere::looks(cx, None, &lead.failure.text);
        let steps = said.into_iter().chain([runner.look()]).chain(own_log(runner)).collect();
        remedies.push(Remedy::untried("See all that the provisioner says", Risk::Low, steps, reason));
    }
    remedies
}

/// The claim made anew for one node alone.
fn for_one_node(cx: &Context<'_>, lead: &Failing<'_, '_>, reason: &str) -> Remedy {
    let meta = &lead.case.claim.metadata;
    let operations = serde_json::json!([{"op": "replace", "path": "/spec/accessModes", "value": ["ReadWriteOnce"]}]);
    let (kind, namespace, name) = (Kind::PersistentVolumeClaim, meta.namespace.clone(), meta.name.clone());
    let what = format!("Where all pods that use claim {name} may run on one node, make it anew for ReadWriteOnce");
    let step = cx.step(what, Change::Remake { kind, namespace, name, operations, ask: None });
    Remedy::untried("Ask for a volume for one node", Risk::Medium, vec![step], reason)
}

/// The step that shows which identity of the cloud the provisioner's service account names.
fn account(runner: &Runner<'_>) -> Option<Step> {
    let account = runner.part.spec.service_account_name.as_str();
    let account = if account.is_empty() { "default" } else { account };
    let flags = [("-n", runner.part.namespace)];
    let command = kubectl(&["get", "serviceaccount", "-o", "'jsonpath={.metadata.annotations}'"], &[account], &flags);
    let what = format!(
        "See whether service account {account} names the role or identity that is meant (annotations such as \
         eks.amazonaws.com/role-arn, iam.gke.io/gcp-service-account, azure.workload.identity/client-id)"
    );
    Some(Step { what, command, ..Step::default() })
}

/// What gives a driver the rights that it lacks.
fn rights(driver: &str, runner: Option<&Runner<'_>>) -> Remedy {
    let step = match driver {
        VSPHERE => vsphere::privileges(),
        _ => Step::told("Correct the credentials or the role that the driver uses at the storage's side"),
    };
    let account = runner.filter(|_| driver != VSPHERE).and_then(account);
    let steps = account.into_iter().chain([step]).chain(runner.map(Runner::look)).collect();
    let reason = "what the provisioner answers then is not known";
    Remedy::untried("Give the driver its rights", Risk::Low, steps, reason)
}

/// The step that reads the log of the driver itself, which stands beside the provisioner and says more than that passes on.
fn own_log(runner: &Runner<'_>) -> Option<Step> {
    let part = &runner.part;
    let own = part.driver_container().filter(|own| Some(*own) != runner.container())?;
    Some(log_step("Read what the driver's controller says", part.namespace, &runner.target(), Some(own)))
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
