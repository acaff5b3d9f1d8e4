use super::injected::{Case, cases, with_request_facts, with_webhook_facts};
use crate::diagnosis::context::Context;
use crate::diagnosis::finding::Finding;
use crate::diagnosis::out::Causes;
use crate::diagnosis::remedy::{Remedy, Risk, Step, Trial};
use crate::model::{Kind, ObjectRef, Workload};
use crate::rules::topolvm::extender::{extender_of, with_scheduler_facts};
use crate::rules::topolvm::webhook_off::{configuration, webhook_off};

crate::rules::declare_rule! {
    static RULE = {
        name: "extender-not-wired",
        summary: "A webhook gives pods a request for a scheduler extender that kube-scheduler does not call.",
        severity: Error,
        since: "0.1.0",
        needs: [Pod, Node],
        reads: [MutatingWebhookConfiguration, CSIDriver, Deployment, DaemonSet, DeviceClass],
        rejected_pods: true,
        stage: Cause,
        check: check,
    }
}

/// Whether the extender for which the resource is meant runs, and capacity tracking doesn't make it superfluous.
pub(in crate::rules) fn applies(cx: &Context<'_>, case: &Case<'_, '_>) -> bool {
    extender(cx, case).is_some() && !case.injectors.list().is_empty()
}

fn extender<'a>(cx: &Context<'a>, case: &Case<'_, '_>) -> Option<(Kind, &'a Workload)> {
    let driver = case.topolvm()?;
    let tracking = cx.snapshot.csi_drivers.get("", driver).found().and_then(|driver| driver.spec.storage_capacity);
    let (kind, workload) = extender_of(cx, driver).ok()??;
    let wanted = kind == Kind::DaemonSet || workload.replicas() > 0;
    (tracking != Some(true) && wanted).then_some((kind, workload))
}

fn check(cx: &Context<'_>, out: &mut Causes) {
    for case in cases(cx) {
        match extender(cx, &case) {
            Some(extender) if !case.injectors.list().is_empty() => out.add(finding(cx, &case, extender)),
            Some(_) => out.skip(cx.unread(&[Kind::MutatingWebhookConfiguration])),
            None if case.topolvm().is_some() => {
                out.skip(cx.unread_anywhere(&[Kind::Deployment, Kind::DaemonSet]));
            }
            None => {}
        }
    }
}

fn finding(cx: &Context<'_>, case: &Case<'_, '_>, (kind, workload): (Kind, &Workload)) -> Finding {
    let resource = &case.injection.resource;
    let injector = &case.injectors.list()[0];
    let title = format!(
        "Webhook {} gives pods a request for {resource}, which only a scheduler extender serves, and kube-scheduler \
         does not call one",
        injector.webhook
    );
    let meta = &workload.metadata;
    let mut finding = RULE.finding(configuration(&injector.configuration), title);
    finding = with_request_facts(cx, case, finding);
    finding = with_webhook_facts(cx, case, finding).evidence(
        ObjectRef::new(kind, &meta.namespace, &meta.name),
        "",
        "runs",
        format!(
            "the extender exists, but kube-scheduler still counts {resource} itself: its configuration does not name \
             the extender with ignoredByScheduler"
        ),
    );
    if cx.unread_anywhere(&[Kind::CSIDriver, Kind::DeviceClass]).is_some() {
        finding = finding.likely();
    }
    with_scheduler_facts(cx, finding).explains_all(case.victims()).with_remedies(remedies(cx, case))
}

fn remedies(cx: &Context<'_>, case: &Case<'_, '_>) -> Vec<Remedy> {
    let recreate = cx.recreate_steps(&case.victims());
    let (mut steps, known) = webhook_off(cx, case.injectors.list());
    steps.extend(recreate.iter().cloned());
    let mut off = Remedy::new("Change to storage capacity tracking, then recreate the pods", Risk::Medium, steps);
    if let Err(reason) = known {
        off.trial = Trial::Untried(reason);
    }
    let told = Step::told(format!(
        "Start kube-scheduler with a KubeSchedulerConfiguration whose extenders name {} as a managed resource with \
         ignoredByScheduler: true",
        case.injection.resource
    ));
    let reason = "kube-scheduler's configuration is a file that the API server does not show";
    let wire = Remedy::untried("Wire kube-scheduler to the extender", Risk::High, vec![told], reason);
    vec![off, wire, Remedy::new("Recreate the pods alone", Risk::Low, recreate)]
}
