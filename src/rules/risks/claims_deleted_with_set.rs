use std::collections::BTreeMap;

use serde_json::json;

use super::held::{Held, claims_named, data_goes, held};
use super::keep::{FACTS, loss, retain, with_policies};
use crate::admission::expand::pod_name;
use crate::diagnosis::context::Context;
use crate::diagnosis::finding::{Finding, Near};
use crate::diagnosis::out::Out;
use crate::diagnosis::remedy::{Change, NOTHING_WAITS, Remedy, Risk, Step};
use crate::model::meta::OwnerReference;
use crate::model::{Kind, ObjectRef, Workload};

crate::rules::declare_rule! {
    static RULE = {
        name: "claims-deleted-with-set",
        summary: "Deleting a StatefulSet or scaling it down deletes its claims.",
        severity: Warning,
        since: "0.1.0",
        needs: [PersistentVolumeClaim, PersistentVolume, StatefulSet],
        reads: [StorageClass],
        stage: Risk,
        check: check,
    }
}

/// The field of a StatefulSet.
const POLICY: &str = "persistentVolumeClaimRetentionPolicy";

/// What goes with a StatefulSet.
struct Goes<'a> {
    set: &'a Workload,
    /// Claims that go when the set is deleted.
    deleted: Vec<Held<'a>>,
    /// Claims that go when the set is scaled below their pods.
    scaled: Vec<Held<'a>>,
}

fn check(cx: &Context<'_>, out: &mut Out<'_>) {
    let mut by_set: BTreeMap<(&str, &str), Goes<'_>> = BTreeMap::new();
    for one in held(cx) {
        let Some((set, ordinal)) = one.set.filter(|_| !one.claim.metadata.deleting()) else { continue };
        let key = (set.metadata.namespace.as_str(), set.metadata.name.as_str());
        let goes = by_set.entry(key).or_insert_with(|| Goes { set, deleted: Vec::new(), scaled: Vec::new() });
        goes.add(one, ordinal);
    }
    for goes in by_set.into_values().filter(|goes| !goes.deleted.is_empty() || !goes.scaled.is_empty()) {
        out.add(goes.finding(cx));
    }
}

fn is(owner: &OwnerReference, kind: Kind, name: &str) -> bool {
    owner.kind == kind.name() && owner.name == name
}

impl<'a> Goes<'a> {
    /// Counts a claim of the set (`pkg/controller/statefulset/stateful_set_utils.go`, updateClaimOwnerRefForSetAndPod):
    /// the set owns claims of the pods that it wants, or the pods that it is about to end do; claims with another
    /// controller are left alone. Claims whose pod is gone keep the owner that they had.
    fn add(&mut self, one: Held<'a>, ordinal: i32) {
        let pod = pod_name(self.set, ordinal);
        let of_set = |owner: &OwnerReference| is(owner, Kind::StatefulSet, &self.set.metadata.name);
        let of_pod = |owner: &OwnerReference| is(owner, Kind::Pod, &pod);
        let meta = &one.claim.metadata;
        if meta.controller().is_some_and(|owner| !of_set(owner) && !of_pod(owner)) {
            return;
        }
        let (wanted, owned) = (one.wanted(), meta.owner_references.iter().any(of_set));
        if self.deletes() && wanted || owned && (self.deletes() || !wanted) {
            self.deleted.push(one);
        }
        if self.scales() && (wanted || meta.owner_references.iter().any(of_pod)) {
            self.scaled.push(one);
        }
    }

    fn deletes(&self) -> bool {
        let policy = self.set.spec.persistent_volume_claim_retention_policy.as_ref();
        policy.is_some_and(|policy| policy.when_deleted.as_deref() == Some("Delete"))
    }

    fn scales(&self) -> bool {
        let policy = self.set.spec.persistent_volume_claim_retention_policy.as_ref();
        policy.is_some_and(|policy| policy.when_scaled.as_deref() == Some("Delete"))
    }

