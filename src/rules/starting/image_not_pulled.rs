use std::collections::BTreeMap;

use super::containers::{Cause, Fault, fault, keeps_from_starting, settled};
use crate::diagnosis::context::{Context, pod_ref};
use crate::diagnosis::finding::Finding;
use crate::diagnosis::out::Out;
use crate::diagnosis::remedy::{Remedy, Risk, Step};
use crate::diagnosis::who::Who;
use crate::model::ObjectRef;
use crate::rules::drivers::driver::events_step;
use crate::rules::starting::containers::owner_of;

crate::rules::declare_rule! {
    static RULE = {
        name: "image-not-pulled",
        summary: "A pod can't start because the image of a container can't be had.",
        severity: Error,
        since: "0.1.0",
        needs: [Pod],
        reads: [Event, ReplicaSet, Deployment, StatefulSet, DaemonSet],
        stage: Start,
        check: check,
    }
}

/// Seconds within which a registry may fail before it counts.
const PATIENCE: i64 = 120;

fn check(cx: &Context<'_>, out: &mut Out<'_>) {
    let mut by_image: BTreeMap<(ObjectRef, &str, &str), Vec<Fault<'_>>> = BTreeMap::new();
    for pod in cx.assigned.iter().copied() {
        let fault = fault(pod).filter(|fault| fault.cause == Cause::Image && keeps_from_starting(fault));
        if let Some(fault) = fault.filter(|_| settled(cx, pod, PATIENCE) && !out.explained(&pod_ref(pod))) {
            let key = (owner_of(cx, pod), fault.status.name.as_str(), fault.status.image.as_str());
            by_image.entry(key).or_default().push(fault);
        }
    }
    for ((owner, ..), faults) in by_image {
        out.add(finding(cx, owner, &faults));
    }
}

fn finding(cx: &Context<'_>, owner: ObjectRef, faults: &[Fault<'_>]) -> Finding {
    let pods: Vec<&str> = faults.iter().map(|fault| fault.pod.metadata.name.as_str()).collect();
    let title = format!("{} can't start: {}", Who::new("pod", &pods), faults[0].sentence(cx));
    let mut finding = RULE.finding(owner, title);
    finding.id = format!("{}/{}", finding.id, faults[0].status.name);
    for fault in faults.iter().take(3) {
        finding.evidence.extend(fault.facts(cx));
    }
    let steps = vec![
        events_step(faults[0].pod),
        Step::told(
            "Correct the image's name or tag, give the pod's service account the registry's credentials, or open the way to the registry, by what the registry says",
        ),
    ];
    let reason = "what the registry answers then is not known";
    let finding = finding.with_remedies(faults[0].made_anew(cx));
    finding.explains_all(faults.iter().map(|fault| pod_ref(fault.pod))).remedy(Remedy::untried(
        "Make the image available",
        Risk::Low,
        steps,
        reason,
    ))
}
