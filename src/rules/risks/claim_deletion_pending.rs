use std::collections::HashMap;

use serde_json::json;

use super::held::{Held, held};
use super::keep::{FREE, goes_with_claim, loss, patch_volumes, policy_fact, retain_steps};
use crate::diagnosis::context::{Context, pod_ref};
use crate::diagnosis::finding::{Finding, Near};
use crate::diagnosis::out::Out;
use crate::diagnosis::remedy::{Change, NOTHING_WAITS, Remedy, Risk, Step};
use crate::diagnosis::text::{either, named};
use crate::model::claim::PROTECTION;
use crate::model::{Kind, Pod, Workload};

crate::rules::declare_rule! {
    static RULE = {
        name: "claim-deletion-pending",
        summary: "A claim goes as soon as the pod or the finalizer that still keeps it is gone.",
        severity: Warning,
        since: "0.1.0",
        needs: [PersistentVolumeClaim, PersistentVolume, Pod],
        reads: [StatefulSet],
        stage: Risk,
        check: check,
    }
}

/// The cause that tells of a deletion by which something is blocked.
const CAUSE: &str = "claim-being-deleted";

/// What keeps a claim that is being deleted.
struct Keepers<'a> {
    pods: Vec<&'a Pod>,
    finalizers: Vec<&'a str>,
}

/// Pods that keep claims, by namespace and claim.
type Users<'a> = HashMap<(&'a str, String), Vec<&'a Pod>>;

fn check(cx: &Context<'_>, out: &mut Out<'_>) {
    let going: Vec<Held<'_>> = held(cx).into_iter().filter(|one| one.claim.metadata.deleting()).collect();
    let users = if going.is_empty() { Users::new() } else { users(cx) };
    for one in going {
        let keepers = keepers(&users, &one);
        let kept = !keepers.pods.is_empty() || !keepers.finalizers.is_empty();
        if kept && !out.told_by(CAUSE, &one.claim_ref()) {
            out.add(finding(cx, &one, &keepers));
        }
    }
}

fn users<'a>(cx: &Context<'a>) -> Users<'a> {
    let mut users = Users::new();
    for pod in cx.snapshot.pods.seen().iter().filter(|pod| pod.assigned() || pod.finished()) {
        for claim in pod.spec.volumes.iter().filter_map(|volume| volume.claim_name(&pod.metadata.name)) {
            users.entry((&pod.metadata.namespace, claim)).or_default().push(&**pod);
        }
    }
    users
}

fn keepers<'a>(users: &Users<'a>, one: &Held<'a>) -> Keepers<'a> {
    let meta = &one.claim.metadata;
    let protected = meta.finalizers.iter().any(|name| name == PROTECTION);
    let pods = users.get(&(meta.namespace.as_str(), meta.name.clone())).filter(|_| protected);
    let finalizers = meta.finalizers.iter().map(String::as_str).filter(|name| *name != PROTECTION);
    Keepers { pods: pods.cloned().unwrap_or_default(), finalizers: finalizers.collect() }
}

impl Keepers<'_> {
    /// `pod a ends and finalizer x is taken off`.
    fn until(&self) -> String {
        let pods: Vec<&str> = self.pods.iter().map(|pod| pod.metadata.name.as_str()).collect();
        let ended = self.pods.iter().all(|pod| pod.finished());
        let (one, many) = if ended { ("is deleted", "are deleted") } else { ("ends", "end") };
        let pods = (!pods.is_empty()).then(|| format!("{} {}", named("pod", &pods), either(pods.len(), one, many)));
        let off = either(self.finalizers.len(), "is taken off", "are taken off");
        let finalizers =
            (!self.finalizers.is_empty()).then(|| format!("{} {off}", named("finalizer", &self.finalizers)));
        pods.into_iter().chain(finalizers).collect::<Vec<_>>().join(" and ")
    }
}

