use super::injected::{Case, cases, with_request_facts, with_webhook_facts};
use crate::admission::Injectors;
use crate::diagnosis::context::Context;
use crate::diagnosis::finding::Finding;
use crate::diagnosis::out::Causes;
use crate::diagnosis::remedy::{Remedy, Risk, Step, Trial};
use crate::model::{Kind, ObjectRef};
use crate::rules::topolvm::extender::{extender_of, with_scheduler_facts};
use crate::rules::topolvm::webhook_off::{configuration, webhook_off};

crate::rules::declare_rule! {
    static RULE = {
        name: "unserved-injected-resource",
        summary: "A webhook gives pods a request for an extended resource that no node offers.",
        severity: Error,
        since: "0.1.0",
        needs: [Pod, Node],
        reads: [MutatingWebhookConfiguration, CSIDriver, Deployment, DaemonSet],
        rejected_pods: true,
        stage: Cause,
        check: check,
    }
}

fn check(cx: &Context<'_>, out: &mut Causes) {
    for case in cases(cx) {
        if case.injectors != Injectors::None && !super::extender_not_wired::applies(cx, &case) {
            out.add(finding(cx, &case));
        }
    }
}

fn finding(cx: &Context<'_>, case: &Case<'_, '_>) -> Finding {
    let resource = &case.injection.resource;
    let named = case.injectors.list().iter().all(|injector| injector.named && injector.doubt.is_none());
    let (object, title) = match case.injectors.list() {
        [one] => (
            configuration(&one.configuration),
            format!("Webhook {} gives pods a request for {resource}, and no node offers that resource", one.webhook),
        ),
        [] => (
            case.groups[0].subject(),
            format!("Admission gave pods a request for {resource}, and no node offers that resource"),
        ),
        _ => (
            case.groups[0].subject(),
            format!("A webhook gives pods a request for {resource}, and no node offers that resource"),
        ),
    };
    let mut finding = RULE.finding(object, title);
    if !named || !case.proven || case.injectors.list().len() != 1 {
        finding = finding.likely();
    }
    finding = with_request_facts(cx, case, finding);
    finding = with_webhook_facts(cx, case, finding);
    if let Some(driver) = case.topolvm() {
        finding = with_mode_facts(cx, driver, finding);
    }
    finding.explains_all(case.victims()).with_remedies(remedies(cx, case))
}

/// TopoLVM places pods either by storage capacity tracking, without the webhook, or by a scheduler extender, with it.
fn with_mode_facts(cx: &Context<'_>, driver: &str, finding: Finding) -> Finding {
    let object = ObjectRef::new(Kind::CSIDriver, "", driver);
    let finding = match cx.snapshot.csi_drivers.get("", driver).found().map(|driver| driver.spec.storage_capacity) {
        Some(Some(true)) => finding.evidence(
            object,
            "spec.storageCapacity",
            "true",
            "the scheduler chooses nodes by published capacity, so nothing needs the webhook's request: it is left over",
        ),
        Some(_) => finding.evidence(
            object,
            "spec.storageCapacity",
            "false",
            "storage capacity tracking is off, so placement rests on the webhook and TopoLVM's scheduler extender",
        ),
        None => finding,
    };
    let finding = with_scheduler_facts(cx, finding);
    match extender_of(cx, driver) {
        Ok(None) => finding.evidence(
            ObjectRef::new(Kind::CSIDriver, "", driver),
            "",
            "no scheduler extender",
            "no Deployment or DaemonSet of TopoLVM's scheduler extender (topolvm-scheduler) exists",
        ),
        Ok(Some(_)) | Err(()) => finding,
    }
}

fn remedies(cx: &Context<'_>, case: &Case<'_, '_>) -> Vec<Remedy> {
    let recreate = cx.recreate_steps(&case.victims());
    let injectors = case.injectors.list();
    if injectors.is_empty() {
        let told = Step::told(format!("Find what adds {} to pods and switch it off", case.injection.resource));
        let steps = std::iter::once(told).chain(recreate).collect();
        let reason = "mutating webhook configurations could not be read";
        return vec![Remedy::untried("Stop the injection, then recreate the pods", Risk::Medium, steps, reason)];
    }
    let (mut steps, known) = webhook_off(cx, injectors);
    steps.extend(recreate.iter().cloned());
    let mut off = Remedy::new("Switch the webhook off, then recreate the pods", Risk::Medium, steps);
    if let Err(reason) = known {
        off.trial = Trial::Untried(reason);
    }
    vec![off, Remedy::new("Recreate the pods alone", Risk::Low, recreate)]
}
