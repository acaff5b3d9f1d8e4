use std::collections::{BTreeMap, BTreeSet};

use crate::diagnosis::context::{Context, PodGroup, pod_ref};
use crate::diagnosis::finding::{Finding, Severity};
use crate::diagnosis::out::Out;
use crate::diagnosis::remedy::{Remedy, Risk, Step};
use crate::diagnosis::who::Who;
use crate::model::Pod;
use crate::scheduler::Outcome;

crate::rules::declare_rule! {
    static RULE = {
        name: "other-scheduler-missing",
        summary: "Pods name a scheduler of which the cluster shows no sign.",
        severity: Error,
        since: "0.1.0",
        needs: [Pod],
        reads: [Event],
        stage: Obstacle,
        check: check,
    }
}

fn check(cx: &Context<'_>, out: &mut Out<'_>) {
    let named = |group: &&PodGroup<'_>| {
        let known = group.pods.iter().all(|pod| out.explained(&pod_ref(pod)));
        group.verdict.outcome == Outcome::OtherScheduler && !super::scheduling_gated::gated(group.lead()) && !known
    };
    let others: Vec<&PodGroup<'_>> = cx.groups.iter().filter(named).collect();
    if others.is_empty() {
        return;
    }
    let names: BTreeSet<&str> = others.iter().map(|group| group.lead().spec.scheduler()).collect();
    let signs = signs(cx, &names);
    for group in others {
        let scheduler = group.lead().spec.scheduler();
        match signs.get(scheduler) {
            Some(sign) => out.add(waiting(group, scheduler, sign)),
            None => out.add(missing(cx, group, scheduler)),
        }
    }
}

/// By scheduler, what shows that it runs: pods that it has placed or judged, events of its own, or pods of its name.
fn signs<'c>(cx: &Context<'_>, names: &BTreeSet<&'c str>) -> BTreeMap<&'c str, String> {
    let mut signs = BTreeMap::new();
    for event in cx.snapshot.events.seen() {
        if let Some(name) = names.get(event.component()) {
            signs.entry(*name).or_insert_with(|| "it writes events".to_owned());
        }
    }
    for pod in cx.snapshot.pods.seen() {
        let judged = pod.assigned() || pod.condition("PodScheduled").is_some();
        if let Some(name) = names.get(pod.spec.scheduler()).filter(|_| judged) {
            signs.entry(*name).or_insert_with(|| format!("it has judged pod {}", pod.metadata.name));
        }
        if pod.assigned()
            && !pod.finished()
            && let Some(name) = names.iter().find(|name| looks_like(pod, name))
        {
            signs.entry(*name).or_insert_with(|| format!("pod {} looks like it", pod.metadata.name));
        }
    }
    signs
}

fn looks_like(pod: &Pod, scheduler: &str) -> bool {
    let labels = ["app", "component", "app.kubernetes.io/name", "app.kubernetes.io/component"];
    pod.metadata.name == scheduler
        || pod.metadata.name.starts_with(&format!("{scheduler}-"))
        || labels.iter().any(|label| pod.metadata.labels.get(*label).is_some_and(|value| value == scheduler))
}

fn missing(cx: &Context<'_>, group: &PodGroup<'_>, scheduler: &str) -> Finding {
    let names = group.names();
    let title =
        format!("{} for scheduler {scheduler}, which does not seem to run", Who::new("pod", &names).does("wait"));
    let mut finding = RULE.finding(group.subject(), title).evidence(
        pod_ref(group.lead()),
        "spec.schedulerName",
        scheduler,
        "kube-scheduler leaves the pod alone; no pod, event or judgement of this scheduler was seen",
    );
    if !cx.snapshot.events.complete() || !cx.snapshot.pods.complete() || cx.snapshot.events.seen().is_empty() {
        finding = finding.likely();
    }
    let steps = vec![Step::told(format!(
        "Start scheduler {scheduler}, or take schedulerName out of the template and delete the pods"
    ))];
    let remedy =
        Remedy::untried("Start the scheduler, or do without it", Risk::Low, steps, "another scheduler decides");
    finding.explains_all(group.objects()).remedy(remedy)
}

fn waiting(group: &PodGroup<'_>, scheduler: &str, sign: &str) -> Finding {
    let names = group.names();
    let title = format!("{} for scheduler {scheduler}, not for kube-scheduler", Who::new("pod", &names).does("wait"));
    let note = format!("the scheduler runs ({sign}); what it decides can't be told here");
    Finding::new(RULE.name, Severity::Info, group.subject(), title)
        .evidence(pod_ref(group.lead()), "spec.schedulerName", scheduler, note)
        .explains_all(group.objects())
}
