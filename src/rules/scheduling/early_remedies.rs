//! What to do about volumes that were made before a node was chosen for their pod.

use serde_json::{Value, json};

use super::volume_made_too_early::Early;
use crate::admission::expand::claim_maker;
use crate::diagnosis::context::{Context, PodGroup, pod_ref};
use crate::diagnosis::remedy::{Change, Remedy, Risk, Step};
use crate::diagnosis::text::named;
use crate::model::{Claim, Kind, ObjectRef, Pod, StorageClass};
use crate::volumes::early::made_at_once;

/// What is known of the data in the old volume.
const UNUSED: &str = "its volume should be empty, since its pod has had no node";

/// The claims of a group's pods anew, of a class that waits for the pod.
pub(super) fn remedies(cx: &Context<'_>, group: &PodGroup<'_>, early: &[Early<'_>]) -> Vec<Remedy> {
    early.iter().filter_map(|one| anew(cx, group, one)).collect()
}

/// The classes of the same driver that wait for the pod, the default first.
pub(super) fn waiting<'a>(cx: &Context<'a>, class: &StorageClass) -> Vec<&'a StorageClass> {
    let all = cx.snapshot.classes.seen().iter().map(|class| &**class);
    let mut waiting: Vec<&StorageClass> =
        all.filter(|other| other.waits_for_consumer() && other.provisioner == class.provisioner).collect();
    waiting.sort_by_key(|class| !class.is_default());
    waiting
}

fn anew(cx: &Context<'_>, group: &PodGroup<'_>, early: &Early<'_>) -> Option<Remedy> {
    let class = early.class;
    let (to, mut steps) = match waiting(cx, class).first() {
        Some(waits) => (waits.metadata.name.clone(), Vec::new()),
        None => waiting_copy(cx, class).map(|(to, step)| (to, vec![step]))?,
    };
    let claims = claims(cx, group, early)?;
    let called: Vec<&str> = claims.iter().map(|claim| claim.metadata.name.as_str()).collect();
    match claim_maker(cx.snapshot, group.lead(), &early.claim.metadata.name) {
        Some((set, at, _)) => {
            steps.push(template(cx, (&set.metadata.namespace, &set.metadata.name), at, &to));
            steps.extend(claims.iter().map(|claim| deleted(cx, claim)));
            let pods: Vec<ObjectRef> = group.pods.iter().map(|pod| pod_ref(pod)).collect();
            steps.extend(cx.recreate_steps(&pods));
        }
        None => steps.extend(claims.iter().map(|claim| remade(cx, claim, &to))),
    }
    let title = format!("Have {} made anew of class {to}, which waits for the pod", named("claim", &called));
    Some(Remedy::new(title, Risk::Medium, steps))
}

/// The claims of a group's pods that are made like an early one, each of which goes at once.
fn claims<'a>(cx: &Context<'a>, group: &PodGroup<'a>, early: &Early<'a>) -> Option<Vec<&'a Claim>> {
    let place = |pod: &Pod, claim: &str| claim_maker(cx.snapshot, pod, claim).map(|(_, place, _)| place);
    let wanted = place(group.lead(), &early.claim.metadata.name);
    let mut found: Vec<&Claim> = Vec::new();
    for pod in &group.pods {
        for (name, claim) in cx.claims_of(pod) {
            let claim = claim.found().filter(|claim| made_at_once(cx.snapshot, claim).is_some());
            let same = |claim: &&Claim| match wanted {
                Some(wanted) => place(pod, &name) == Some(wanted),
                None => std::ptr::eq(*claim, early.claim),
            };
            found.extend(claim.map(|claim| &**claim).filter(same));
        }
    }
    found.dedup_by_key(|claim| &claim.metadata.name);
    (!found.is_empty() && found.iter().all(|claim| cx.goes_at_once(claim))).then_some(found)
}

/// A class like another that waits for the pod, and its name. The mode of a class can't be changed
/// (`pkg/apis/storage/validation/validation.go`, ValidateStorageClassUpdate).
fn waiting_copy(cx: &Context<'_>, class: &StorageClass) -> Option<(String, Step)> {
    let name = &class.metadata.name;
    let to = format!("{name}-wait");
    let change = Change::Copy {
        kind: Kind::StorageClass,
        namespace: String::new(),
        name: name.clone(),
        to: to.clone(),
        operations: json!([{"op": "add", "path": "/volumeBindingMode", "value": "WaitForFirstConsumer"}]),
    };
    let what =
        format!("Create class {to}, like {name} but that it waits for the pod: the mode of a class can't be changed");
    cx.snapshot.classes.get("", &to).is_absent().then(|| (to, cx.step(what, change)))
}

/// The claim template of a set, for another class.
fn template(cx: &Context<'_>, (namespace, name): (&str, &str), at: usize, to: &str) -> Step {
    let path = format!("/spec/volumeClaimTemplates/{at}/spec/storageClassName");
    let operations = json!([{"op": "add", "path": path, "value": to}]);
    let what = format!(
        "Have the claim template of StatefulSet {name} name class {to}: the set is replaced without its pods, since its claim \
         templates can't be changed"
    );
    cx.step(what, Change::RemakeSet { namespace: namespace.to_owned(), name: name.to_owned(), operations })
}

fn deleted(cx: &Context<'_>, claim: &Claim) -> Step {
    let meta = &claim.metadata;
    let (kind, namespace, name) = (Kind::PersistentVolumeClaim, meta.namespace.clone(), meta.name.clone());
    let what = format!("Delete claim {name}: the set makes it anew, empty, from the new template; {}", UNUSED);
    cx.step(what, Change::Delete { kind, namespace, name })
}

/// A claim anew and empty, of another class.
fn remade(cx: &Context<'_>, claim: &Claim, to: &str) -> Step {
    let meta = &claim.metadata;
    let operations: Value = json!([
        {"op": "add", "path": "/spec/storageClassName", "value": to},
        {"op": "remove", "path": "/spec/volumeName"},
        {"op": "add", "path": "/metadata/annotations", "value": {}},
    ]);
    let (kind, namespace, name) = (Kind::PersistentVolumeClaim, meta.namespace.clone(), meta.name.clone());
    let what = format!("Make claim {name} anew and empty, of class {to}; {}", UNUSED);
    cx.step(what, Change::Remake { kind, namespace, name, operations, ask: None })
}