    /// All claims that go in one way or the other.
    fn all(&self) -> Vec<Held<'a>> {
        let more =
            self.scaled.iter().filter(|one| !self.deleted.iter().any(|other| std::ptr::eq(other.claim, one.claim)));
        self.deleted.iter().chain(more).copied().collect()
    }

    fn title(&self, all: &[Held<'_>]) -> String {
        let set = &self.set.metadata.name;
        let (claims, data) = (claims_named(all), data_goes(all));
        match (self.deleted.is_empty(), self.scaled.is_empty()) {
            (false, true) => format!("Deleting StatefulSet {set} deletes {claims}{data}"),
            (false, false) => {
                format!("Deleting StatefulSet {set} (or scaling it down, for the pods that go) deletes {claims}{data}")
            }
            _ => format!("Scaling down StatefulSet {set} deletes, with the pods that go, {claims}{data}"),
        }
    }

    fn finding(&self, cx: &Context<'_>) -> Finding {
        let meta = &self.set.metadata;
        let object = ObjectRef::new(Kind::StatefulSet, &meta.namespace, &meta.name);
        let all = self.all();
        let mut finding = RULE.finding(object.clone(), self.title(&all));
        if self.deletes() && !self.deleted.is_empty() {
            let note = "the set owns its claims, so that whoever deletes it without --cascade=orphan deletes them";
            finding = finding.evidence(object.clone(), format!("spec.{POLICY}.whenDeleted"), "Delete", note);
        }
        if !self.scaled.is_empty() {
            let note = "a pod that goes because the set gets smaller takes its claims along, be it kubectl scale, an \
                        autoscaler or a new spec.replicas";
            finding = finding.evidence(object, format!("spec.{POLICY}.whenScaled"), "Delete", note);
        }
        for one in self.left_over().iter().take(FACTS) {
            let note = "its pod is gone, so the controller does not take the owner off any more";
            finding = finding.evidence(
                one.claim_ref(),
                "metadata.ownerReferences",
                format!("StatefulSet {}", meta.name),
                note,
            );
        }
        with_policies(finding, &all)
            .explains_all(all.iter().map(Held::claim_ref))
            .with_remedies(self.keep(cx))
            .with_remedies(retain(cx, &all))
            .at_risk(loss(&all), Near::Possible)
    }

    /// Claims that the set owns and whose pods it does not want.
    fn left_over(&self) -> Vec<Held<'a>> {
        self.deleted.iter().copied().filter(|one| !one.wanted()).collect()
    }

    /// The set keeps its claims, and gives those back that its controller does not look at any more.
    fn keep(&self, cx: &Context<'_>) -> Option<Remedy> {
        let meta = &self.set.metadata;
        let mut policy = serde_json::Map::new();
        for (field, set) in [("whenDeleted", self.deletes()), ("whenScaled", self.scales())] {
            if set {
                policy.insert(field.to_owned(), json!("Retain"));
            }
        }
        let mut steps = Vec::new();
        if !policy.is_empty() {
            let object = (Kind::StatefulSet, meta.namespace.as_str(), meta.name.as_str());
            let patch = json!({"spec": {POLICY: policy}});
            steps.push(cx.patch("Have the StatefulSet keep its claims", object, patch));
        }
        steps.extend(self.left_over().iter().take(FACTS).filter_map(|one| self.disown(cx, one)));
        let title = "Have the StatefulSet keep its claims";
        (!steps.is_empty()).then(|| Remedy::untried(title, Risk::Low, steps, NOTHING_WAITS))
    }

    fn disown(&self, cx: &Context<'_>, one: &Held<'_>) -> Option<Step> {
        let owners = &one.claim.metadata.owner_references;
        let at = owners.iter().position(|owner| is(owner, Kind::StatefulSet, &self.set.metadata.name))?;
        let operations = json!([
            {"op": "test", "path": format!("/metadata/ownerReferences/{at}/name"), "value": self.set.metadata.name},
            {"op": "remove", "path": format!("/metadata/ownerReferences/{at}")},
        ]);
        let (namespace, name) = (one.claim.metadata.namespace.clone(), one.name().to_owned());
        let what = format!("Take claim {name}, whose pod is gone, from the StatefulSet");
        Some(cx.step(what, Change::JsonPatch { kind: Kind::PersistentVolumeClaim, namespace, name, operations }))
    }
}
