use crate::diagnosis::context::{Context, PodGroup, pod_ref};
use crate::diagnosis::finding::{Finding, Severity};
use crate::diagnosis::findings::Findings;
use crate::diagnosis::text::{capital, either, named, names};
use crate::model::Pod;

super::declare_rule! {
    static RULE = {
        name: "scheduling-gated",
        summary: "Pods are held back by scheduling gates until somebody removes them.",
        severity: Warning,
        since: "0.1.0",
        needs: [Pod],
        check: check,
    }
}

fn check(cx: &Context<'_>, out: &mut Findings) {
    for group in cx.groups.iter().filter(|group| gated(group.lead())) {
        out.add(finding(group));
    }
}

/// Whether gates hold the pod, whichever scheduler is to take it.
pub(super) fn gated(pod: &Pod) -> bool {
    !pod.spec.scheduling_gates.is_empty()
}

fn finding(group: &PodGroup<'_>) -> Finding {
    let pods = group.names();
    let gates: Vec<&str> = group.lead().spec.scheduling_gates.iter().map(|gate| gate.name.as_str()).collect();
    let title = format!(
        "{} {} held back by {}",
        capital(&named("pod", &pods)),
        either(pods.len(), "is", "are"),
        named("scheduling gate", &gates),
    );
    let owner = gates.iter().filter_map(|gate| gate.split_once('/')).map(|(domain, _)| domain).next();
    let note = match owner {
        Some(domain) => format!("the scheduler looks at the pod once {domain}'s controller has removed the gate"),
        None => "the scheduler looks at the pod once whoever set the gate has removed it".to_owned(),
    };
    Finding::new(RULE.name, Severity::Warning, group.subject(), title)
        .evidence(pod_ref(group.lead()), "spec.schedulingGates", names(&gates), note)
        .explains_all(group.objects())
}
