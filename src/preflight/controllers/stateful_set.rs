//! `pkg/controller/statefulset`: pods and claims by ordinal.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::pods::{self, Called, from_template, label, set};
use super::retention;
use super::template::{REVISION, Revision, claim_templates, next};
use crate::model::Pod;
use crate::model::workload::scaled;
use crate::preflight::fields::{deleting, name_of, namespace_of, number, text, uid_of};
use crate::preflight::removal::delete_owned_pod;
use crate::preflight::state::{Made, State, available};
use crate::preflight::world::Key;

/// The ordinals that are looked at.
const MOST: i64 = 100_000;

/// Nodes from which on pods are made ahead.
const LARGE: usize = 100;
/// Pods that are made ahead at once.
const MOST_AHEAD: usize = 1024;

/// One look at a set.
struct Sync {
    set: Value,
    namespace: String,
    revision: Revision,
    ordinals: std::ops::Range<i64>,
    /// `OrderedReady`: one after the other.
    ordered: bool,
}

/// What a pod of the set is like at the moment.
#[derive(Clone, Copy)]
struct Present {
    available: bool,
    updated: bool,
}

/// Makes the next changes; says whether there were any.
pub(super) fn sync(state: &mut State, key: &Key) -> bool {
    let Some(object) = state.world.get(&key.kind, key.namespace.as_deref(), &key.name) else { return false };
    if deleting(object) {
        return false;
    }
    let object = object.clone();
    let before = state.revisions.get(uid_of(&object));
    let named = |hash: &str| format!("{}-{hash}", name_of(&object));
    let revision = next(&state.world, &object, before, named);
    state.revisions.insert(uid_of(&object).to_owned(), revision.clone());
    let start = number(&object, "/spec/ordinals/start").unwrap_or(0).max(0);
    let sync = Sync {
        namespace: namespace_of(&object).to_owned(),
        revision,
        ordinals: start..start + number(&object, "/spec/replicas").unwrap_or(1).clamp(0, MOST),
        ordered: text(&object, "/spec/podManagementPolicy") != "Parallel",
        set: object,
    };
    sync.run(state)
}

impl Sync {
    fn run(&self, state: &mut State) -> bool {
        let present = self.present(state);
        let changed = self.next_changes(state, &present);
        if !changed {
            let claims = present.keys().flat_map(|ordinal| self.claims_of(*ordinal));
            retention::mark(state, &self.set, claims);
        }
        changed
    }

    fn next_changes(&self, state: &mut State, present: &BTreeMap<i64, Present>) -> bool {
        let filled = if self.ordered { self.next_in_order(state, present) } else { self.all(state, present) };
        if let Some(changed) = filled {
            return changed;
        }
        state.refused.remove(uid_of(&self.set));
        self.scale_down(state, present) || self.update(state, present)
    }

    /// The claims of a pod.
    fn claims_of(&self, ordinal: i64) -> Vec<String> {
        claim_templates(&self.set).iter().map(|template| self.claim_name(template, ordinal)).collect()
    }

    /// Makes the first pod that is missing once all before it are available; `None` where none is missing, else whether
    /// anything changed. In large clusters pods are made ahead, more each time, and those behind one that finds no node
    /// are taken back.
    fn next_in_order(&self, state: &mut State, present: &BTreeMap<i64, Present>) -> Option<bool> {
        let uid = uid_of(&self.set);
        let waits = |ordinal: &i64| present.get(ordinal).is_some_and(|pod| !pod.available);
        if let Some(first) = self.ordinals.clone().find(waits) {
            return Some(self.take_back(state, first));
        }
        let missing: Vec<i64> = self.ordinals.clone().filter(|ordinal| !present.contains_key(ordinal)).collect();
        if missing.is_empty() {
            return None;
        }
        let large = state.snapshot.nodes.seen().len() > LARGE;
        let before = state.ahead.get(uid).map_or(0, |(_, size)| *size);
        let size = if large { (before * 2).clamp(1, MOST_AHEAD) } else { 1 };
        state.ahead.insert(uid.to_owned(), (missing.clone(), size));
        let mut changed = false;
        for ordinal in missing.iter().take(size) {
            let claims = state.snapshot.claims.seen().len();
            if !self.make(state, *ordinal) {
                return Some(changed || state.snapshot.claims.seen().len() > claims);
            }
            changed = true;
        }
        Some(changed)
    }

