use super::injected::{Case, cases, with_request_facts};
use crate::admission::Injectors;
use crate::diagnosis::context::Context;
use crate::diagnosis::finding::Finding;
use crate::diagnosis::out::Causes;
use crate::diagnosis::remedy::{Remedy, Risk, Step};
use crate::diagnosis::text::{either, names};
use crate::model::Kind;

crate::rules::declare_rule! {
    static RULE = {
        name: "stale-injected-request",
        summary: "Pods still carry a request that a webhook added which is gone, and no node offers the resource.",
        severity: Error,
        since: "0.1.0",
        needs: [Pod, Node, MutatingWebhookConfiguration],
        reads: [Namespace],
        rejected_pods: true,
        stage: Cause,
        check: check,
    }
}

fn check(cx: &Context<'_>, out: &mut Causes) {
    let (stale, others): (Vec<_>, Vec<_>) = cases(cx).into_iter().partition(|case| case.injectors == Injectors::None);
    if others.iter().any(|case| case.injectors.list().iter().all(|injector| injector.doubt.is_some())) {
        out.skip(cx.unread_anywhere(&[Kind::Namespace]));
    }
    for case in &stale {
        for group in &case.groups {
            let one = Case {
                injection: case.injection.clone(),
                injectors: Injectors::None,
                groups: vec![group],
                proven: case.proven,
            };
            out.add(finding(cx, &one));
        }
    }
}

fn finding(cx: &Context<'_>, case: &Case<'_, '_>) -> Finding {
    let group = case.groups[0];
    let resource = &case.injection.resource;
    let pods = group.names();
    let title = format!(
        "{} {} still {} for {resource}, which admission added and no webhook adds any more; no node offers it",
        either(pods.len(), "Pod", "Pods"),
        names(&pods),
        either(pods.len(), "asks", "ask"),
    );
    let mut finding = RULE.finding(group.subject(), title);
    if !case.proven {
        finding = finding.likely();
    }
    finding = with_request_facts(cx, case, finding);
    finding = finding.evidence(
        group.subject(),
        "",
        "no mutating webhook",
        format!("no mutating webhook that is called for these pods adds {resource}: new pods come without it"),
    );
    finding.explains_all(case.victims()).remedy(remedy(cx, case))
}

fn remedy(cx: &Context<'_>, case: &Case<'_, '_>) -> Remedy {
    if case.groups[0].owner.is_none() {
        let told = Step::told("Delete the pod and create it again from its manifest, without the request");
        let reason = "the pod has no controller, and its manifest is not in the cluster";
        return Remedy::untried("Create the pod again", Risk::Medium, vec![told], reason);
    }
    Remedy::new("Recreate the pods", Risk::Low, cx.recreate_steps(&case.victims()))
}
