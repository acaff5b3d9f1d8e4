use std::collections::BTreeMap;

use crate::diagnosis::command;
use crate::diagnosis::context::{Context, PodGroup, pod_ref};
use crate::diagnosis::finding::Finding;
use crate::diagnosis::out::Causes;
use crate::diagnosis::remedy::{Remedy, Risk, Step};
use crate::diagnosis::who::Who;
use crate::model::{Kind, Pod};
use crate::scheduler::Outcome;

crate::rules::declare_rule! {
    static RULE = {
        name: "other-scheduler-refuses",
        summary: "Pods name another scheduler, and that one says why it does not place them.",
        severity: Error,
        since: "0.1.0",
        needs: [Pod],
        reads: [Event],
        stage: Cause,
        check: check,
    }
}

/// Pods of one scheduler that it refuses in the same words.
type Story<'c> = (&'c str, &'c str);

fn check(cx: &Context<'_>, out: &mut Causes) {
    let mut stories: BTreeMap<Story<'_>, Vec<(&PodGroup<'_>, &'static str)>> = BTreeMap::new();
    for group in cx.groups.iter().filter(|group| group.verdict.outcome == Outcome::OtherScheduler) {
        let scheduler = group.lead().spec.scheduler();
        match refusal(cx, group.lead(), scheduler) {
            Some((path, said)) => stories.entry((scheduler, said)).or_default().push((group, path)),
            None => out.skip(cx.unread(&[Kind::Event])),
        }
    }
    for ((scheduler, said), groups) in stories {
        out.add(finding(scheduler, said, &groups));
    }
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

fn finding(scheduler: &str, said: &str, groups: &[(&PodGroup<'_>, &'static str)]) -> Finding {
    let names: Vec<&str> = groups.iter().flat_map(|(group, _)| group.names()).collect();
    let title = format!("{} can't be scheduled: scheduler {scheduler} says: {said}", Who::new("pod", &names));
    let (lead, path) = groups[0];
    let object = pod_ref(lead.lead());
    let note = "kube-scheduler leaves the pod to this scheduler";
    RULE.finding(lead.subject(), title)
        .evidence(object.clone(), path, said, "what the pod's own scheduler says")
        .evidence(object, "spec.schedulerName", scheduler, note)
        .explains_all(groups.iter().flat_map(|(group, _)| group.objects()))
        .remedy(look(lead.lead(), scheduler))
}

fn look(pod: &Pod, scheduler: &str) -> Remedy {
    let command = command::kubectl(&["describe", "pod"], &[&pod.metadata.name], &[("-n", &pod.metadata.namespace)]);
    let what = format!("Read what {scheduler} says of the pod, and change the pod or what that scheduler may use");
    let reason = "what another scheduler decides is not known";
    Remedy::untried("Do what its scheduler asks for", Risk::Low, vec![Step { command, ..Step::told(what) }], reason)
}
