use std::collections::BTreeMap;

use super::support::{classes_of, workloads_of};
use crate::diagnosis::context::{ClaimCase, Context, claim_ref, pod_ref};
use crate::diagnosis::finding::{Finding, Severity};
use crate::diagnosis::findings::Findings;
use crate::diagnosis::remedy::{Remedy, Risk, Step};
use crate::model::class::StorageClass;
use crate::model::{Kind, ObjectRef};
use crate::snapshot::Lookup;
use crate::volumes::Decision;

super::declare_rule! {
    static RULE = {
        name: "driver-not-installed",
        summary: "A storage class names a provisioner of which the cluster shows no sign.",
        severity: Error,
        since: "0.1.0",
        needs: [PersistentVolumeClaim, StorageClass, CSIDriver, CSINode],
        check: check,
    }
}

/// Where volumes say who provisioned them.
const PROVISIONED_BY: &str = "pv.kubernetes.io/provisioned-by";

fn check(cx: &Context<'_>, out: &mut Findings) {
    let mut by_driver: BTreeMap<&str, Vec<&ClaimCase<'_>>> = BTreeMap::new();
    for case in &cx.claims {
        if let Some(provisioner) = asked(cx, case) {
            by_driver.entry(provisioner).or_default().push(case);
        }
    }
    for (driver, cases) in by_driver {
        if absent(cx, driver) {
            out.add(finding(cx, driver, &cases));
        }
    }
}

/// The provisioner whose turn it is: the volume controller waits for it, or the claim waits for a pod that exists.
fn asked<'c>(cx: &'c Context<'_>, case: &'c ClaimCase<'_>) -> Option<&'c str> {
    match &case.verdict.decision {
        Decision::ExternalProvisioning { provisioner, .. } => Some(provisioner),
        Decision::WaitForConsumer { class, .. } if !cx.pending_users(case.claim).is_empty() => {
            let class = cx.snapshot.classes.get("", class).found()?;
            let external = !class.provisioner.starts_with("kubernetes.io/") && !class.provisioner.is_empty();
            external.then_some(class.provisioner.as_str())
        }
        _ => None,
    }
}

/// Whether nothing in the cluster shows that the provisioner was ever there. Provisioners that aren't CSI drivers have
/// no CSIDriver; they show by the volumes that they made, by their pods or by their events.
fn absent(cx: &Context<'_>, driver: &str) -> bool {
    let snapshot = cx.snapshot;
    let registered = cx.index.nodes_with(driver).is_some();
    let made_volumes = || {
        snapshot
            .volumes
            .seen()
            .iter()
            .any(|v| v.metadata.annotations.get(PROVISIONED_BY).is_some_and(|by| by == driver))
    };
    let wrote_events = || snapshot.events.seen().iter().any(|event| event.component().starts_with(driver));
    matches!(snapshot.csi_drivers.get("", driver), Lookup::Absent)
        && !registered
        && !made_volumes()
        && workloads_of(cx, driver).is_empty()
        && !wrote_events()
}

fn finding(cx: &Context<'_>, driver: &str, cases: &[&ClaimCase<'_>]) -> Finding {
    let classes: Vec<&StorageClass> = classes_of(cx, driver).collect();
    let class = classes.first().map_or("", |class| class.metadata.name.as_str());
    let title = format!("Storage class {class} names provisioner {driver}, and nothing in the cluster provides it");
    let object = ObjectRef::new(Kind::StorageClass, "", class);
    let mut finding = Finding::new(RULE.name, Severity::Error, object.clone(), title)
        .evidence(object, "provisioner", driver, "claims of the class wait for it")
        .evidence(
            ObjectRef::new(Kind::CSIDriver, "", driver),
            "",
            "not found",
            "no CSIDriver has this name, no CSINode lists it, no volume was made by it, and no workload looks like it",
        );
    if !driver.contains("csi") {
        finding = finding.likely();
    }
    for case in cases {
        finding = finding.explains(claim_ref(case.claim));
        finding = finding.explains_all(cx.held_by(case.claim).into_iter().map(pod_ref));
    }
    let install = Step::told(format!("Install the driver that provides {driver}, or correct the class's provisioner"));
    finding.remedy(Remedy::untried(
        "Install the driver",
        Risk::Low,
        vec![install],
        "what the driver would offer is not known",
    ))
}
