use std::collections::BTreeMap;

use crate::diagnosis::command;
use crate::diagnosis::context::{Context, PodGroup, claim_ref, pod_ref};
use crate::diagnosis::finding::Finding;
use crate::diagnosis::out::Out;
use crate::diagnosis::remedy::{Remedy, Risk, Step};
use crate::diagnosis::text::{capital, named};
use crate::model::{Claim, Kind, ObjectRef, Pod, StorageClass};
use crate::scheduler::Outcome;

crate::rules::declare_rule! {
    static RULE = {
        name: "other-scheduler-refuses",
        summary: "Pods name another scheduler, and that one says why it does not place them.",
        severity: Error,
        since: "0.1.0",
        needs: [Pod],
        reads: [Event],
        stage: Failure,
        check: check,
    }
}

/// Pods of one scheduler that it refuses in the same words.
type Story<'c> = (&'c str, &'c str);
/// Words of schedulers that place the pods of a group together or not at all (Volcano, kube-batch, coscheduling).
const TOGETHER: [&str; 4] = ["in gang", "pod group", "podgroup", "minavailable"];

/// A group of pods, those of it that nothing else explains, and where the refusal stands.
type Refused<'c, 'a> = (&'c PodGroup<'a>, Vec<ObjectRef>, &'static str);

fn check(cx: &Context<'_>, out: &mut Out<'_>) {
    let mut stories: BTreeMap<Story<'_>, Vec<Refused<'_, '_>>> = BTreeMap::new();
    for group in cx.groups.iter().filter(|group| group.verdict.outcome == Outcome::OtherScheduler) {
        let scheduler = group.lead().spec.scheduler();
        let Some((path, said)) = refusal(cx, group.lead(), scheduler) else {
            out.skip(cx.unread(&[Kind::Event]));
            continue;
        };
        let (known, rest): (Vec<ObjectRef>, Vec<ObjectRef>) =
            group.objects().into_iter().partition(|pod| out.explained(pod));
        let lower = said.to_lowercase();
        match known.first().filter(|_| TOGETHER.iter().any(|words| lower.contains(words))) {
            Some(known) => with_known(out, known, &rest, (path, said)),
            None if rest.is_empty() => {}
            None => stories.entry((scheduler, said)).or_default().push((group, rest, path)),
        }
    }
    for ((scheduler, said), groups) in stories {
        out.add(finding(cx, scheduler, said, &groups));
    }
}

/// The pods of a gang wait for what keeps one of them.
fn with_known(out: &mut Out<'_>, known: &ObjectRef, rest: &[ObjectRef], (path, said): (&str, &str)) {
    for pod in rest {
        out.explain_with(known, pod);
    }
    let note = "what the pods' own scheduler says: it places all of them or none";
    out.note(known, Context::fact(known.clone(), path, said, note));
}

/// Where and how the pod's own scheduler refuses it.
fn refusal<'a>(cx: &Context<'a>, pod: &'a Pod, scheduler: &str) -> Option<(&'static str, &'a str)> {
    let condition = pod.condition("PodScheduled").filter(|condition| condition.reason == "Unschedulable");
    let said = condition.map(|condition| ("status.conditions[PodScheduled].message", condition.message.as_str()));
    let history = cx.history(Kind::Pod, &pod.metadata).by(|component| component == scheduler);
    let failed = history.standing(|event| event.reason == "FailedScheduling", |event| event.reason == "Scheduled");
    let event = failed.first().map(|event| ("events", event.message.as_str()));
    said.into_iter().chain(event).find(|(_, text)| !text.is_empty())
}

fn finding(cx: &Context<'_>, scheduler: &str, said: &str, groups: &[Refused<'_, '_>]) -> Finding {
    let names: Vec<&str> = groups.iter().flat_map(|(_, pods, _)| pods).map(|pod| pod.name.as_str()).collect();
    let (lead, _, path) = &groups[0];
    let wanted = wants_bound(cx, lead.lead(), said);
    let mut title =
        format!("{} can't be scheduled: scheduler {scheduler} says: {said}", capital(&named("pod", &names)));
    if let Some((claim, class)) = wanted {
        let (claim, class) = (&claim.metadata.name, &class.metadata.name);
        title = title.trim_end_matches('.').to_owned();
        title.push_str(&format!(
            "; it waits for claim {claim} to be bound, and class {class} binds it only to a node that a scheduler has chosen"
        ));
    }
    let object = pod_ref(lead.lead());
    let note = "kube-scheduler leaves the pod to this scheduler";
    let finding = RULE
        .finding(lead.subject(), title)
        .evidence(object.clone(), *path, said, "what the pod's own scheduler says")
        .evidence(object, "spec.schedulerName", scheduler, note)
        .explains_all(groups.iter().flat_map(|(_, pods, _)| pods.clone()))
        .explains_all(wanted.map(|(claim, _)| claim_ref(claim)));
    let finding = match wanted {
        Some((claim, class)) => deadlocked(scheduler, claim, class, finding),
        None => finding,
    };
    finding.remedy(look(lead.lead(), scheduler))
}

/// The claim that the scheduler wants to be bound and that waits for a node itself.
fn wants_bound<'a>(cx: &Context<'a>, pod: &Pod, said: &str) -> Option<(&'a Claim, &'a StorageClass)> {
    let unbound = ["pending", "unbound", "not bound"].iter().any(|word| said.to_lowercase().contains(word));
    let delayed = cx.delayed_claims(pod).into_iter().filter(|_| unbound);
    delayed.into_iter().find(|(claim, _)| claim.selected_node().is_none() && said.contains(&claim.metadata.name))
}

fn deadlocked(scheduler: &str, claim: &Claim, class: &StorageClass, finding: Finding) -> Finding {
    let name = &class.metadata.name;
    let what = format!(
        "Upgrade scheduler {scheduler} to a release that knows classes which wait for the first consumer, leave the pod to \
         kube-scheduler, or use a class with volumeBindingMode Immediate in place of {name}"
    );
    let reason = "what another scheduler decides is not known";
    finding
        .evidence(
            claim_ref(claim),
            "metadata.annotations[volume.kubernetes.io/selected-node]",
            "not set",
            "no scheduler has chosen a node for it",
        )
        .evidence(
            ObjectRef::new(Kind::StorageClass, "", name),
            "volumeBindingMode",
            "WaitForFirstConsumer",
            "the volume is made on the node that a scheduler has chosen for the pod, and not before",
        )
        .remedy(Remedy::untried("End the circle", Risk::Medium, vec![Step::told(what)], reason))
}

fn look(pod: &Pod, scheduler: &str) -> Remedy {
    let command = command::kubectl(&["describe", "pod"], &[&pod.metadata.name], &[("-n", &pod.metadata.namespace)]);
    let what = format!("Read what {scheduler} says of the pod, and change the pod or what that scheduler may use");
    let reason = "what another scheduler decides is not known";
    Remedy::untried("Do what its scheduler asks for", Risk::Low, vec![Step { command, ..Step::told(what) }], reason)
}