fn finding(cx: &Context<'_>, one: &Held<'_>, keepers: &Keepers<'_>) -> Finding {
    let (meta, lost) = (&one.claim.metadata, goes_with_claim(one.volume));
    let data = if lost { ", with its data," } else { "" };
    let title = format!("Claim {} is being deleted and goes{data} as soon as {}", meta.name, keepers.until());
    let since = meta.deletion_timestamp.clone().unwrap_or_default();
    let note = "nothing takes a deletion back; the claim stays only while something keeps it";
    let mut finding =
        RULE.finding(one.claim_ref(), title).evidence(one.claim_ref(), "metadata.deletionTimestamp", since, note);
    for pod in keepers.pods.iter().take(3) {
        let note = "it uses the claim; one that has ended counts until it is deleted";
        finding = finding.evidence(pod_ref(pod), "status.phase", pod.status.phase.clone(), note);
    }
    if !keepers.finalizers.is_empty() {
        let note = "whoever set it takes it off, or has it removed";
        finding = finding.evidence(one.claim_ref(), "metadata.finalizers", keepers.finalizers.join(", "), note);
    }
    finding.evidence.push(policy_fact(one));
    finding.explains(one.claim_ref()).remedy(remedy(cx, one)).at_risk(loss(&[*one]), Near::Begun)
}

/// The volume stays, and a claim of the same name gets it back: without its uid, `claimRef` holds the volume for that
/// name, and nobody else gets it in between.
fn remedy(cx: &Context<'_>, one: &Held<'_>) -> Remedy {
    let mut steps = if goes_with_claim(one.volume) { retain_steps(&[*one]) } else { Vec::new() };
    let set = one.set.filter(|(set, _)| one.wanted() && !deletes_claims(set));
    steps.extend(set.map(|(set, ordinal)| {
        let rest = u32::try_from(ordinal.saturating_sub(set.first_ordinal())).unwrap_or(0);
        let name = set.metadata.name.as_str();
        let what = format!(
            "When the claim may go, end its pod and those after it, so that StatefulSet {name} makes no empty claim first"
        );
        cx.scale(what, (Kind::StatefulSet, &set.metadata.namespace, name), rest)
    }));
    let first = if one.set.is_some() && set.is_none() { ", before its StatefulSet makes an empty one" } else { "" };
    steps.push(Step {
        command: patch_volumes(&[one.volume.metadata.name.as_str()], FREE),
        ..Step::told(format!("As soon as the claim is gone{first}, hold its volume for a claim of the same name"))
    });
    let create = Change::Create { kind: Kind::PersistentVolumeClaim, object: again(one), ask: None };
    steps.push(cx.step("Make the claim anew", create));
    steps.extend(set.map(|(set, _)| {
        let replicas = u32::try_from(set.replicas()).unwrap_or(0);
        cx.scale(
            "Scale the StatefulSet back",
            (Kind::StatefulSet, &set.metadata.namespace, &set.metadata.name),
            replicas,
        )
    }));
    let title = "Keep the volume now, and give it to the same claim made anew later";
    Remedy::untried(title, Risk::Medium, steps, NOTHING_WAITS)
}

/// Whether scaling the set down takes claims of other pods along.
fn deletes_claims(set: &Workload) -> bool {
    let policy = set.spec.persistent_volume_claim_retention_policy.as_ref();
    policy.is_some_and(|policy| policy.when_scaled.as_deref() == Some("Delete"))
}

fn again(one: &Held<'_>) -> serde_json::Value {
    let (meta, spec) = (&one.claim.metadata, &one.claim.spec);
    let mut object = json!({
        "apiVersion": "v1", "kind": "PersistentVolumeClaim",
        "metadata": {"name": meta.name, "namespace": meta.namespace},
        "spec": {
            "accessModes": spec.access_modes, "volumeMode": one.claim.volume_mode(), "resources": {"requests": spec.resources.requests},
            "storageClassName": one.volume.class(), "volumeName": one.volume.metadata.name,
        },
    });
    if !meta.labels.is_empty() {
        object["metadata"]["labels"] = json!(meta.labels);
    }
    if let Some(class) = &spec.volume_attributes_class_name {
        object["spec"]["volumeAttributesClassName"] = json!(class);
    }
    object
}
