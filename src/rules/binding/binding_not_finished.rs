use crate::diagnosis::command;
use crate::diagnosis::context::{Context, claim_ref, pod_ref};
use crate::diagnosis::finding::{Evidence, Finding};
use crate::diagnosis::out::Out;
use crate::diagnosis::remedy::{Remedy, Risk, Step};
use crate::diagnosis::text::names;
use crate::model::{Claim, Pod};
use crate::scheduler::Outcome;

crate::rules::declare_rule! {
    static RULE = {
        name: "binding-not-finished",
        summary: "kube-scheduler chose a node for pods, and a later step of binding them failed.",
        severity: Error,
        since: "0.1.0",
        needs: [Pod],
        reads: [PersistentVolumeClaim],
        stage: Rest,
        check: check,
    }
}

const CONDITION: &str = "status.conditions[PodScheduled].message";

/// The step at which binding failed, as the scheduler words it (`runtime/framework.go`, RunReservePluginsReserve,
/// RunPermitPlugins, RunPreBindPlugins, RunBindPlugins).
struct Failed<'p> {
    phase: &'static str,
    plugin: &'p str,
    error: &'p str,
    message: &'p str,
}

fn check(cx: &Context<'_>, out: &mut Out<'_>) {
    let open = |outcome| matches!(outcome, Outcome::Schedulable | Outcome::Unknown);
    let cases = cx.pods.iter().filter(|case| open(case.verdict.outcome));
    for (pod, failed) in cases.filter_map(|case| Some((case.pod, failed(case.pod)?))) {
        let object = pod_ref(pod);
        let unbound: Vec<&Claim> = claims(cx, pod).filter(|claim| !claim.fully_bound()).collect();
        let overtaken = failed.plugin == "VolumeBinding" && unbound.is_empty() && all_claims_seen(cx, pod);
        if out.explained(&object) {
            let note = "kube-scheduler chose a node, and this step did not end well; it will try again".to_owned();
            let path = CONDITION.to_owned();
            out.note(&object, Evidence { object: object.clone(), path, value: failed.message.to_owned(), note });
        } else if !overtaken {
            out.add(finding(pod, &failed, &unbound));
        }
    }
}

fn claims<'a>(cx: &Context<'a>, pod: &Pod) -> impl Iterator<Item = &'a Claim> {
    cx.claims_of(pod).into_iter().filter_map(|(_, claim)| claim.found()).map(|claim| &**claim)
}

fn all_claims_seen(cx: &Context<'_>, pod: &Pod) -> bool {
    cx.claims_of(pod).into_iter().all(|(_, claim)| claim.found().is_some())
}

fn failed(pod: &Pod) -> Option<Failed<'_>> {
    let condition = pod.condition("PodScheduled").filter(|condition| condition.reason == "SchedulerError")?;
    let message = condition.message.as_str();
    ["PreBind", "Bind", "Reserve", "Permit"].into_iter().find_map(|phase| {
        let (_, rest) = message.split_once(&format!("running {phase} plugin \""))?;
        let (plugin, error) = rest.split_once("\": ")?;
        Some(Failed { phase, plugin, error, message })
    })
}

fn finding(pod: &Pod, failed: &Failed<'_>, unbound: &[&Claim]) -> Finding {
    let object = pod_ref(pod);
    let Failed { phase, plugin, error, .. } = failed;
    let title = format!(
        "Pod {} was given a node and could not be bound to it: {plugin} failed in {phase}: {error}",
        pod.metadata.name
    );
    let note = "what it wrote; it tries again, and the same happens until this is dealt with";
    let mut finding = RULE.finding(object.clone(), title).evidence(object, CONDITION, failed.message, note);
    for claim in unbound {
        let node = claim.selected_node().map_or_else(|| "no node selected".to_owned(), |node| format!("for {node}"));
        let note = format!("the claim is not bound ({node})");
        finding = finding.evidence(claim_ref(claim), "status.phase", claim.status.phase.clone(), note);
    }
    let objects = unbound.iter().map(|claim| claim_ref(claim));
    finding.explains(pod_ref(pod)).explains_all(objects).remedy(look(pod, failed, unbound))
}

fn look(pod: &Pod, failed: &Failed<'_>, unbound: &[&Claim]) -> Remedy {
    let (kind, list): (_, Vec<&str>) = match unbound {
        [] => ("pod", vec![&pod.metadata.name]),
        claims => ("pvc", claims.iter().map(|claim| claim.metadata.name.as_str()).collect()),
    };
    let what = match unbound {
        [] => format!("Read the events of pod {}, and what refuses {} there", pod.metadata.name, failed.phase),
        _ => format!("Read the events of claim {}: they say what its volume waits for", names(&list)),
    };
    let command = command::kubectl(&["describe", kind], &list, &[("-n", &pod.metadata.namespace)]);
    let step = Step { command, ..Step::told(what) };
    Remedy::untried("See what kept it", Risk::Low, vec![step], "what failed lies outside of what was read")
}
