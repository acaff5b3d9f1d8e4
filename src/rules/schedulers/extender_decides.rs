use crate::diagnosis::context::{Context, PodGroup, pod_ref};
use crate::diagnosis::finding::{Evidence, Finding, Severity};
use crate::diagnosis::out::Causes;
use crate::diagnosis::remedy::{Remedy, Risk};
use crate::diagnosis::text::names;
use crate::diagnosis::who::Who;
use crate::model::quantity::short_bytes;
use crate::model::{Kind, Pod, Quantity};
use crate::rules::topolvm::capacity::{self, is_topolvm};
use crate::rules::topolvm::extender::with_scheduler_facts;
use crate::scheduler::{Outcome, foreign_reasons};

crate::rules::declare_rule! {
    static RULE = {
        name: "extender-decides",
        summary: "Pods pass kube-scheduler's own plugins, and a scheduler extender refuses the nodes.",
        severity: Error,
        since: "0.1.0",
        needs: [Pod, Node],
        reads: [DeviceClass],
        stage: Cause,
        check: check,
    }
}

fn check(cx: &Context<'_>, out: &mut Causes) {
    for group in cx.groups.iter().filter(|group| group.verdict.outcome == Outcome::Unknown) {
        if cx.scheduler.extender(group.lead()).is_some() {
            out.add(finding(cx, group));
        }
    }
    let unread = cx.unread_anywhere(&[Kind::DeviceClass]).filter(|_| cx.options.scheduler_config.is_none());
    if unread.is_some() && cx.groups.iter().any(|group| !refusals(group.lead()).is_empty()) {
        out.skip(unread);
    }
}

/// What an extender says of a pod: the reasons in the scheduler's last word that are no plugin's.
fn refusals(pod: &Pod) -> Vec<String> {
    let condition = pod.condition("PodScheduled").filter(|condition| condition.status == "False");
    condition.map_or_else(Vec::new, |condition| foreign_reasons(&condition.message))
}

fn finding(cx: &Context<'_>, group: &PodGroup<'_>) -> Finding {
    let pods = group.names();
    let condition = group.lead().condition("PodScheduled").filter(|condition| condition.status == "False");
    let reasons = refusals(group.lead());
    let says = match reasons.as_slice() {
        [] => "whose answer the cluster does not show".to_owned(),
        some => format!("which says: {}", names(some)),
    };
    let title = format!("{} for a scheduler extender, {says}", Who::new("pod", &pods).does("wait"));
    let fresh = group.pods.iter().all(|pod| cx.fresh(&pod.metadata));
    let severity = match (reasons.is_empty(), fresh) {
        (true, true) => Severity::Info,
        (true, false) => Severity::Warning,
        (false, _) => Severity::Error,
    };
    let mut finding = Finding::new(RULE.name, severity, group.subject(), title).likely();
    if let Some(condition) = condition {
        let path = "status.conditions[PodScheduled].message";
        finding = finding.evidence(pod_ref(group.lead()), path, &condition.message, "what the scheduler last wrote");
    }
    let managed = managed(cx, group);
    finding = match (cx.options.scheduler_config.is_some(), managed.is_empty()) {
        (true, _) => finding.evidence(
            pod_ref(group.lead()),
            "spec.containers",
            names(&managed),
            "the configuration given with --scheduler-config has an extender for it",
        ),
        (false, true) => finding,
        (false, false) => finding.evidence(
            pod_ref(group.lead()),
            "spec.containers",
            names(&managed),
            "no node offers it, yet kube-scheduler let the pod pass to an extender: it leaves the resource to that",
        ),
    };
    let stale = stale_sizes(cx, group.lead());
    if !stale.is_empty() {
        finding.evidence.extend(stale);
        let reason = "what the extender answers then is not known";
        let steps = cx.recreate_steps(&group.objects());
        finding =
            finding.remedy(Remedy::untried("Recreate the pods, with the size of today", Risk::Low, steps, reason));
    }
    with_scheduler_facts(cx, finding).explains_all(group.objects())
}

/// The sizes that TopoLVM's webhook wrote on a pod when it was made, where its claims ask for another by now; only the extender
/// reads them (TopoLVM, `internal/hook/mutate_pod.go`).
fn stale_sizes(cx: &Context<'_>, pod: &Pod) -> Vec<Evidence> {
    let mut facts = Vec::new();
    for (key, written) in &pod.metadata.annotations {
        let Some((driver, device_class)) = key.strip_prefix("capacity.").and_then(|key| key.split_once('/')) else {
            continue;
        };
        let Some(written) = written.parse::<i64>().ok().filter(|_| is_topolvm(driver)) else { continue };
        let claims = cx.delayed_claims(pod).into_iter();
        let own =
            claims.filter(|(_, class)| class.provisioner == driver && capacity::device_class(class) == device_class);
        let now: i64 = own.map(|(claim, _)| claim.request().map_or(0, Quantity::value)).fold(0, i64::saturating_add);
        if now > 0 && now != written {
            let note = format!("written when the pod was made; its claims ask for {} by now", short_bytes(now));
            facts.push(Context::fact(
                pod_ref(pod),
                &format!("metadata.annotations[{key}]"),
                short_bytes(written),
                note,
            ));
        }
    }
    facts
}

/// The resources that the pod asks for and an extender manages.
fn managed(cx: &Context<'_>, group: &PodGroup<'_>) -> Vec<String> {
    let ignored = cx.scheduler.config().ignored_by_extenders();
    let containers = group.lead().spec.containers.iter();
    let mut asked: Vec<String> =
        containers.flat_map(|container| container.resources.requests.keys()).cloned().collect();
    asked.retain(|resource| ignored.contains(resource));
    asked.sort();
    asked.dedup();
    asked
}