    /// Takes back what was made ahead behind an ordinal; says whether anything was.
    fn take_back(&self, state: &mut State, first: i64) -> bool {
        let Some((made, size)) = state.ahead.get(uid_of(&self.set)).cloned() else { return false };
        let behind: Vec<i64> = made.into_iter().take(size).filter(|ordinal| *ordinal > first).collect();
        state.ahead.insert(uid_of(&self.set).to_owned(), (Vec::new(), 0));
        let mut changed = false;
        for ordinal in behind {
            if state.owns(uid_of(&self.set), &self.pod_name(ordinal)) {
                delete_owned_pod(state, &self.namespace, &self.pod_name(ordinal));
                changed = true;
            }
            for name in self.claims_of(ordinal) {
                if state.world.get("PersistentVolumeClaim", Some(&self.namespace), &name).is_some() {
                    state.unmake_claim(&self.namespace, &name);
                }
            }
        }
        if changed {
            state.refused.remove(uid_of(&self.set));
        }
        changed
    }

    /// Makes the pods that are missing in batches that double (`slowStartBatch`), up to the batch in which one is
    /// refused. The server gets those of a batch at once: mostly the last comes first.
    fn all(&self, state: &mut State, present: &BTreeMap<i64, Present>) -> Option<bool> {
        let ordinals: Vec<i64> = self.ordinals.clone().collect();
        let claims = state.snapshot.claims.seen().len();
        let (mut changed, mut refused) = (false, false);
        let (mut rest, mut size) = (ordinals.as_slice(), 1);
        while !rest.is_empty() && !refused {
            let (batch, after) = rest.split_at(size.min(rest.len()));
            let last_first = batch.last().into_iter().chain(batch.iter().take(batch.len() - 1));
            for ordinal in last_first.filter(|ordinal| !present.contains_key(ordinal)) {
                let made = self.make(state, *ordinal);
                changed |= made;
                refused |= !made;
            }
            (rest, size) = (after, size.saturating_mul(2));
        }
        changed |= state.snapshot.claims.seen().len() > claims;
        (changed || refused).then_some(changed)
    }

    fn present(&self, state: &State) -> BTreeMap<i64, Present> {
        let prefix = format!("{}-", name_of(&self.set));
        let pods = state.pods_of(&self.namespace, uid_of(&self.set));
        let of = |pod: &Pod| {
            let ordinal = pod.metadata.name.strip_prefix(&prefix)?.parse().ok()?;
            let updated = label(pod, REVISION) == self.revision.update;
            Some((ordinal, Present { available: available(pod), updated }))
        };
        pods.into_iter().filter_map(of).collect()
    }

    fn pod_name(&self, ordinal: i64) -> String {
        format!("{}-{ordinal}", name_of(&self.set))
    }

    /// Makes a pod and before it its claims, of which one that is refused does not keep the others; says whether the
    /// server took all.
    fn make(&self, state: &mut State, ordinal: i64) -> bool {
        let made: Vec<bool> =
            claim_templates(&self.set).iter().map(|template| self.make_claim(state, template, ordinal)).collect();
        if made.contains(&false) {
            return false;
        }
        let pod = self.pod(state, ordinal);
        pods::make(state, uid_of(&self.set), pod)
    }

    /// Whether a pod that is made anew is of the old revision (`newVersionedStatefulSetPod`).
    fn of_current(&self, ordinal: i64) -> bool {
        let partition = number(&self.set, "/spec/updateStrategy/rollingUpdate/partition").unwrap_or(0);
        text(&self.set, "/spec/updateStrategy/type") != "OnDelete" && ordinal < self.ordinals.start + partition
    }

    fn pod(&self, state: &mut State, ordinal: i64) -> Value {
        let (template, revision) = match self.of_current(ordinal) {
            true => (&self.revision.current_template, &self.revision.current),
            false => (&self.revision.template, &self.revision.update),
        };
        let name = self.pod_name(ordinal);
        let mut pod = from_template(state, &self.set, template, &Called::Name(name.clone()));
        set(&mut pod, &["metadata", "labels", "statefulset.kubernetes.io/pod-name"], json!(name));
        set(&mut pod, &["metadata", "labels", "apps.kubernetes.io/pod-index"], json!(ordinal.to_string()));
        set(&mut pod, &["metadata", "labels", REVISION], json!(revision));
        set(&mut pod, &["spec", "hostname"], json!(name));
        set(&mut pod, &["spec", "subdomain"], json!(text(&self.set, "/spec/serviceName")));
        let claims = claim_templates(&self.set);
        let claimed = |name: &str| claims.iter().any(|claim| name_of(claim) == name);
        let kept = pod["spec"]["volumes"].as_array().cloned().unwrap_or_default();
        let kept = kept.into_iter().filter(|volume| !claimed(volume["name"].as_str().unwrap_or_default()));
        let own = claims.iter().map(|claim| {
            let (volume, claim) = (name_of(claim), self.claim_name(claim, ordinal));
            json!({ "name": volume, "persistentVolumeClaim": { "claimName": claim } })
        });
        let volumes: Vec<Value> = own.chain(kept).collect();
        if !volumes.is_empty() {
            set(&mut pod, &["spec", "volumes"], Value::Array(volumes));
        }
        pod
    }

