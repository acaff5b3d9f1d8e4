use std::collections::BTreeMap;

use super::remade::recreate;
use crate::admission::expand::claim_maker;
use crate::diagnosis::command;
use crate::diagnosis::context::{Context, pod_ref};
use crate::diagnosis::finding::Finding;
use crate::diagnosis::out::Causes;
use crate::diagnosis::remedy::{Remedy, Risk, Step};
use crate::diagnosis::text::{named, names, near};
use crate::diagnosis::who::Who;
use crate::model::version::Version;
use crate::model::{Claim, Kind, Meta, ObjectRef, Pod, Volume, Workload};
use crate::scheduler::Outcome;

crate::rules::declare_rule! {
    static RULE = {
        name: "claim-not-found",
        summary: "Pods can't be scheduled because claims that they name are not there.",
        severity: Error,
        since: "0.1.0",
        needs: [Pod, PersistentVolumeClaim],
        reads: [StatefulSet, PersistentVolume],
        stage: Cause,
        check: check,
    }
}

/// The first release whose StatefulSet controller makes missing claims of pending pods by itself
/// (`statefulset/stateful_pod_control.go`, createMissingPersistentVolumeClaims).
const MADE_FOR_PENDING_PODS: Version = Version { major: 1, minor: 27 };

/// A pod with the claims that it lacks.
struct Lacking<'a> {
    pod: &'a Pod,
    claims: Vec<String>,
    /// The StatefulSet that makes all of them, with the claims.
    made: Option<(&'a Workload, Vec<Claim>)>,
}

fn check(cx: &Context<'_>, out: &mut Causes) {
    let mut stories: BTreeMap<(ObjectRef, Vec<String>), Vec<Lacking<'_>>> = BTreeMap::new();
    let judged = |outcome| matches!(outcome, Outcome::Unschedulable | Outcome::Unknown);
    for group in cx.groups.iter().filter(|group| judged(group.verdict.outcome)) {
        for lacking in group.pods.iter().filter_map(|pod| lacking(cx, pod)) {
            let key = match &lacking.made {
                Some(_) => (group.subject(), Vec::new()),
                None => (namespace_of(lacking.pod), lacking.claims.clone()),
            };
            stories.entry(key).or_default().push(lacking);
        }
    }
    for ((subject, _), lacking) in stories {
        let subject = if subject.kind == "Namespace" { pod_ref(lacking[0].pod) } else { subject };
        out.add(finding(cx, subject, &lacking));
    }
}

fn namespace_of(pod: &Pod) -> ObjectRef {
    ObjectRef::new(Kind::Namespace, "", &pod.metadata.namespace)
}

fn lacking<'a>(cx: &Context<'a>, pod: &'a Pod) -> Option<Lacking<'a>> {
    let named = pod.spec.volumes.iter().filter_map(|volume| volume.persistent_volume_claim.as_ref());
    let absent = |claim: &String| cx.snapshot.claims.get(&pod.metadata.namespace, claim).is_absent();
    let claims: Vec<String> = named.map(|source| source.claim_name.clone()).filter(absent).collect();
    if claims.is_empty() {
        return None;
    }
    let made: Option<Vec<(&Workload, Claim)>> =
        claims.iter().map(|claim| claim_maker(cx.snapshot, pod, claim).map(|(set, _, claim)| (set, claim))).collect();
    let made = made.and_then(|made| {
        let set = made.first()?.0;
        Some((set, made.into_iter().map(|(_, claim)| claim).collect()))
    });
    Some(Lacking { pod, claims, made })
}

fn finding(cx: &Context<'_>, subject: ObjectRef, lacking: &[Lacking<'_>]) -> Finding {
    let pods: Vec<&str> = lacking.iter().map(|one| one.pod.metadata.name.as_str()).collect();
    let mut claims: Vec<&str> = lacking.iter().flat_map(|one| &one.claims).map(String::as_str).collect();
    claims.dedup();
    let meant = lacking[0].made.is_none().then(|| meant(cx, &lacking[0])).flatten();
    let elsewhere = || {
        let namespaces = elsewhere(cx, &lacking[0]);
        let told =
            format!("; {} has one of this name, which only its own pods can use", named("namespace", &namespaces));
        if namespaces.is_empty() { String::new() } else { told.replace("namespaces", "other namespaces") }
    };
    let slip = meant.map_or_else(elsewhere, |name| format!("; there is claim {name}, which may be what is meant"));
    let title = format!("{} can't be scheduled: there is no {}{slip}", Who::new("pod", &pods), named("claim", &claims));
    let mut finding = RULE.finding(subject, title);
    for one in lacking.iter().take(3) {
        finding = with_facts(cx, one, finding);
    }
    finding.explains_all(lacking.iter().map(|one| pod_ref(one.pod))).with_remedies(remedies(cx, lacking))
}

