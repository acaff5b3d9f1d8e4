//! Pods whose ephemeral claims are refused.

use std::collections::BTreeMap;

use super::repairs::larger_quota;
use super::{RULE, why, with_quota};
use crate::diagnosis::context::{Context, OWN_NAME, pod_ref};
use crate::diagnosis::finding::Finding;
use crate::diagnosis::out::Out;
use crate::diagnosis::remedy::{Remedy, Risk, Step};
use crate::diagnosis::text::{capital, named};
use crate::model::{Event, Kind, ObjectRef, Pod};

/// A pod with the claim that it lacks and what is said of that.
struct Refused<'a> {
    pod: &'a Pod,
    event: &'a Event,
    claim: String,
}

/// Pods whose ephemeral claims the API server refuses (`pkg/controller/volume/ephemeral/controller.go`, handleVolume).
pub(super) fn of_ephemeral_claims(cx: &Context<'_>, out: &mut Out<'_>) {
    let mut stories: BTreeMap<(ObjectRef, String), Vec<Refused<'_>>> = BTreeMap::new();
    for group in cx.blocked() {
        for pod in group.pods.iter().copied().filter(|pod| !out.explained(&pod_ref(pod))) {
            if let Some((event, claim)) = refused_claim(cx, pod) {
                let story = why(&event.message).replace(&pod.metadata.name, OWN_NAME);
                stories.entry((group.subject(), story)).or_default().push(Refused { pod, event, claim });
            }
        }
    }
    for ((subject, _), refused) in stories {
        out.add(without_claims(cx, subject, &refused));
    }
}

/// The ephemeral claim of a pod that isn't there, with the controller's last word on it.
fn refused_claim<'a>(cx: &Context<'a>, pod: &Pod) -> Option<(&'a Event, String)> {
    let ephemeral = pod.spec.volumes.iter().filter(|volume| volume.ephemeral.is_some());
    let mut missing = ephemeral.filter_map(|volume| {
        let claim = volume.claim_name(&pod.metadata.name)?;
        let absent = cx.snapshot.claims.get(&pod.metadata.namespace, &claim).is_absent();
        absent.then_some((&volume.name, claim))
    });
    let history = cx.history(Kind::Pod, &pod.metadata);
    missing.find_map(|(volume, claim)| {
        let about = format!("ephemeral volume {volume}: create PVC {claim}: ");
        let event = history.last(|event| event.reason == "FailedBinding" && event.message.starts_with(&about))?;
        Some((event, claim))
    })
}

fn without_claims(cx: &Context<'_>, subject: ObjectRef, refused: &[Refused<'_>]) -> Finding {
    let pods: Vec<&str> = refused.iter().map(|one| one.pod.metadata.name.as_str()).collect();
    let Refused { pod: lead, event, claim } = &refused[0];
    let title = format!(
        "{} can't be scheduled, because ephemeral claim {claim} is refused: {}",
        capital(&named("pod", &pods)),
        why(&event.message)
    );
    let note = format!("what the ephemeral volume controller says, last at {}", event.last_seen());
    let finding = RULE.finding(subject, title).evidence(pod_ref(lead), "events", event.message.clone(), note);
    let finding = with_quota(cx, &event.message, &lead.metadata.namespace, finding);
    let what = format!(
        "Lift what refuses claim {claim}: its controller then makes it by itself; or ask for less in the template's \
         ephemeral volume"
    );
    let reason = "admission is not run again here";
    let remedy = Remedy::untried("Let the claim be made", Risk::Low, vec![Step::told(what)], reason);
    let larger = larger_quota(cx, &lead.metadata.namespace, &event.message);
    finding.explains_all(refused.iter().map(|one| pod_ref(one.pod))).with_remedies(larger).remedy(remedy)
}