    fn claim_name(&self, template: &Value, ordinal: i64) -> String {
        format!("{}-{}", name_of(template), self.pod_name(ordinal))
    }

    /// Makes a claim unless it is there; says whether it is there then.
    fn make_claim(&self, state: &mut State, template: &Value, ordinal: i64) -> bool {
        let name = self.claim_name(template, ordinal);
        if let Some(claim) = state.snapshot.claims.get(&self.namespace, &name).found() {
            let deleting = claim.metadata.deleting();
            if deleting {
                state.refused.insert(uid_of(&self.set).to_owned(), format!("pvc {name} is being deleted"));
            }
            return !deleting;
        }
        let mut claim = template.clone();
        set(&mut claim, &["apiVersion"], json!("v1"));
        set(&mut claim, &["kind"], json!("PersistentVolumeClaim"));
        set(&mut claim, &["metadata", "name"], json!(name));
        set(&mut claim, &["metadata", "namespace"], json!(self.namespace));
        let own = self.set.pointer("/spec/selector/matchLabels").and_then(Value::as_object);
        for (key, value) in own.into_iter().flatten() {
            set(&mut claim, &["metadata", "labels", key], value.clone());
        }
        retention::own(&self.set, &mut claim);
        match state.make(claim) {
            Made::Stored(_) => true,
            Made::Refused(message) => {
                state.refused.insert(uid_of(&self.set).to_owned(), message);
                false
            }
            Made::Unknown(why) => {
                state.doubted.insert(uid_of(&self.set).to_owned(), why);
                false
            }
        }
    }

    /// Deletes the pods whose ordinals are not wanted, from the highest on, with their claims where these are not kept.
    fn scale_down(&self, state: &mut State, present: &BTreeMap<i64, Present>) -> bool {
        let condemned: Vec<i64> = present.keys().copied().filter(|ordinal| !self.ordinals.contains(ordinal)).collect();
        let most = if self.ordered { 1 } else { condemned.len() };
        for ordinal in condemned.iter().rev().take(most) {
            delete_owned_pod(state, &self.namespace, &self.pod_name(*ordinal));
            retention::scaled_down(state, &self.set, self.claims_of(*ordinal));
        }
        !condemned.is_empty()
    }

    /// Deletes old pods from the highest ordinal on, as many at once as may be missing.
    fn update(&self, state: &mut State, present: &BTreeMap<i64, Present>) -> bool {
        if text(&self.set, "/spec/updateStrategy/type") == "OnDelete" {
            return false;
        }
        let partition = number(&self.set, "/spec/updateStrategy/rollingUpdate/partition").unwrap_or(0);
        let mut missing = present.values().filter(|pod| !pod.available).count();
        let most = self.most_missing(state);
        let mut changed = false;
        for ordinal in self.ordinals.clone().rev().take_while(|ordinal| *ordinal >= self.ordinals.start + partition) {
            let Some(pod) = present.get(&ordinal) else { continue };
            if pod.updated && !pod.available && most == 1 {
                return changed;
            }
            if !pod.updated {
                if pod.available && missing >= most {
                    return changed;
                }
                missing += usize::from(pod.available);
                delete_owned_pod(state, &self.namespace, &self.pod_name(ordinal));
                changed = true;
                if most == 1 {
                    return true;
                }
            }
        }
        if !changed && partition == 0 && present.values().all(|pod| pod.updated && pod.available) {
            self.complete(state);
        }
        changed
    }

    /// `completeRollingUpdate`: the newest revision is what pods are made from now on.
    fn complete(&self, state: &mut State) {
        if let Some(revision) = state.revisions.get_mut(uid_of(&self.set)) {
            revision.current.clone_from(&revision.update);
            revision.current_template = revision.template.clone();
        }
    }

    /// `maxUnavailable`, which 1.37 heeds by default.
    fn most_missing(&self, state: &State) -> usize {
        let value = self.set.pointer("/spec/updateStrategy/rollingUpdate/maxUnavailable");
        let value = value.filter(|_| state.version >= crate::model::version::Version::new(1, 37));
        let replicas = self.ordinals.end - self.ordinals.start;
        scaled(value, replicas, true).and_then(|most| usize::try_from(most).ok()).unwrap_or(1).max(1)
    }
}