/// A claim of the namespace with a name that a slip makes of it.
fn meant<'a>(cx: &Context<'a>, lacking: &Lacking<'_>) -> Option<&'a str> {
    let own = cx.snapshot.claims.in_namespace(&lacking.pod.metadata.namespace).iter();
    near(&lacking.claims[0], own.map(|claim| claim.metadata.name.as_str()))
}

/// The other namespaces that have a claim of the first name that lacks.
fn elsewhere<'a>(cx: &Context<'a>, lacking: &Lacking<'_>) -> Vec<&'a str> {
    if lacking.made.is_some() {
        return Vec::new();
    }
    let same = |meta: &&Meta| meta.name == lacking.claims[0] && meta.namespace != lacking.pod.metadata.namespace;
    let claims = cx.snapshot.claims.seen().iter().map(|claim| &claim.metadata).filter(same);
    claims.map(|meta| meta.namespace.as_str()).collect()
}

fn with_facts(cx: &Context<'_>, one: &Lacking<'_>, mut finding: Finding) -> Finding {
    for claim in &one.claims {
        let position = one.pod.spec.volumes.iter().position(|volume| volume.claim_name("").as_ref() == Some(claim));
        let path = format!("spec.volumes[{}].persistentVolumeClaim.claimName", position.unwrap_or(0));
        finding = finding.evidence(pod_ref(one.pod), path, claim.clone(), "the pod's volume names it");
        if let Some(volume) = earlier_volume(cx, &one.pod.metadata.namespace, claim) {
            let note = format!("volume of an earlier claim {claim}, {}: the data is still on it", volume.status.phase);
            let object = ObjectRef::new(Kind::PersistentVolume, "", &volume.metadata.name);
            finding =
                finding.evidence(object, "spec.claimRef", format!("{}/{claim}", one.pod.metadata.namespace), note);
        }
    }
    let Some((set, _)) = &one.made else { return finding };
    let object = ObjectRef::new(Kind::StatefulSet, &set.metadata.namespace, &set.metadata.name);
    let note = match makes_them_by_itself(cx) {
        true => "the set makes claims that pending pods lack by itself: its events say what keeps it from that",
        false => "in this release the set makes claims only before it makes a pod, and this pod exists",
    };
    finding.evidence(object, "spec.volumeClaimTemplates", "makes the claim", note)
}

fn makes_them_by_itself(cx: &Context<'_>) -> bool {
    cx.options.version(cx.snapshot) >= MADE_FOR_PENDING_PODS
}

/// A volume that was bound to an earlier claim of this name.
fn earlier_volume<'a>(cx: &Context<'a>, namespace: &str, claim: &str) -> Option<&'a Volume> {
    let of_claim = |volume: &&Volume| {
        let owner = volume.spec.claim_ref.as_ref();
        owner.is_some_and(|owner| owner.namespace == namespace && owner.name == claim)
    };
    cx.snapshot.volumes.seen().iter().map(|volume| &**volume).find(of_claim)
}

fn remedies(cx: &Context<'_>, lacking: &[Lacking<'_>]) -> Vec<Remedy> {
    let meta = &lacking[0].pod.metadata;
    let mut remedies = Vec::new();
    let steps: Vec<Step> = lacking
        .iter()
        .filter_map(|one| one.made.as_ref().map(|(set, claims)| recreate(cx, one.pod, set, claims)))
        .collect();
    if !steps.is_empty() {
        remedies.push(Remedy::new("Have pod and claim made anew", Risk::Low, steps));
    }
    if let Some((set, _)) = lacking[0].made.as_ref().filter(|_| makes_them_by_itself(cx)) {
        let name = &set.metadata.name;
        let command = command::kubectl(&["describe", "statefulset"], &[name], &[("-n", &meta.namespace)]);
        let what = format!("Read the events of StatefulSet {name}: they say why it can't make the claim");
        let step = Step { command, ..Step::told(what) };
        let reason = "what keeps the set's controller from it is not known";
        remedies.push(Remedy::untried("See why the set does not make it", Risk::Low, vec![step], reason));
    }
    if remedies.is_empty() {
        let command = command::kubectl(&["get", "pvc"], &[], &[("-n", &meta.namespace)]);
        let look = Step { command, ..Step::told("See which claims there are") };
        let make = Step::told(format!(
            "Create the claim {}, or correct its name in the pod's template",
            names(&lacking[0].claims)
        ));
        let reason = "which claim is meant is not known";
        remedies.push(Remedy::untried("Give the pod its claim", Risk::Low, vec![look, make], reason));
    }
    remedies
}
